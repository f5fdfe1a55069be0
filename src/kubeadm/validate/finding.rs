//! What a rule says of values that are wrong, or will be a disappointment.

/// One thing that is wrong, with its cause and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it cannot go well; else it is a warning.
    pub is_error: bool,
    /// Whether kubeadm itself refuses it, so that nothing that runs has it. Other errors are for what is made anew:
    /// somebody may live with it.
    pub is_kubeadms: bool,
    /// One line without values and full stop.
    pub summary: &'static str,
    /// Cause and remedy in sentences.
    pub detail: String,
}

impl Finding {
    pub(super) fn error(summary: &'static str, detail: impl Into<String>) -> Self {
        Self {
            is_error: true,
            is_kubeadms: false,
            summary,
            detail: detail.into(),
        }
    }

    /// An error that kubeadm would end with.
    pub(super) fn refusal(summary: &'static str, detail: impl Into<String>) -> Self {
        Self {
            is_kubeadms: true,
            ..Self::error(summary, detail)
        }
    }

    pub(super) fn warning(summary: &'static str, detail: impl Into<String>) -> Self {
        Self {
            is_error: false,
            ..Self::error(summary, detail)
        }
    }
}

/// The known name that was probably meant, as a sentence with a blank before it, or nothing.
pub(super) fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let name = plain(name);
    known
        .into_iter()
        .map(|known| (strsim::osa_distance(&name, &plain(known)), known))
        .filter(|(distance, known)| *distance <= 2 && *distance < known.len() / 2)
        .min()
        .map(|(_, known)| format!(" Did you mean {known:?}?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_seen_through() {
        let known = ["failSwapOn", "failCgroupV1", "port"];
        assert_eq!(did_you_mean("failSwapon", known), " Did you mean \"failSwapOn\"?");
        assert_eq!(
            did_you_mean("fail-swap-of", known),
            " Did you mean \"failSwapOn\"?"
        );
        assert_eq!(did_you_mean("sort", known), " Did you mean \"port\"?");
        assert_eq!(did_you_mean("x", known), "");
    }
}
