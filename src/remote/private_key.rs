//! Private keys: a file for ssh to read while it connects, and what is wrong with one that ssh did not use.
use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{Key, TransportError, target::expand_tilde};
use crate::command::Secret;

/// Where ssh finds the key of one hop. A file made from a text lives as long as this.
#[derive(Debug)]
pub(super) enum KeyFile {
    /// No file: the agent and ssh's default files.
    None,
    /// The user's file.
    OfUser(PathBuf),
    /// Made from a text, removed on drop.
    OfText(PathBuf),
}

impl KeyFile {
    /// Finds or writes the key's file; `path` is where a text would go.
    pub(super) fn new(key: &Key, path: PathBuf) -> Result<Self, TransportError> {
        match key {
            Key::Agent => Ok(Self::None),
            Key::File(file) => {
                let file = expand_tilde(file);
                match std::fs::File::open(&file) {
                    Ok(_) => Ok(Self::OfUser(file)),
                    Err(error) => Err(unusable(&format!("{}: {error}", file.display()))),
                }
            }
            Key::Text(text) => {
                if let Some(flaw) = flaw(text.reveal()) {
                    return Err(unusable(flaw));
                }
                write(&path, text).map_err(|error| unusable(&format!("{}: {error}", path.display())))?;
                Ok(Self::OfText(path))
            }
        }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::None => None,
            Self::OfUser(path) | Self::OfText(path) => Some(path),
        }
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        if let Self::OfText(path) = self
            && let Err(error) = std::fs::remove_file(&*path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a private key's temporary file could not be removed");
        }
    }
}

fn write(path: &Path, text: &Secret) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let text = Zeroizing::new(text.reveal().trim().replace("\r\n", "\n"));
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")
}

/// What is wrong with the key, if that explains why no host accepts it.
pub(super) fn explain_refusal(key: &Key) -> Option<TransportError> {
    let Key::File(file) = key else {
        return None;
    };
    let file = expand_tilde(file);
    let text = Zeroizing::new(std::fs::read_to_string(&file).ok()?);
    flaw(&text).map(|flaw| unusable(&format!("{}: {flaw}", file.display())))
}

fn unusable(reason: &str) -> TransportError {
    TransportError::UnusableKey {
        reason: reason.to_owned(),
    }
}

const ENCRYPTED: &str = "it is encrypted with a passphrase; remove that, or add the key to ssh-agent";
const NO_KEY: &str = "it is not a private key in OpenSSH or PEM format";

/// Why ssh in batch mode can't use this text as a private key, as far as the text alone tells.
fn flaw(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if ["ssh-", "ecdsa-", "sk-"]
        .iter()
        .any(|name| text.starts_with(name))
    {
        return Some("it is a public key; the private one is needed");
    }
    if text.starts_with("PuTTY-User-Key-File") {
        return Some("it has PuTTY's format; export it in OpenSSH's with puttygen");
    }
    let begin = text.lines().next().unwrap_or_default().trim();
    if !begin.starts_with("-----BEGIN ") || !begin.ends_with("PRIVATE KEY-----") {
        return Some(NO_KEY);
    }
    if begin.contains("ENCRYPTED") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Some(ENCRYPTED);
    }
    if begin.contains("OPENSSH") {
        return match openssh_cipher(text) {
            None => Some(NO_KEY),
            Some(cipher) => (cipher != b"none").then_some(ENCRYPTED),
        };
    }
    None
}

/// The cipher's name, the first field of the format of OpenSSH's PROTOCOL.key.
fn openssh_cipher(text: &str) -> Option<Vec<u8>> {
    let body: String = text
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    let bytes = Zeroizing::new(STANDARD.decode(Zeroizing::new(body).as_bytes()).ok()?);
    let rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    rest.get(..length).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn openssh_key(cipher: &str) -> String {
        let mut bytes = b"openssh-key-v1\0".to_vec();
        bytes.extend(u32::try_from(cipher.len()).unwrap().to_be_bytes());
        bytes.extend(cipher.as_bytes());
        bytes.extend([7; 60]);
        let name = "OPENSSH PRIVATE KEY";
        format!(
            "-----BEGIN {name}-----\n{}\n-----END {name}-----\n",
            STANDARD.encode(bytes)
        )
    }

    #[test]
    fn a_good_key_has_no_flaw() {
        assert_eq!(flaw(&openssh_key("none")), None);
        assert_eq!(
            flaw("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"),
            None
        );
    }

    #[test]
    fn each_flaw_is_told() {
        let encrypted = [
            openssh_key("aes256-ctr"),
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII\n".to_owned(),
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n".to_owned(),
        ];
        for text in encrypted {
            assert_eq!(flaw(&text), Some(ENCRYPTED), "{text}");
        }
        for text in [
            "",
            "garbage",
            "-----BEGIN OPENSSH PRIVATE KEY-----\n!!\n",
            "-----BEGIN CERTIFICATE-----\n",
        ] {
            assert_eq!(flaw(text), Some(NO_KEY), "{text}");
        }
        assert!(flaw("ssh-ed25519 AAAA me").unwrap().contains("public key"));
        assert!(
            flaw("PuTTY-User-Key-File-3: ssh-ed25519")
                .unwrap()
                .contains("PuTTY")
        );
    }

    #[test]
    fn a_key_text_is_a_private_file_only_while_it_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = Key::Text(Secret::new(openssh_key("none").replace('\n', "\r\n")));
        let file = KeyFile::new(&key, path.clone()).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), openssh_key("none"));
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_user_s_key_file_stays() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let key = Key::File(file.path().to_owned());
        drop(KeyFile::new(&key, PathBuf::new()).unwrap());
        assert!(file.path().exists());
        let absent = KeyFile::new(&Key::File("/no/such/key".into()), PathBuf::new()).unwrap_err();
        assert!(
            absent.to_string().contains("/no/such/key: No such file"),
            "{absent}"
        );
    }
}
