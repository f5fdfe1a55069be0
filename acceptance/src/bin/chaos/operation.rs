//! What a round asks Terraform for, and the configuration that holds afterwards.
use std::fmt;

use acceptance::lab::address::NodeName;
use fastrand::Rng;

use super::shape::{Pool, Shape};

/// One Terraform command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A cluster where none was.
    Create(Shape),
    /// `apply -replace` of a node that stays in the configuration.
    Replace(NodeName),
    /// Another number of masters.
    ScaleMasters(Shape),
    /// Another number of workers.
    ScaleWorkers(Shape),
    /// A host joins or leaves those that share the floating address.
    ChangeBalancers(Shape),
    /// `terraform destroy`.
    Destroy,
}

/// How large clusters get.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    /// One, three or five masters.
    Full,
    /// A cluster begins with one master and has three at most: for a short sample.
    Small,
}

impl Operation {
    /// One that is possible for a cluster of this shape.
    pub(crate) fn random(rng: &mut Rng, pool: &Pool, size: Size, start: Option<&Shape>) -> Self {
        let Some(start) = start else {
            let masters = match size {
                Size::Full => *pick(rng, &[(3, 1), (5, 3)]),
                Size::Small => 1,
            };
            let workers = *pick(rng, &[(1, 0), (3, 1), (1, 2)]);
            return Self::Create(Shape::random(rng, pool, masters, workers));
        };
        let scale_masters = |rng: &mut Rng, count| {
            let mut shape = start.clone();
            shape.set_masters(rng, pool, count);
            Self::ScaleMasters(shape)
        };
        let five = if matches!(size, Size::Full) { 2 } else { 0 };
        let replace_worker = if start.workers.is_empty() { 0 } else { 2 };
        let choices: Vec<(u32, Choice)> = match start.masters.len() {
            1 => vec![
                (4, Choice::Masters(3)),
                (replace_worker, Choice::ReplaceWorker),
                (2, Choice::Workers),
                (2, Choice::Destroy),
            ],
            3 => vec![
                (7, Choice::ReplaceMaster),
                (2, Choice::Masters(1)),
                (five, Choice::Masters(5)),
                (replace_worker, Choice::ReplaceWorker),
                (2, Choice::Workers),
                (2, Choice::Balancers),
                (3, Choice::Destroy),
            ],
            _ => vec![
                (4, Choice::ReplaceMaster),
                (4, Choice::Masters(3)),
                (1, Choice::Balancers),
                (1, Choice::Destroy),
            ],
        };
        match *pick(rng, &choices) {
            Choice::ReplaceMaster => Self::Replace(any(rng, &start.masters)),
            Choice::ReplaceWorker => Self::Replace(any(rng, &start.workers)),
            Choice::Masters(count) => scale_masters(rng, count),
            Choice::Workers => {
                let mut shape = start.clone();
                let others: Vec<usize> = (0..=2).filter(|count| *count != start.workers.len()).collect();
                let count = any(rng, &others);
                shape.set_workers(rng, pool, count);
                Self::ScaleWorkers(shape)
            }
            Choice::Balancers => {
                let mut shape = start.clone();
                if shape.balancers.len() < shape.masters.len() {
                    shape.balancers.clone_from(&shape.masters);
                } else {
                    shape.balancers.remove(rng.usize(..shape.balancers.len()));
                }
                Self::ChangeBalancers(shape)
            }
            Choice::Destroy => Self::Destroy,
        }
    }

    /// The configuration afterwards; none if there is no cluster then.
    pub(crate) fn end(&self, start: Option<&Shape>) -> Option<Shape> {
        match self {
            Self::Create(shape)
            | Self::ScaleMasters(shape)
            | Self::ScaleWorkers(shape)
            | Self::ChangeBalancers(shape) => Some(shape.clone()),
            Self::Replace(_) => start.cloned(),
            Self::Destroy => None,
        }
    }

    /// Terraform's arguments.
    pub(crate) fn arguments(&self, start: Option<&Shape>) -> Vec<String> {
        let mut arguments: Vec<String> = ["apply", "-input=false", "-no-color", "-auto-approve"]
            .map(str::to_owned)
            .to_vec();
        match (self, start) {
            (Self::Destroy, _) => arguments.splice(..1, ["destroy".to_owned()]).for_each(drop),
            (Self::Replace(name), Some(start)) => {
                arguments.push(format!("-replace={}", start.resource(*name)));
            }
            _ => {}
        }
        arguments
    }

    /// The nodes that come, go or come again.
    pub(crate) fn targets(&self, start: Option<&Shape>) -> Vec<NodeName> {
        let before = start.map(Shape::nodes).unwrap_or_default();
        match self {
            Self::Replace(name) => vec![*name],
            Self::Destroy => before,
            Self::ChangeBalancers(shape) => shape.masters.clone(),
            Self::Create(shape) | Self::ScaleMasters(shape) | Self::ScaleWorkers(shape) => {
                let after = shape.nodes();
                let differs = |name: &&NodeName| before.contains(name) != after.contains(name);
                before.iter().chain(&after).filter(differs).copied().collect()
            }
        }
    }

    /// About how many steps it takes when nothing disturbs it; a step takes about a second.
    pub(crate) fn steps(&self, start: Option<&Shape>) -> usize {
        let (comes, goes) = (
            |master: bool| if master { 11 } else { 5 },
            |master: bool| {
                if master { 8 } else { 3 }
            },
        );
        let end = self.end(start);
        let is_master = |name: &NodeName| {
            [start, end.as_ref()]
                .iter()
                .flatten()
                .any(|shape| shape.masters.contains(name))
        };
        let in_shape =
            |shape: Option<&Shape>, name: &NodeName| shape.is_some_and(|shape| shape.nodes().contains(name));
        let steps = self
            .targets(start)
            .iter()
            .map(|name| {
                let master = is_master(name);
                match self {
                    Self::Replace(_) => comes(master) + goes(master),
                    Self::ChangeBalancers(_) => 2,
                    _ if in_shape(start, name) => goes(master),
                    _ => comes(master),
                }
            })
            .sum::<usize>();
        steps.max(2)
    }
}

#[derive(Clone, Copy, Debug)]
enum Choice {
    ReplaceMaster,
    ReplaceWorker,
    Masters(usize),
    Workers,
    Balancers,
    Destroy,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(shape) => write!(f, "create {shape}"),
            Self::Replace(name) => write!(f, "replace {name}"),
            Self::ScaleMasters(shape) => write!(f, "masters → {shape}"),
            Self::ScaleWorkers(shape) => write!(f, "workers → {shape}"),
            Self::ChangeBalancers(shape) => write!(f, "balancers → {shape}"),
            Self::Destroy => f.write_str("destroy"),
        }
    }
}

/// One of the values, each as often as its weight says. The first if all weights are 0.
pub(crate) fn pick<'a, T>(rng: &mut Rng, values: &'a [(u32, T)]) -> &'a T {
    let total: u32 = values.iter().map(|(weight, _)| weight).sum();
    let mut left = rng.u32(..total.max(1));
    for (weight, value) in values {
        if left < *weight {
            return value;
        }
        left -= weight;
    }
    #[expect(clippy::indexing_slicing, reason = "nobody picks from nothing")]
    &values[0].1
}

/// Any of the values, of which there is at least one.
pub(crate) fn any<T: Copy>(rng: &mut Rng, values: &[T]) -> T {
    #[expect(
        clippy::indexing_slicing,
        reason = "the index is below the length; nobody asks for any of nothing"
    )]
    values[rng.usize(..values.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_zero_are_never_picked() {
        let mut rng = Rng::with_seed(1);
        for _ in 0..200 {
            assert_eq!(*pick(&mut rng, &[(0, 'a'), (1, 'b'), (0, 'c')]), 'b');
        }
    }

    #[test]
    fn the_only_master_is_never_replaced() {
        let pool = Pool::new().unwrap();
        let mut rng = Rng::with_seed(7);
        let start = Shape::random(&mut rng, &pool, 1, 2);
        for _ in 0..200 {
            let operation = Operation::random(&mut rng, &pool, Size::Full, Some(&start));
            assert!(!matches!(&operation, Operation::Replace(name) if start.masters.contains(name)));
        }
    }

    #[test]
    fn arguments_name_the_resource() {
        let pool = Pool::new().unwrap();
        let mut start = Shape::random(&mut Rng::with_seed(1), &pool, 3, 1);
        start.form = super::super::shape::Form::Symmetric;
        let name = start.masters[1];
        let arguments = Operation::Replace(name).arguments(Some(&start));
        assert_eq!(arguments[4], format!("-replace=ha_master.this[\"{name}\"]"));
        assert_eq!(Operation::Destroy.arguments(Some(&start))[0], "destroy");
        assert_eq!(Operation::Destroy.targets(Some(&start)).len(), 4);
    }
}
