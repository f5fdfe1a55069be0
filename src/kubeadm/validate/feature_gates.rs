//! kubeadm's own feature gates, which each kubeadm knows or refuses.
use super::{
    super::Version,
    finding::{Finding, did_you_mean},
};

/// Each gate with the first and the last minor version that knows it (`cmd/kubeadm/app/features` of each; the page
/// "kubeadm init" lists what was removed when).
const GATES: [(&str, u64, u64); 9] = [
    ("ControlPlaneKubeletLocalMode", 31, 35),
    ("EtcdLearnerMode", 27, 32),
    ("IPv6DualStack", 16, 23),
    ("NodeLocalCRISocket", 32, 36),
    ("PublicKeysECDSA", 19, 36),
    ("RootlessControlPlane", 22, NEWEST_KNOWN),
    ("UnversionedKubeletConfigMap", 23, 25),
    ("UpgradeAddonsBeforeControlPlane", 28, 30),
    ("WaitForAllControlPlaneComponents", 30, 34),
];

/// The minor versions that [`GATES`] is whole for.
const OLDEST_KNOWN: u64 = 20;
const NEWEST_KNOWN: u64 = 37;

/// Whether this kubeadm knows the gate.
pub fn check_feature_gate(name: &str, version: &Version) -> Option<Finding> {
    const SUMMARY: &str = "Unknown feature gate";
    let minor = version.minor();
    let known = || {
        let names: Vec<&str> = GATES
            .iter()
            .filter(|(_, from, until)| (*from..=*until).contains(&minor.min(NEWEST_KNOWN)))
            .map(|(name, ..)| *name)
            .collect();
        format!(
            "kubeadm 1.{} knows {}.",
            minor.min(NEWEST_KNOWN),
            names.join(", ")
        )
    };
    let gate = GATES.iter().find(|(gate, ..)| *gate == name);
    if let Some((_, from, until)) = gate
        && (*from..=*until).contains(&minor.min(NEWEST_KNOWN))
    {
        return None;
    }
    if minor < OLDEST_KNOWN {
        return None;
    }
    let why = match gate {
        Some((_, _, until)) if minor > *until => {
            format!("{name:?} is gone since kubeadm 1.{}: leave it out.", until + 1)
        }
        Some((_, from, _)) => {
            format!("{name:?} came with kubeadm 1.{from}, the cluster's version is {version}.")
        }
        None => format!(
            "{name:?} is not a feature gate of kubeadm.{} Gates of the API server or the kubelet belong into their own settings.",
            did_you_mean(name, GATES.iter().map(|(name, ..)| *name))
        ),
    };
    if minor > NEWEST_KNOWN {
        let detail = format!("{why} {} What {version} knows is not known here.", known());
        return Some(Finding::warning(SUMMARY, detail));
    }
    Some(Finding::refusal(SUMMARY, format!("{why} {}", known())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &str, version: &str) -> Option<bool> {
        check_feature_gate(name, &version.parse().unwrap()).map(|finding| finding.is_error)
    }

    #[test]
    fn each_gate_is_refused_before_it_came_and_after_it_went() {
        for (name, from, until) in GATES {
            for (minor, expected) in [
                (
                    from.saturating_sub(1).max(OLDEST_KNOWN),
                    (from <= OLDEST_KNOWN).then_some(None),
                ),
                (from.max(OLDEST_KNOWN), Some(None)),
                (until, Some(None)),
                (until + 1, (until == NEWEST_KNOWN).then_some(None)),
            ] {
                let expected = expected.unwrap_or(Some(true));
                assert_eq!(
                    verdict(name, &format!("1.{minor}.0")),
                    expected,
                    "{name} 1.{minor}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_known_for_sure_is_no_error() {
        assert_eq!(verdict("NoSuchGate", "1.37.2"), Some(true));
        assert_eq!(verdict("NoSuchGate", "1.38.0"), Some(false));
        assert_eq!(verdict("EtcdLearnerMode", "1.38.0"), Some(false));
        assert_eq!(verdict("RootlessControlPlane", "1.38.0"), None);
        assert_eq!(verdict("NoSuchGate", "1.19.0"), None);
    }
}
