//! Whether an API server is ready.
use crate::{command::quote, kubeadm::Endpoint};

/// Ends with 0 if `/readyz` there says 200 to anybody, certificate unchecked: the same question as `HAProxy`'s.
pub fn readyz_command(endpoint: &Endpoint) -> String {
    ask(endpoint, "2")
}

/// The same of an endpoint that may be about to come up. A connection begun before the floating IP is on a host hangs
/// until TCP sends again, so the first tries are short ones; the last suits an endpoint that is far away.
pub fn endpoint_readyz_command(endpoint: &Endpoint) -> String {
    let short = format!("{} 2>/dev/null", ask(endpoint, "0.5"));
    [&short, &short, &short, &ask(endpoint, "3")]
        .map(String::as_str)
        .join(" || ")
}

/// Seconds for the connection, TLS included.
fn ask(endpoint: &Endpoint, connect: &str) -> String {
    format!(
        "curl -fsSk --noproxy '*' --connect-timeout {connect} --max-time 5 {} >/dev/null",
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

    #[test]
    fn an_endpoint_that_is_about_to_come_up_is_asked_in_short_tries_and_a_long_one() {
        let command = endpoint_readyz_command(&"10.0.0.100:8443".parse().unwrap());
        let after = |answers: usize| {
            let curl = format!(
                "n=0\ncurl() {{ n=$((n + 1)); echo \"$5\" >&3; [ $n -gt {answers} ]; }}\nexec 3>&1\n{command}"
            );
            let output = std::process::Command::new("sh")
                .args(["-c", &curl])
                .output()
                .unwrap();
            (output.status.success(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(after(0), (true, "0.5\n".to_owned()));
        assert_eq!(after(3), (true, "0.5\n0.5\n0.5\n3\n".to_owned()));
        assert!(!after(4).0);
    }
}
