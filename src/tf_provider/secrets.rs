//! What looks like a key, certificate or token: never shown, and a private key never stored.
//!
//! A text may come from anywhere: an argument that was given the content of a file instead of its path, a program that
//! prints its input. So its form decides, not its origin.
use std::{borrow::Cow, sync::LazyLock};

use regex::{Match, Regex};

/// What stands in the place of a secret.
const SHOWN: &str = "(secret)";

/// A form of secret, and which matches are none after all, by the text before, the match and the text behind.
struct Form {
    pattern: &'static str,
    is_secret: fn(&str, &str, &str) -> bool,
}

const FORMS: [Form; 6] = [
    // RFC 7468 (PEM) and RFC 4716 (SSH2), whatever is inside; to the end where the last line is missing.
    Form {
        pattern: r"(?s)-{4,5} ?BEGIN [A-Z0-9].*?(?:-{4,5} ?END [^-]{0,80}-{4,5}|\z)",
        is_secret: |_, _, _| true,
    },
    Form {
        pattern: r"(?s)PuTTY-User-Key-File.*\z",
        is_secret: |_, _, _| true,
    },
    // JSON Web Tokens, as service accounts have them.
    Form {
        pattern: r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",
        is_secret: |_, _, _| true,
    },
    // A line of a key or of a kubeconfig's `…-data`. Fingerprints (`SHA256:`) and paths are made of the same letters.
    Form {
        pattern: r"[A-Za-z0-9+/]{40,}={0,2}",
        is_secret: |before, text, _| {
            is_mixed(text)
                && !is_fingerprint(before)
                && !is_public_key(before, text)
                && !is_path(before, text)
        },
    },
    // 32 bytes in hexadecimal: a key that encrypts certificates on their way to another host.
    Form {
        pattern: r"[0-9a-fA-F]{64}",
        is_secret: |before, _, after| {
            !is_fingerprint(before)
                && !is_container(before)
                && !before.ends_with(is_word)
                && !after.starts_with(is_word)
        },
    },
    // Bootstrap tokens, `id.secret`. A longer name with dots is a host's; so may be one without digits.
    Form {
        pattern: r"[a-z0-9]{6}\.[a-z0-9]{16}",
        is_secret: |before, text, after| {
            let secret = text.split_once('.').map_or(text, |(_, secret)| secret);
            let is_random = secret.contains(|c: char| c.is_ascii_digit()) || speaks_of_token(before);
            let mut after = after.chars();
            let goes_on = match after.next() {
                Some('.') => after.next().is_some_and(is_word),
                next => next.is_some_and(is_word),
            };
            is_random && !goes_on && !before.ends_with(|c| is_word(c) || c == '.')
        },
    },
];

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || "_-".contains(letter)
}

fn is_fingerprint(before: &str) -> bool {
    before.ends_with("SHA256:") || before.ends_with("sha256:")
}

fn is_mixed(text: &str) -> bool {
    let has = |is: fn(char) -> bool| text.contains(is);
    has(|c| c.is_ascii_uppercase()) && has(|c| c.is_ascii_lowercase()) && has(|c| c.is_ascii_digit())
}

/// `ssh-ed25519 AAAA…`, as it is in `known_hosts` and `authorized_keys`; a private one begins with other letters.
fn is_public_key(before: &str, text: &str) -> bool {
    let kind = before.split_whitespace().next_back().unwrap_or_default();
    let is_kind = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"]
        .iter()
        .any(|prefix| kind.trim_start_matches(['"', '\'']).starts_with(prefix));
    before.ends_with(' ') && is_kind && text.starts_with("AAAA")
}

/// What lies below a folder that systems have. Base64 has slashes too, and no such beginning.
fn is_path(before: &str, text: &str) -> bool {
    const ROOTS: [&str; 12] = [
        "~/", "./", "../", "/etc/", "/home/", "/opt/", "/root/", "/srv/", "/tmp/", "/usr/", "/var/",
        "/Users/",
    ];
    let begins = before
        .rfind(|c: char| c.is_whitespace() || "\"'`=:(".contains(c))
        .map_or(before, |at| before.get(at + 1..).unwrap_or_default());
    let is_below = ROOTS
        .iter()
        .any(|root| format!("{begins}{text}").starts_with(root));
    let is_key = |part: &str| part.len() >= 40 && is_mixed(part);
    (is_below && !text.split('/').any(is_key))
        || (text.starts_with('/') && text.matches('/').count() * 12 > text.len())
}

/// `containerd://…`, `container "…"`, `sandbox …`: the ID of what a runtime runs.
fn is_container(before: &str) -> bool {
    let word = before.trim_end_matches(['"', '\'', ' ', '\\']);
    ["containerd://", "cri-o://", "docker://", "container", "sandbox"]
        .iter()
        .any(|named| word.ends_with(named))
}

/// Whether the word stands shortly before, on the same line.
fn speaks_of_token(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default().to_lowercase();
    line.char_indices()
        .rev()
        .nth(59)
        .map_or(line.as_str(), |(at, _)| line.get(at..).unwrap_or_default())
        .contains("token")
}

static PATTERNS: LazyLock<Vec<(Regex, &Form)>> = LazyLock::new(|| {
    let compiled = FORMS
        .iter()
        .map(|form| Some((Regex::new(form.pattern).ok()?, form)));
    compiled.flatten().collect()
});

/// The text as people may see it: `(secret)` stands wherever something looks like a key, certificate or token.
pub(super) fn redact(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(text);
    for (pattern, form) in PATTERNS.iter() {
        let is_secret = |found: &Match<'_>| {
            let (before, rest) = shown.split_at(found.start());
            let (found, after) = rest.split_at(found.len());
            (form.is_secret)(before, found, after)
        };
        let secrets: Vec<_> = pattern
            .find_iter(&shown)
            .filter(is_secret)
            .map(|found| found.range())
            .collect();
        for secret in secrets.into_iter().rev() {
            shown.to_mut().replace_range(secret, SHOWN);
        }
    }
    shown
}

static PRIVATE_KEY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File|client-key-data").ok()
});

/// Whether the text has a private key in it, also one of a kubeconfig.
pub(super) fn has_private_key(text: &str) -> bool {
    PRIVATE_KEY.as_ref().is_some_and(|form| form.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW";

    fn pem(kind: &str) -> String {
        format!("-----BEGIN {kind}-----\n{LINE}\nAAAAB2ZvbwEC\n-----END {kind}-----\n")
    }

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(PATTERNS.len(), FORMS.len());
        assert!(PRIVATE_KEY.is_some());
    }

    #[test]
    fn keys_certificates_and_tokens_are_not_shown() {
        let hex = "0123456789abcdef".repeat(4);
        let certificate = pem("CERTIFICATE");
        let cut = pem("EC PRIVATE KEY").replace("-----END EC PRIVATE KEY-----", "");
        let ssh2 = format!("---- BEGIN SSH2 PUBLIC KEY ----\n{LINE}\n---- END SSH2 PUBLIC KEY ----");
        for secret in [
            pem("OPENSSH PRIVATE KEY").as_str(),
            &certificate,
            &cut,
            &ssh2,
            &format!("PuTTY-User-Key-File-3: ssh-ed25519\n{LINE}\nPrivate-MAC: 0123\n"),
            LINE,
            &hex,
            "abcdef.0123456789abcdef",
            "abcdef.abcdefghijklmno5",
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVz.c2lnbmF0dXJlLXNpZ25hdHVyZQ",
        ] {
            for text in [
                format!("no such file: {secret}"),
                format!("{secret:?} is wrong"),
                format!("a {secret}."),
            ] {
                let shown = redact(&text);
                assert!(shown.contains(SHOWN), "{text}");
                for line in secret
                    .lines()
                    .filter(|line| line.len() > 7 && !line.starts_with("---"))
                {
                    assert!(!shown.contains(line), "{shown}");
                }
            }
        }
        assert_eq!(redact(&format!("a {certificate} b")), "a (secret)\n b");
        assert_eq!(
            redact("abcdef.0123456789abcdef abcdef.0123456789abcdef"),
            "(secret) (secret)"
        );
    }

    #[test]
    fn a_token_of_letters_alone_is_known_by_the_word_before_it() {
        for before in [
            "token ",
            "--token ",
            "--token=",
            "Token: ",
            "bootstrap-token-secret: \"",
        ] {
            let text = format!("{before}abcdef.abcdefghijklmnop");
            let shown = redact(&text);
            assert!(shown.ends_with(SHOWN), "{shown}");
        }
    }

    #[test]
    fn a_key_beside_what_is_public_is_a_key() {
        let hex = "0123456789abcdef".repeat(4);
        for text in [
            format!("--certificate-key {hex}"),
            format!("certificate-key={hex} container"),
            format!("the container's certificate key {hex}"),
            format!("containerd://{hex}{hex} --certificate-key {hex}"),
            format!("ssh-ed25519 {LINE}"),
            format!("/tmp/key {LINE}"),
            format!("{LINE}/{LINE}"),
        ] {
            assert!(redact(&text).contains(SHOWN), "{text}");
        }
    }

    #[test]
    fn what_people_need_is_shown() {
        let hash = format!("the CA is sha256:{}", "0123456789abcdef".repeat(4));
        for text in [
            hash.as_str(),
            "known SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8 now SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
            "/var/lib/terraform-provider-ha/operations/ha-kubeadm-join.service: no such file",
            "/Users/Alice/Documents/Projects2/Infra/Terraform/keys/id: no such file",
            "server.abcdefghijklmnop.example.net does not answer",
            "containerd://0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef is gone",
            "StopContainer for container \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\" failed",
            "exited: sandbox 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "the host shows ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJpbmcgYm9uZyBiYW5nIGJvbmcgYmFuZyBib25n",
            "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDxR5q4d9s0zZbQ1",
            "node01.mycompanycluster does not answer",
            "open /home/Ops/My1/VeryLongFolderNameThatSomebodyChoseForTheirKeysOfHosts/ed25519: no such file",
            "registry.k8s.io/kube-apiserver:v1.37.2, boot 3f1c0f2e-7f0a-4f35-9d0c-0a0b0c0d0e0f",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn knows_private_keys_from_what_is_public() {
        assert!(has_private_key(&pem("RSA PRIVATE KEY")));
        assert!(has_private_key("users:\n- user:\n    client-key-data: LS0t"));
        assert!(!has_private_key(&pem("CERTIFICATE")));
        assert!(!has_private_key("~/.ssh/id_ed25519"));
    }
}
