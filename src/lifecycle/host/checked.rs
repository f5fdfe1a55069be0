//! What a look at a host before any change came to.
use super::await_setup::setup_notice;
use crate::{
    lifecycle::notice::Notice,
    node::{
        Facts,
        preflight::{Problem, bear_setup},
    },
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
    /// What else is to be told: the machine still sets itself up.
    pub notice: Option<Notice>,
}

impl Checked {
    /// What a plan says: what the machine's own set-up may mend is no error yet.
    pub(crate) fn at_plan(mut problems: Vec<Problem>, node_name: String, facts: Facts) -> Self {
        bear_setup(&mut problems, &facts.setup);
        Self {
            notice: setup_notice(&facts, &problems),
            problems,
            node_name,
            facts,
        }
    }
}
