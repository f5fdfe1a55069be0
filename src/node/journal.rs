//! The journal on a host: what was begun there, what ended and by whom. It explains; nothing is decided by it.
use serde::Serialize;

use crate::command::{Script, quote};

/// Where it lies, mode 0600, one JSON object a line. It outlives the node, as logs do.
pub const JOURNAL: &str = "/var/log/terraform-provider-ha.jsonl";

/// Beyond so many bytes only the last [`KEPT_LINES`] are kept.
const MOST_BYTES: u32 = 256 * 1024;
const KEPT_LINES: u32 = 500;

/// One line. Holds no secret: titles, names and summaries without values.
#[derive(Clone, Debug, Serialize)]
pub struct Entry<'a> {
    /// `user@machine (process)` where Terraform runs.
    pub who: &'a str,
    /// What is done, for example `create ha_master 10.0.0.12`.
    pub operation: &'a str,
    /// The step's title.
    pub step: &'a str,
    /// `began`, `ended` or `failed`.
    pub event: &'a str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<&'a str>,
}

/// Adds a line with the host's own time.
pub fn append_script(entry: &Entry<'_>) -> Script {
    append_to(JOURNAL, entry)
}

fn append_to(file: &str, entry: &Entry<'_>) -> Script {
    let text = serde_json::to_string(entry).unwrap_or_default();
    let fields = text.strip_prefix('{').unwrap_or_default();
    let body = format!(
        "umask 077\nf={}\n\
         printf '{{\"at\":\"%s\",%s\\n' \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\" {} >>\"$f\" || exit 1\n\
         [ \"$(stat -c %s \"$f\")\" -le {MOST_BYTES} ] || {{ tail -n {KEPT_LINES} \"$f\" >\"$f.new\" && mv \"$f.new\" \"$f\"; }}\n",
        quote(file),
        quote(fields),
    );
    Script::new("write the journal", body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_json_and_old_ones_go() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("journal");
        let entry = Entry {
            who: "ops@desk (7)",
            operation: "create it's \"m2\" 100% \\n",
            step: "kubeadm join",
            event: "failed",
            failure: Some("kubeadm join failed"),
        };
        let script = append_to(file.to_str().unwrap(), &entry);
        let append = || {
            let status = std::process::Command::new("sh")
                .args(["-c", &script.body])
                .status();
            assert!(status.unwrap().success());
        };
        append();
        let text = std::fs::read_to_string(&file).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        assert_eq!(line["operation"], entry.operation);
        assert!(line["at"].as_str().unwrap().ends_with('Z'));
        std::fs::write(&file, "old\n".repeat(100_000)).unwrap();
        append();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text.lines().count(), 500);
        assert!(text.lines().last().unwrap().contains("kubeadm join failed"));
    }
}
