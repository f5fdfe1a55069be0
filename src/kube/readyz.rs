//! Whether an API server is ready.
use crate::{command::quote, kubeadm::Endpoint};

/// Ends with 0 if `/readyz` there says 200 to anybody, certificate unchecked: the same question as `HAProxy`'s.
pub fn readyz_command(endpoint: &Endpoint) -> String {
    format!(
        "curl -fsSk --noproxy '*' --connect-timeout 2 --max-time 5 {} >/dev/null",
        quote(&format!("https://{endpoint}/readyz"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_is_bracketed_and_quoted() {
        assert_eq!(
            readyz_command(&"[fd00::1]:6443".parse().unwrap()),
            "curl -fsSk --noproxy '*' --connect-timeout 2 --max-time 5 'https://[fd00::1]:6443/readyz' >/dev/null"
        );
    }
}
