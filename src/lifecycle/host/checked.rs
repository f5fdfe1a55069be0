//! What a look at a host before any change came to.
use super::await_setup::setup_notice;
use crate::{
    lifecycle::notice::Notice,
    node::Facts,
    preflight::{ETCD_FOLDER_NOT_EMPTY, Problem, Severity, bear_setup},
};

/// What a look at a host came to.
#[derive(Debug)]
pub(crate) struct Checked {
    /// What stands in the way.
    pub problems: Vec<Problem>,
    /// The name that the Node will have.
    pub node_name: String,
    /// What was seen.
    pub facts: Facts,
    /// What else is to be told: the machine still sets itself up, or may be refused by its cluster.
    pub notices: Vec<Notice>,
}

impl Checked {
    /// What a plan says: what the machine's own set-up may mend is no error yet.
    pub(crate) fn at_plan(mut problems: Vec<Problem>, node_name: String, facts: Facts) -> Self {
        bear_setup(&mut problems, &facts.setup);
        Self {
            notices: setup_notice(&facts, &problems)
                .into_iter()
                .chain(etcd_folder_notice(&problems))
                .collect(),
            problems,
            node_name,
            facts,
        }
    }
}

/// What a plan says of a folder for etcd that the cluster to join may not have.
fn etcd_folder_notice(problems: &[Problem]) -> Option<Notice> {
    let is_it = |problem: &&Problem| {
        problem.summary == ETCD_FOLDER_NOT_EMPTY && problem.severity == Severity::Warning
    };
    let problem = problems.iter().find(is_it)?;
    Some(Notice {
        summary: problem.summary,
        detail: problem.detail.clone(),
    })
}
