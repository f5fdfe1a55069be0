//! The kubelet's last words, for a kubeadm that only says that it waited for the kubelet in vain.
use std::fmt::Write as _;

/// Prints how the kubelet's unit is and the end of its log, whatever is there of both. Without `--since`: with it
/// `--lines` counts from that time on (systemd 252).
pub fn kubelet_log_command() -> String {
    "systemctl show kubelet --property=ActiveState --property=SubState --property=NRestarts 2>/dev/null\n\
     echo\n\
     journalctl --unit=kubelet --no-pager --output=cat --lines=200 2>/dev/null | cut -c1-2000\n:"
        .to_owned()
}

/// What the kubelet said at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeletWords {
    /// Whether it ends again and again, or has ended.
    pub has_ended: bool,
    /// Its last errors, at most [`MOST`], each once, the oldest first.
    pub errors: Vec<String>,
}

const MOST: usize = 4;
const LONGEST: usize = 600;

impl KubeletWords {
    /// Reads what [`kubelet_log_command`] printed; `None` if the kubelet has nothing to say for itself.
    pub fn parse(output: &str) -> Option<Self> {
        let (state, log) = output.split_once("\n\n").unwrap_or(("", output));
        let value = |name: &str| {
            state
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        let restarts: u32 = value("NRestarts").and_then(|text| text.parse().ok()).unwrap_or(0);
        let has_ended = restarts > 0
            || value("SubState") == Some("auto-restart")
            || value("ActiveState") == Some("failed");
        let mut errors: Vec<String> = Vec::new();
        for line in log.lines().rev() {
            let Some(message) = error_of(line) else { continue };
            let message = without_tokens(&message);
            if errors.len() < MOST && !errors.contains(&message) {
                errors.push(message);
            }
        }
        // What ended it says more than what went wrong before.
        if has_ended && errors.iter().any(|error| is_end(error)) {
            errors.retain(|error| is_end(error));
        }
        errors.reverse();
        (!errors.is_empty()).then_some(Self { has_ended, errors })
    }

    /// The attribute that the kubelet does not like, dotted, where its words name one.
    pub fn attribute(&self) -> Option<&'static str> {
        let says = |words: &[&str]| {
            self.errors
                .iter()
                .any(|error| words.iter().any(|word| error.contains(word)))
        };
        if !self.has_ended {
            None
        } else if says(&[
            "unknown flag",
            "kubelet flag",
            "--node-labels",
            "invalid argument",
        ]) {
            Some("kubelet_extra_args")
        } else if says(&["kubelet config", "KubeletConfiguration", "invalid configuration"]) {
            Some("cluster.kubelet_config")
        } else {
            None
        }
    }
}

impl std::fmt::Display for KubeletWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let how = if self.has_ended {
            "The kubelet ends at start. Its last words:"
        } else {
            "The kubelet's last errors:"
        };
        let list = self.errors.iter().fold(String::new(), |mut list, error| {
            let _ = write!(list, "\n- {error}");
            list
        });
        write!(f, "{how}{list}")
    }
}

fn is_end(message: &str) -> bool {
    [
        "command failed",
        "Failed to run kubelet",
        "failed to run Kubelet",
        "panic:",
        "Error:",
    ]
    .iter()
    .any(|word| message.contains(word))
}

/// The text of an error's line: klog's own (`E1125 09:41:00.123456    4711 run.go:72] …`), or a plain one.
fn error_of(line: &str) -> Option<String> {
    let line = line.trim();
    let mut characters = line.chars();
    let is_klog = matches!(characters.next(), Some('E' | 'F'))
        && characters.by_ref().take(4).filter(char::is_ascii_digit).count() == 4
        && characters.next() == Some(' ');
    let text = if is_klog {
        line.split_once("] ").map_or(line, |(_, text)| text)
    } else if is_end(line) {
        line
    } else {
        return None;
    };
    Some(text.chars().take(LONGEST).collect())
}

/// The text without bootstrap tokens (`[a-z0-9]{6}.[a-z0-9]{16}`).
fn without_tokens(text: &str) -> String {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '.';
    let is_token = |word: &str| {
        let small = |part: &str| {
            part.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        word.split_once('.')
            .is_some_and(|(id, secret)| id.len() == 6 && secret.len() == 16 && small(id) && small(secret))
    };
    let mut rest = text;
    let mut clean = String::new();
    while !rest.is_empty() {
        let word_end = rest.find(|character| !is_part(character)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        clean += if is_token(word) { "(secret)" } else { word };
        let gap_end = after.find(is_part).unwrap_or(after.len());
        let (gap, next) = after.split_at(gap_end);
        clean += gap;
        rest = next;
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: &str = "ActiveState=activating\nSubState=auto-restart\nNRestarts=7\n\n\
        Started kubelet.service - kubelet: The Kubernetes Node Agent.\n\
        E1125 09:41:00.123456    4711 bootstrap.go:9] \"could not use token abcdef.0123456789abcdef here\"\n\
        E1125 09:41:01.123456    4711 run.go:72] \"command failed\" err=\"failed to validate kubelet flags: unknown 'kubernetes.io' labels specified with --node-labels: [node-role.kubernetes.io/worker]\"\n\
        kubelet.service: Main process exited, code=exited, status=1/FAILURE\n\
        E1125 09:41:11.654321    4790 run.go:72] \"command failed\" err=\"failed to validate kubelet flags: unknown 'kubernetes.io' labels specified with --node-labels: [node-role.kubernetes.io/worker]\"\n";

    #[test]
    fn a_kubelet_that_ends_at_start_says_why_once() {
        let words = KubeletWords::parse(LABELS).unwrap();
        assert_eq!(words.attribute(), Some("kubelet_extra_args"));
        assert_eq!(
            words.to_string(),
            "The kubelet ends at start. Its last words:\n- \"command failed\" err=\"failed to validate kubelet flags: unknown 'kubernetes.io' labels specified with --node-labels: [node-role.kubernetes.io/worker]\""
        );
    }

    #[test]
    fn a_kubelet_that_runs_tells_its_last_errors_without_tokens() {
        let text = LABELS
            .replace("NRestarts=7", "NRestarts=0")
            .replace("auto-restart", "running")
            .replace("command failed", "sync failed");
        let words = KubeletWords::parse(&text).unwrap();
        assert_eq!(
            (words.has_ended, words.attribute(), words.errors.len()),
            (false, None, 2)
        );
        assert_eq!(words.errors[0], "\"could not use token (secret) here\"");
        assert_eq!(
            KubeletWords::parse("ActiveState=active\n\nI1125 09:00:00.0 1 a.go:1] fine\n"),
            None
        );
        assert_eq!(KubeletWords::parse(""), None);
    }

    #[test]
    fn its_words_are_bounded() {
        let lines = (0..100).map(|n| format!("E1125 09:41:00.1 1 a.go:1] {n} {}", "é".repeat(3000)));
        let log = lines.collect::<Vec<_>>().join("\n");
        let words = KubeletWords::parse(&log).unwrap();
        assert_eq!(words.errors.len(), MOST);
        assert!(words.errors.iter().all(|error| error.chars().count() == LONGEST));
        assert!(words.errors[MOST - 1].starts_with("99 "), "the newest is there");
    }
}
