//! Static pods, as their manifests have them.

/// The image of a manifest's first container; none if the text is no pod's.
pub fn image_of_manifest(text: &str) -> Option<String> {
    let pod: serde_json::Value = serde_saphyr::from_str(text).ok()?;
    pod.pointer("/spec/containers/0/image")?
        .as_str()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::haproxy::{HaproxySpec, render_static_pod};

    #[test]
    fn reads_the_image() {
        let spec = HaproxySpec::new(8443, [("m1".to_owned(), "10.0.0.11".to_owned())].into());
        assert_eq!(
            image_of_manifest(&render_static_pod(&spec)).as_deref(),
            Some(HaproxySpec::IMAGE)
        );
        assert_eq!(image_of_manifest("kind: List"), None);
    }
}
