//! Turns a failure of an operation into what Terraform shows.
use crate::{
    lifecycle::{Failure, FailureKind, Notice},
    tf_provider::{Diagnostic, Path},
};

/// Host, step, cause and advice in sentences; the path points at the attribute to change.
pub(super) fn diagnostic(failure: &Failure) -> Diagnostic {
    let diagnostic = Diagnostic::error(failure.summary, detail(failure));
    match failure.attribute {
        Some(attribute) => diagnostic.at(path(attribute)),
        None => diagnostic,
    }
}

/// A refresh that could not reach the host: the state stays as it was, and the user is told.
pub(super) fn kept(failure: &Failure) -> Diagnostic {
    match failure.kind {
        FailureKind::Unreachable => {
            let detail = format!(
                "{}\n\nThe host may be down, which is not the same as gone: the state of everything on it is kept as it was.",
                detail(failure)
            );
            Diagnostic::warning("Host not reached, state kept", detail).at(Path::attribute("host"))
        }
        FailureKind::Permanent | FailureKind::Interrupted | FailureKind::Cancelled => diagnostic(failure),
    }
}

/// Something that an operation which ended well has to say.
pub(super) fn notice(notice: &Notice) -> Diagnostic {
    Diagnostic::warning(notice.summary, notice.detail.clone()).at(Path::attribute("host"))
}

fn detail(failure: &Failure) -> String {
    let host = failure.host.as_ref().map(|host| format!("Host: {host}"));
    let step = failure.step.map(|step| format!("Step: {step}"));
    let place = [host, step].into_iter().flatten().collect::<Vec<_>>().join("\n");
    let parts = [
        place,
        failure.detail.trim_end().to_owned(),
        failure.advice.clone(),
    ];
    parts
        .iter()
        .filter(|part| !part.is_empty())
        .cloned()
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// `cluster.pod_subnet` as a path.
pub(super) fn path(attribute: &str) -> Path {
    let mut names = attribute.split('.');
    let first = Path::attribute(names.next().unwrap_or_default());
    names.fold(first, Path::child)
}
