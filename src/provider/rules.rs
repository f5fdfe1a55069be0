//! How rules on values look at a configuration and say what they find; what is unknown or null they do not see.
use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use crate::{
    kubeadm::{Finding, Version},
    node::address::parse_address,
    tf_provider::{Context, Diagnostic, Path, Value},
};

/// Where checks of a configuration say what they find.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    cx: &'a Context,
    /// Whether the resource is known to be new: else it may exist, and much of it cannot be changed in place.
    is_new: bool,
}

impl<'a> Rules<'a> {
    /// For any resource, at validate: warnings, and what kubeadm itself refuses.
    pub(super) fn of_any(cx: &'a Context) -> Self {
        Self { cx, is_new: false }
    }

    /// For one that is made anew, at plan: the rest.
    pub(super) fn of_new(cx: &'a Context) -> Self {
        Self { cx, is_new: true }
    }

    /// Says what a check found, if now is the time.
    pub(super) fn say(self, at: Path, finding: Finding) {
        let is_for_new = finding.is_error && !finding.is_kubeadms;
        if is_for_new != self.is_new {
            return;
        }
        let diagnostic = if finding.is_error {
            Diagnostic::error(finding.summary, finding.detail)
        } else {
            Diagnostic::warning(finding.summary, finding.detail)
        };
        self.cx.add(diagnostic.at(at));
    }

    /// A warning.
    pub(super) fn warn(self, at: Path, summary: &str, detail: String) {
        if !self.is_new {
            self.cx.add(Diagnostic::warning(summary, detail).at(at));
        }
    }

    /// An error for any resource.
    pub(super) fn refuse_any(self, at: Path, summary: &str, detail: String) {
        if !self.is_new {
            self.cx.add(Diagnostic::error(summary, detail).at(at));
        }
    }

    /// An error that a resource which exists may live with.
    pub(super) fn refuse_new(self, at: Path, summary: &str, detail: String) {
        if self.is_new {
            self.cx.add(Diagnostic::error(summary, detail).at(at));
        }
    }

    /// An error for any resource if a check of one value gave a sentence.
    pub(super) fn refuse(self, at: Path, check: Result<(), String>) {
        if !self.is_new {
            refuse(self.cx, at, check);
        }
    }
}

/// An error if a check of one value gave a sentence.
pub(super) fn refuse(cx: &Context, at: Path, check: Result<(), String>) {
    if let Err(problem) = check {
        cx.add(Diagnostic::error("Invalid attribute value", problem).at(at));
    }
}

/// The known texts of a list, with their places.
pub(super) fn texts<'a>(list: &'a Value, at: &Path) -> Vec<(Path, &'a str)> {
    let elements = list.as_list().iter().enumerate();
    elements
        .filter_map(|(index, value)| Some((at.clone().index(index), value.as_str()?)))
        .collect()
}

/// The known texts of a map, by their keys.
pub(super) fn entries(map: &Value) -> impl Iterator<Item = (&str, &str)> {
    let entries = map.as_map().into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// A map of texts that is wholly known; one that is not set is empty.
pub(super) fn known_map(map: &Value) -> Option<BTreeMap<String, String>> {
    map.is_wholly_known().then(|| {
        entries(map)
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    })
}

/// The address in a text value, whatever its spelling.
pub(super) fn address(value: &Value) -> Option<IpAddr> {
    parse_address(value.as_str()?)
}

/// Networks with a comma between them; those that are none are left out.
pub(super) fn networks(text: &str) -> Vec<IpNet> {
    text.split(',')
        .filter_map(|net| net.trim().parse().ok())
        .collect()
}

/// The cluster's version.
pub(super) fn version(cluster: &Value) -> Option<Version> {
    cluster.get("kubernetes_version").as_str()?.parse().ok()
}
