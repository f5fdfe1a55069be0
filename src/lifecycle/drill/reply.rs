//! What a script answers, in short.
use crate::command::Output;

pub(super) fn says(stdout: impl Into<String>) -> Output {
    Output {
        stdout: stdout.into(),
        ..Output::default()
    }
}

pub(super) fn fails(stderr: impl Into<String>) -> Output {
    Output {
        status: 1,
        stderr: stderr.into(),
        ..Output::default()
    }
}

/// The answer of a test.
pub(super) fn whether(yes: bool) -> Output {
    Output {
        status: i32::from(!yes),
        ..Output::default()
    }
}
