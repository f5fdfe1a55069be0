//! A host's public key, or that of the authority that signs host keys, as users write it.
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// One key that a host may show. Holds nothing but what it was read from as far as that was understood, so that it can
/// stand in a `known_hosts` file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey {
    /// Whether it signs host keys (`@cert-authority`) instead of being one.
    pub(super) is_authority: bool,
    /// `TYPE BASE64`.
    pub(super) key: String,
}

/// Types of public keys that ssh(1) takes for a host, see `ssh -Q key-plain`.
const TYPES: &[&str] = &[
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

const AUTHORITY: &str = "@cert-authority";

impl PublicKey {
    /// Reads one key a line, `[@cert-authority] TYPE BASE64 [COMMENT]`; empty lines and `#` lines are skipped. The error
    /// says what is wrong in which line, and shows nothing of it.
    pub fn parse_lines(text: &str) -> Result<Vec<Self>, String> {
        let lines = text.lines().map(str::trim).enumerate();
        let keys = lines
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
            .map(|(index, line)| Self::parse(line).map_err(|error| format!("line {}: {error}", index + 1)))
            .collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err("must hold at least one public key".to_owned());
        }
        Ok(keys)
    }

    fn parse(line: &str) -> Result<Self, String> {
        if line.contains("PRIVATE KEY") {
            return Err("this is a private key; give the public one (ssh_host_…_key.pub)".to_owned());
        }
        let mut words = line.split_whitespace().peekable();
        let is_authority = words.next_if_eq(&AUTHORITY).is_some();
        let (Some(kind), Some(text)) = (words.next(), words.next()) else {
            return Err(
                "must be a key type and the key in base64, as in ssh_host_ed25519_key.pub".to_owned(),
            );
        };
        let Some(kind) = TYPES.iter().find(|known| **known == kind) else {
            return Err(format!("must begin with a key type, one of {}", TYPES.join(", ")));
        };
        // RFC 4253, section 6.6: the key begins with its own type, and the length of that.
        let length = u32::try_from(kind.len()).unwrap_or_default().to_be_bytes();
        let begin = [&length[..], kind.as_bytes()].concat();
        match STANDARD.decode(text) {
            Ok(bytes) if bytes.starts_with(&begin) && bytes.len() > begin.len() => Ok(Self {
                is_authority,
                key: format!("{kind} {text}"),
            }),
            _ => Err(format!(
                "the text after {kind} is not a whole key of that type in base64"
            )),
        }
    }

    /// Its type.
    pub(super) fn kind(&self) -> &str {
        self.key.split(' ').next().unwrap_or_default()
    }

    /// A line of a `known_hosts` file, see sshd(8).
    pub(super) fn record(&self, names: &str) -> String {
        let marker = if self.is_authority { "@cert-authority " } else { "" };
        format!("{marker}{names} {}\n", self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q";

    #[test]
    fn keys_of_hosts_and_of_authorities() {
        let keys =
            PublicKey::parse_lines(&format!("# m1\n\n{KEY} root@m1\r\n @cert-authority {KEY}\n")).unwrap();
        let records: String = keys.iter().map(|key| key.record("m1")).collect();
        assert_eq!(records, format!("m1 {KEY}\n@cert-authority m1 {KEY}\n"));
    }

    #[test]
    fn what_is_no_public_key() {
        let base64 = KEY.split(' ').nth(1).unwrap();
        let table: Vec<String> = [
            "",
            "# only a comment",
            "ssh-ed25519",
            &format!("m1 {KEY}"),
            &format!("ssh-dss {base64}"),
            &format!("ssh-rsa {base64}"),
            &format!("{KEY}\nssh-ed25519 {}", &base64[..21]),
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
            "SHA256:FHsTyFHNmvNpw4o7+rp+M1yqMyBF8vXSBRkZtkQ0RKY",
        ]
        .map(|text| format!("{text:?}\n => {}\n", PublicKey::parse_lines(text).unwrap_err()))
        .into();
        insta::assert_snapshot!(table.join("\n"));
    }
}
