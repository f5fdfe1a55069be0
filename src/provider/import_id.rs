//! The text that `terraform import` and `import` blocks name a host by: `[user@]host[:port]`.
use std::net::Ipv6Addr;

use crate::tf_provider::{Diagnostic, Value};

/// How a host is named that is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ImportId {
    host: String,
    user: Option<String>,
    port: Option<u16>,
}

impl ImportId {
    /// Reads the text. An IPv6 address with a port stands in brackets.
    pub(super) fn parse(text: &str) -> Result<Self, Diagnostic> {
        let wrong = || {
            let detail = format!(
                "{text:?} names no host. Write the address or name that the resource has as host, as in 10.0.0.11; where user or port are not the provider's, as in ops@10.0.0.11:2222 or ops@[fd00::11]:2222."
            );
            Diagnostic::error("Import ID is no host", detail)
        };
        let (user, rest) = match text.trim().split_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text.trim()),
        };
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(wrong)?)),
            None if rest.parse::<Ipv6Addr>().is_ok() => (rest, None),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let is_name = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && text
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || "._:-".contains(letter))
        };
        let port: Option<u16> = port.map(str::parse).transpose().map_err(|_| wrong())?;
        if !is_name(host) || user.is_some_and(|user| !is_name(user)) || port == Some(0) {
            return Err(wrong());
        }
        Ok(Self {
            host: host.to_owned(),
            user: user.map(str::to_owned),
            port,
        })
    }

    /// The arguments that it stands for: `host`, and an `ssh` block where it says more.
    pub(super) fn state(&self) -> Value {
        let mut state = Value::object([("host", Value::from(self.host.as_str()))]);
        if self.user.is_some() || self.port.is_some() {
            let user = self.user.as_deref().map_or(Value::Null, Value::from);
            let port = self.port.map_or(Value::Null, Value::from);
            state.set("ssh", Value::object([("user", user), ("port", port)]));
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_host_user_and_port() {
        let read = |text: &str| {
            let id = ImportId::parse(text).ok()?;
            Some((id.host, id.user.unwrap_or_default(), id.port.unwrap_or_default()))
        };
        for (text, host, user, port) in [
            ("10.0.0.11", "10.0.0.11", "", 0),
            (" m1.example.net ", "m1.example.net", "", 0),
            ("ops@10.0.0.11", "10.0.0.11", "ops", 0),
            ("ops@m1:2222", "m1", "ops", 2222),
            ("fd00::11", "fd00::11", "", 0),
            ("[fd00::11]", "fd00::11", "", 0),
            ("ops@[fd00::11]:22", "fd00::11", "ops", 22),
        ] {
            assert_eq!(
                read(text),
                Some((host.to_owned(), user.to_owned(), port)),
                "{text}"
            );
        }
        for text in [
            "",
            "  ",
            "-oProxyCommand=x",
            "m1:",
            "m1:0",
            "m1:ssh",
            "@m1",
            "-x@m1",
            "[fd00::11]x",
            "m1 m2",
            "m1;id",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn only_what_it_says_is_in_the_state() {
        assert!(ImportId::parse("m1").unwrap().state().get("ssh").is_null());
        let state = ImportId::parse("ops@m1").unwrap().state();
        assert_eq!(state.get("ssh").get("user").as_str(), Some("ops"));
    }
}
