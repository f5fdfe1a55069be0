//! What an operation is to do: stages of steps.
use crate::lifecycle::engine::Step;

/// The lock that the steps of a stage need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Under {
    /// The host's, which the whole operation holds.
    Host,
    /// The cluster's as well.
    Cluster,
}

/// Steps that run one after the other under the same lock.
pub(crate) struct Stage {
    pub(super) under: Under,
    pub(super) steps: Vec<Box<dyn Step>>,
    pub(super) take_back: Option<Box<dyn Step>>,
}

impl Stage {
    /// Steps that change etcd's members or its certificates, or must not meet such a change.
    pub(crate) fn under_cluster_lock(steps: impl IntoIterator<Item = Option<Box<dyn Step>>>) -> Self {
        Self::new(Under::Cluster, steps)
    }

    /// Steps that concern this host only: other nodes may come and go meanwhile.
    pub(crate) fn under_host_lock(steps: impl IntoIterator<Item = Option<Box<dyn Step>>>) -> Self {
        Self::new(Under::Host, steps)
    }

    fn new(under: Under, steps: impl IntoIterator<Item = Option<Box<dyn Step>>>) -> Self {
        Self {
            under,
            steps: steps.into_iter().flatten().collect(),
            take_back: None,
        }
    }

    /// The step that takes this stage and those before it back, should one of its steps fail for good or the run be
    /// stopped before the next stage.
    #[must_use]
    pub(crate) fn or_take_back(self, step: impl Step + 'static) -> Self {
        Self {
            take_back: Some(Box::new(step)),
            ..self
        }
    }
}

/// All that an operation is to do once it has looked.
pub(crate) struct Plan {
    pub(super) stages: Vec<Stage>,
}

impl Plan {
    /// These stages, in this order.
    pub(crate) fn new(stages: impl Into<Vec<Stage>>) -> Self {
        Self {
            stages: stages.into(),
        }
    }

    /// No step at all.
    pub(crate) fn nothing() -> Self {
        Self::new([])
    }

    /// These first.
    #[must_use]
    pub(crate) fn after(mut self, first: Stage) -> Self {
        self.stages.insert(0, first);
        self
    }
}

/// A step of a stage. `None` in its place leaves it out.
#[expect(
    clippy::unnecessary_wraps,
    reason = "a stage is written as a list of steps of which some may be left out"
)]
pub(crate) fn step(step: impl Step + 'static) -> Option<Box<dyn Step>> {
    Some(Box::new(step))
}
