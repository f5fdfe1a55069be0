//! Step: the hosts reach each other on the ports that they need, tried before any change.
use async_trait::async_trait;

use crate::{
    lifecycle::{
        engine::{Act, Check, Run, Step},
        failure::{Failure, failure_of},
        network::{master_connections, places, worker_connections},
        spec::{Join, NodeSettings},
    },
    node::Facts,
    remote::Host,
};

/// Fails with a line for each way that is closed.
#[derive(Debug)]
pub(crate) struct TryConnections {
    /// What was seen of the host.
    pub facts: Facts,
    /// What is wanted of its node.
    pub settings: NodeSettings,
    /// Whom it needs to reach.
    pub others: Others,
}

/// Whom a node needs to reach, and who needs to reach it.
#[derive(Debug)]
pub(crate) enum Others {
    /// The other masters, there or to be.
    Masters(Vec<Host>),
    /// The cluster that a worker joins.
    Cluster(Join),
}

#[async_trait]
impl Step for TryConnections {
    fn title(&self) -> &'static str {
        "try the connections between the hosts"
    }

    async fn check(&self, run: &Run) -> Result<Check, Failure> {
        let problems = match &self.others {
            Others::Masters(masters) => {
                let places = places(masters).await;
                master_connections(&run.host, &self.facts, &self.settings, &places).await
            }
            Others::Cluster(join) => worker_connections(&run.host, &self.facts, &self.settings, join).await,
        };
        match failure_of(&problems) {
            Some(failure) => Err(failure),
            None => Ok(Check::Done),
        }
    }

    async fn perform(&self, _act: Act<'_>) -> Result<(), Failure> {
        Ok(())
    }
}
