//! Names as Kubernetes writes them: DNS labels and subdomains (RFC 1123), keys and values of labels.

/// `name` or `prefix/name`.
pub fn validate_label_key(text: &str) -> Result<(), String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if !prefix.is_none_or(is_dns_subdomain) {
        return Err(format!(
            "{text:?} is not a label key: the part before '/' must be a DNS name"
        ));
    }
    if name.is_empty() || !is_qualified(name) {
        return Err(format!(
            "{text:?} is not a label key: a name has 1 to 63 letters, digits, '-', '_' or '.', \
             and begins and ends with a letter or digit"
        ));
    }
    Ok(())
}

/// At most 63 characters, may be empty.
pub fn validate_label_value(text: &str) -> Result<(), String> {
    if text.is_empty() || is_qualified(text) {
        Ok(())
    } else {
        Err(format!(
            "{text:?} is not a label value: at most 63 letters, digits, '-', '_' or '.' are allowed, \
             beginning and ending with a letter or digit"
        ))
    }
}

/// One RFC 1123 label.
pub(super) fn is_dns_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 63
        && text.starts_with(plain)
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || c == '-')
}

/// RFC 1123 labels, joined by dots.
pub(super) fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

fn is_qualified(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(plain)
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_keys_may_have_a_prefix() {
        for text in ["a", "node-role.kubernetes.io/worker", "A_b.c"] {
            assert!(validate_label_key(text).is_ok(), "{text}");
        }
        for text in ["", "/a", "a/", "a/b/c", "_a", "Example.net/a", &"a".repeat(64)] {
            assert!(validate_label_key(text).is_err(), "{text}");
        }
    }

    #[test]
    fn label_values_may_be_empty() {
        for text in ["", "a", "A_b.c-1"] {
            assert!(validate_label_value(text).is_ok(), "{text}");
        }
        for text in ["a/b", "-a", "a b", &"a".repeat(64)] {
            assert!(validate_label_value(text).is_err(), "{text}");
        }
    }
}
