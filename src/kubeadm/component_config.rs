//! kubelet and kube-proxy configuration as the user wrote it.
use serde_json::{Map, Value};

/// A mapping that goes into kubeadm's file as it is, without `apiVersion` and `kind`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ComponentConfig(Map<String, Value>);

/// The two component configurations that kubeadm carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComponentKind {
    /// `KubeletConfiguration`.
    Kubelet,
    /// `KubeProxyConfiguration`.
    KubeProxy,
}

impl ComponentKind {
    /// The same for every kubeadm.
    pub(super) fn api_version(self) -> &'static str {
        match self {
            Self::Kubelet => "kubelet.config.k8s.io/v1beta1",
            Self::KubeProxy => "kubeproxy.config.k8s.io/v1alpha1",
        }
    }

    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Kubelet => "KubeletConfiguration",
            Self::KubeProxy => "KubeProxyConfiguration",
        }
    }
}

impl ComponentConfig {
    pub(super) fn into_fields(self) -> Map<String, Value> {
        self.0
    }

    /// All top-level fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The value of a top-level field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }
}

/// Reads one YAML document. `apiVersion` and `kind` may be left out; if they are there they must fit.
pub fn parse_component_config(text: &str, kind: ComponentKind) -> Result<ComponentConfig, String> {
    let value: Value = serde_saphyr::from_str(text).map_err(|error| format!("not valid YAML: {error}"))?;
    let mut fields = match value {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        _ => return Err(format!("a mapping with the fields of {} is needed", kind.kind())),
    };
    for (field, expected) in [("apiVersion", kind.api_version()), ("kind", kind.kind())] {
        match fields.remove(field) {
            None => {}
            Some(Value::String(found)) if found == expected => {}
            Some(found) => return Err(format!("{field} is {found}, but must be {expected:?} here")),
        }
    }
    Ok(ComponentConfig(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_a_mapping_with_or_without_its_kind() {
        let bare = parse_component_config("failSwapOn: false\n", ComponentKind::Kubelet).unwrap();
        let full =
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailSwapOn: false\n";
        assert_eq!(
            parse_component_config(full, ComponentKind::Kubelet).unwrap(),
            bare
        );
        assert_eq!(bare.get("failSwapOn"), Some(&Value::Bool(false)));
    }

    #[test]
    fn refuses_another_kind() {
        let error =
            parse_component_config("kind: KubeProxyConfiguration\n", ComponentKind::Kubelet).unwrap_err();
        assert!(error.contains("KubeletConfiguration"), "{error}");
        let error = parse_component_config("apiVersion: v1\n", ComponentKind::KubeProxy).unwrap_err();
        assert!(error.contains("kubeproxy.config.k8s.io/v1alpha1"), "{error}");
    }

    #[test]
    fn refuses_what_is_no_mapping() {
        for text in ["- a\n", "hello", "a: b: c", "a: 1\n---\nb: 2\n", "a: 1\na: 2\n"] {
            assert!(
                parse_component_config(text, ComponentKind::Kubelet).is_err(),
                "{text:?}"
            );
        }
    }

    #[test]
    fn reads_the_booleans_of_yaml_1_1_as_kubeadm_does() {
        for text in ["no", "off", "False"] {
            let config =
                parse_component_config(&format!("failSwapOn: {text}"), ComponentKind::Kubelet).unwrap();
            assert_eq!(config.get("failSwapOn"), Some(&Value::Bool(false)), "{text}");
        }
    }

    #[test]
    fn keeps_numbers_strings_and_lists_apart() {
        let text = "conntrack: {maxPerCore: 0}\nfeatureGates:\n  A: true\nclusterDNS: ['10.96.0.10']\nsyncFrequency: 1m0s\n";
        let config = parse_component_config(text, ComponentKind::KubeProxy).unwrap();
        assert_eq!(
            Value::Object(config.into_fields()),
            serde_json::json!({
                "conntrack": {"maxPerCore": 0},
                "featureGates": {"A": true},
                "clusterDNS": ["10.96.0.10"],
                "syncFrequency": "1m0s",
            })
        );
    }
}
