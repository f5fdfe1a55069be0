//! Taints in kubectl's notation.
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::names::{validate_label_key, validate_label_value};

/// What keeps pods off a node; `key=value:Effect` or `key:Effect`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Taint {
    /// A label key.
    pub key: String,
    /// A label value, may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// What happens to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaintEffect {
    /// New pods stay away.
    NoSchedule,
    /// New pods stay away if they can.
    PreferNoSchedule,
    /// Running pods are evicted too.
    NoExecute,
}

/// The text is no taint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a taint: {reason}")]
pub struct TaintError {
    text: String,
    reason: String,
}

impl FromStr for Taint {
    type Err = TaintError;

    fn from_str(text: &str) -> Result<Self, TaintError> {
        let error = |reason: String| TaintError {
            text: text.to_owned(),
            reason,
        };
        let (rest, effect) = text
            .rsplit_once(':')
            .ok_or_else(|| error("write key=value:Effect or key:Effect".to_owned()))?;
        let effect = match effect {
            "NoSchedule" => TaintEffect::NoSchedule,
            "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
            "NoExecute" => TaintEffect::NoExecute,
            _ => {
                return Err(error(
                    "the effect must be NoSchedule, PreferNoSchedule or NoExecute".to_owned(),
                ));
            }
        };
        let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
        validate_label_key(key).map_err(error)?;
        validate_label_value(value).map_err(error)?;
        Ok(Self {
            key: key.to_owned(),
            value: value.to_owned(),
            effect,
        })
    }
}

impl Taint {
    /// Whether Kubernetes itself sets and takes it by the Node's condition; nobody manages those by hand.
    pub fn is_automatic(&self) -> bool {
        self.key.starts_with("node.kubernetes.io/")
            || self.key.starts_with("node.cloudprovider.kubernetes.io/")
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            TaintEffect::NoSchedule => "NoSchedule",
            TaintEffect::PreferNoSchedule => "PreferNoSchedule",
            TaintEffect::NoExecute => "NoExecute",
        };
        if self.value.is_empty() {
            write!(f, "{}:{effect}", self.key)
        } else {
            write!(f, "{}={}:{effect}", self.key, self.value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_shows_kubectls_notation() {
        for text in [
            "node-role.kubernetes.io/control-plane:NoSchedule",
            "dedicated=gpu:NoExecute",
            "a=b.c_d:PreferNoSchedule",
        ] {
            assert_eq!(text.parse::<Taint>().unwrap().to_string(), text);
        }
        let taint = "dedicated=:NoExecute".parse::<Taint>().unwrap();
        assert_eq!(taint.to_string(), "dedicated:NoExecute");
    }

    #[test]
    fn refuses_what_the_api_server_would_refuse() {
        for text in [
            "a",
            "a=b",
            ":NoSchedule",
            "a:noschedule",
            "a b:NoSchedule",
            "a=-b:NoSchedule",
            "a:NoSchedule-",
        ] {
            assert!(text.parse::<Taint>().is_err(), "{text}");
        }
    }

    #[test]
    fn is_json_as_in_a_node() {
        let json = r#"{"key":"a","effect":"NoSchedule"}"#;
        let taint: Taint = serde_json::from_str(json).unwrap();
        assert_eq!(taint, "a:NoSchedule".parse().unwrap());
        assert_eq!(serde_json::to_string(&taint).unwrap(), json);
    }
}
