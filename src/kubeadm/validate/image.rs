//! Container images, in the grammar of the OCI distribution's references.

/// `[host[:port]/]path[:tag][@digest]`.
pub fn validate_image(text: &str) -> Result<(), String> {
    refuse_scheme(text)?;
    if is_reference(text) {
        Ok(())
    } else {
        Err(format!(
            "{text:?} is not a container image, such as registry.example.net:5000/haproxy:3.2: lower-case letters, digits \
             and single separators in the path, then a tag or a digest"
        ))
    }
}

/// The part before `/name:tag`. kubeadm puts both together and looks at the whole.
pub fn validate_image_repository(text: &str) -> Result<(), String> {
    refuse_scheme(text)?;
    if is_reference(&format!("{text}/name:tag")) {
        Ok(())
    } else {
        Err(format!(
            "{text:?} is not a repository of images, such as registry.example.net:5000/k8s: lower-case letters, digits and \
             single separators in the path, without a tag and without a slash at the end"
        ))
    }
}

fn refuse_scheme(text: &str) -> Result<(), String> {
    match text.split_once("://") {
        Some((scheme, _)) => Err(format!("{text:?} must be written without {scheme}://")),
        None => Ok(()),
    }
}

fn is_reference(text: &str) -> bool {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (text, None),
    };
    let last_slash = rest.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match rest.rfind(':').filter(|at| *at > last_slash) {
        Some(at) => rest
            .split_at_checked(at)
            .map_or((rest, None), |(name, tag)| (name, tag.strip_prefix(':'))),
        None => (rest, None),
    };
    is_name(name) && tag.is_none_or(is_tag) && digest.is_none_or(is_digest)
}

fn is_name(text: &str) -> bool {
    if text.is_empty() || text.len() > 255 {
        return false;
    }
    match text.split_once('/') {
        Some((first, rest)) => (is_domain(first) || is_component(first)) && rest.split('/').all(is_component),
        None => is_component(text),
    }
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => return host.parse::<std::net::Ipv6Addr>().is_ok(),
        Some((host, port)) => {
            return host.parse::<std::net::Ipv6Addr>().is_ok() && port.strip_prefix(':').is_some_and(is_port);
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let plain = |c: char| c.is_ascii_alphanumeric();
    port.is_none_or(is_port)
        && host.split('.').all(|part| {
            part.starts_with(plain) && part.ends_with(plain) && part.chars().all(|c| plain(c) || c == '-')
        })
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Letters and digits, with `.`, `_`, `__` or any number of dashes between them.
fn is_component(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(plain)
        && text.ends_with(plain)
        && text.split(plain).all(|between| {
            matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-')
        })
}

fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128 && text.starts_with(word) && text.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hash)| {
        algorithm.starts_with(|c: char| c.is_ascii_alphabetic())
            && algorithm
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+._-".contains(c))
            && hash.len() >= 32
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_references() {
        let digest = format!("haproxy@sha256:{}", "a".repeat(64));
        for text in [
            "haproxy",
            "haproxy:3.2-alpine",
            "docker.io/library/haproxy:3.2",
            "localhost/x",
            "10.0.0.9:5000/a/b__c:v1",
            "[fd00::9]:5000/a",
            "REGISTRY.example.net/a",
            "a--b/c_d.e",
            digest.as_str(),
        ] {
            assert_eq!(validate_image(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "my image:1",
            "Registry/Keep:1",
            "https://x/y",
            "a\n hostPID: true",
            "a/",
            "/a",
            "a:",
            "a:b:c",
            "a..b",
            "a@sha256:1",
            "x:5000/",
        ] {
            assert!(validate_image(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_repository_has_no_tag_and_no_slash_at_its_end() {
        for text in ["registry.k8s.io", "registry.example.net:5000", "a.example/b/c"] {
            assert_eq!(validate_image_repository(text), Ok(()), "{text}");
        }
        for text in [
            "",
            "https://registry.example.net",
            "registry.example.net/",
            "registry.example.net/K8s",
            "registry.example.net/k8s:1.0",
        ] {
            assert!(validate_image_repository(text).is_err(), "{text}");
        }
    }
}
