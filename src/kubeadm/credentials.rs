//! What lets a node join: the bootstrap token and the certificate key, made from random bytes of the caller.
use crate::command::Secret;

/// `id.secret`: 6 and 16 characters of `[a-z0-9]`. The id is public, the whole is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapToken {
    id: String,
    text: Secret,
}

const ID_LENGTH: usize = 6;
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

impl BootstrapToken {
    /// Makes a token of 22 random bytes, one a character. 256 is no multiple of 36, so four characters are a
    /// little likelier than others; 82 bits of the secret stay.
    pub fn from_random(bytes: [u8; 22]) -> Self {
        let mut text: String = bytes
            .iter()
            .filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()))
            .map(|character| char::from(*character))
            .collect();
        let id = text.chars().take(ID_LENGTH).collect();
        text.insert(ID_LENGTH, '.');
        Self {
            id,
            text: Secret::new(text),
        }
    }

    /// The public part, which names the Secret `bootstrap-token-<id>`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `id.secret`.
    pub fn text(&self) -> &Secret {
        &self.text
    }

    /// The part after the dot.
    pub fn secret(&self) -> Secret {
        Secret::new(self.text.reveal().get(ID_LENGTH + 1..).unwrap_or_default())
    }
}

/// The AES key of the Secret `kubeadm-certs`: 32 bytes as 64 hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateKey(Secret);

impl CertificateKey {
    /// Takes 32 random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(Secret::new(super::certificate::hex(&bytes)))
    }

    /// The 64 hex digits.
    pub fn text(&self) -> &Secret {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_has_the_form_that_kubeadm_asks_for(bytes: [u8; 22]) {
            let token = BootstrapToken::from_random(bytes);
            let (id, secret) = token.text().reveal().split_once('.').unwrap();
            prop_assert_eq!(id, token.id());
            prop_assert_eq!(token.secret(), Secret::new(secret));
            prop_assert_eq!((id.len(), secret.len()), (6, 16));
            let known = |text: &str| text.bytes().all(|c| ALPHABET.contains(&c));
            prop_assert!(known(id) && known(secret));
            let shown = format!("{token:?}");
            prop_assert!(!shown.contains(secret));
        }
    }

    #[test]
    fn a_certificate_key_is_64_hex_digits() {
        let mut bytes = [0xab; 32];
        bytes[0] = 7;
        let key = CertificateKey::from_random(bytes);
        assert_eq!(key.text().reveal(), format!("07{}", "ab".repeat(31)));
        assert!(!format!("{key:?}").contains("abab"));
    }
}
