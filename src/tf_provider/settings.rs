//! What the environment tells the provider: the only place of this crate that reads it.
use std::{ffi::OsString, path::PathBuf};
use tracing::level_filters::LevelFilter;

/// Terraform sets this, so that a provider knows that it was not started by a person. No secret.
const COOKIE: (&str, &str) = (
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);

/// The settings of the process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Started by a person with `-debug`: serve until Ctrl-C and print what `TF_REATTACH_PROVIDERS` must be.
    pub debug: bool,
    /// The most verbose level that is logged; default off.
    pub log_level: LevelFilter,
    pub(super) started_by_terraform: bool,
    /// Protocols that Terraform offers, `5,6`.
    pub(super) protocol_versions: Option<String>,
    /// The certificate, PEM, that Terraform will show.
    pub(super) client_certificate: Option<String>,
    /// Where the socket is to be; default a private temporary folder.
    pub(super) socket_dir: Option<PathBuf>,
}

impl Settings {
    /// Reads environment and arguments. `provider` is the name in `TF_LOG_PROVIDER_<NAME>`.
    pub fn from_env(provider: &str) -> Self {
        Self::read(
            provider,
            |name| std::env::var_os(name),
            std::env::args_os().skip(1),
        )
    }

    fn read(
        provider: &str,
        env: impl Fn(&str) -> Option<OsString>,
        mut arguments: impl Iterator<Item = OsString>,
    ) -> Self {
        let text = |name: &str| env(name)?.into_string().ok().filter(|text| !text.is_empty());
        let own_level = format!("TF_LOG_PROVIDER_{}", provider.to_uppercase());
        let level = [own_level.as_str(), "TF_LOG_PROVIDER", "TF_LOG"]
            .into_iter()
            .find_map(text);
        Self {
            debug: arguments.any(|argument| argument == "-debug" || argument == "--debug"),
            log_level: level.map_or(LevelFilter::OFF, |level| log_level(&level)),
            started_by_terraform: text(COOKIE.0).as_deref() == Some(COOKIE.1),
            protocol_versions: text("PLUGIN_PROTOCOL_VERSIONS"),
            client_certificate: text("PLUGIN_CLIENT_CERT"),
            socket_dir: text("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
        }
    }
}

/// Terraform's words; whatever it does not know, and `JSON`, is trace, as it is for Terraform.
fn log_level(word: &str) -> LevelFilter {
    match word.to_uppercase().as_str() {
        "OFF" => LevelFilter::OFF,
        "ERROR" => LevelFilter::ERROR,
        "WARN" => LevelFilter::WARN,
        "INFO" => LevelFilter::INFO,
        "DEBUG" => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(env: &[(&str, &str)], arguments: &[&str]) -> Settings {
        let find = |name: &str| {
            env.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into())
        };
        Settings::read("ha", find, arguments.iter().map(OsString::from))
    }

    #[test]
    fn nearest_log_setting_wins() {
        let all = [
            ("TF_LOG", "trace"),
            ("TF_LOG_PROVIDER", "DEBUG"),
            ("TF_LOG_PROVIDER_HA", "info"),
        ];
        let level = |env: &[(&str, &str)]| settings(env, &[]).log_level;
        assert_eq!(level(&all), LevelFilter::INFO);
        assert_eq!(level(&all[..2]), LevelFilter::DEBUG);
        assert_eq!(level(&[("TF_LOG", "JSON")]), LevelFilter::TRACE);
        assert_eq!(
            level(&[("TF_LOG", "trace"), ("TF_LOG_PROVIDER", "off")]),
            LevelFilter::OFF
        );
        assert_eq!(level(&[("TF_LOG", "")]), LevelFilter::OFF);
    }

    #[test]
    fn knows_who_started_it() {
        assert!(!settings(&[], &[]).started_by_terraform);
        assert!(!settings(&[(COOKIE.0, "other")], &[]).started_by_terraform);
        assert!(settings(&[COOKIE], &[]).started_by_terraform);
        assert!(settings(&[], &["-debug"]).debug);
    }
}
