//! The fingerprint of a host key on record, as ssh writes fingerprints.
use std::path::Path;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use sha2::{Digest as _, Sha256};

/// The fingerprint of the key at `FILE:LINE`, the way ssh names a record.
pub(super) fn fingerprint_at(record: &str) -> Option<String> {
    let (file, number) = record.rsplit_once(':')?;
    let index = number.parse::<usize>().ok()?.checked_sub(1)?;
    let text = std::fs::read_to_string(Path::new(file)).ok()?;
    fingerprint_of_line(text.lines().nth(index)?)
}

/// `[@MARKER] HOSTS TYPE BASE64 [COMMENT]`, see sshd(8); HOSTS may be hashed, which does not matter here.
fn fingerprint_of_line(line: &str) -> Option<String> {
    let mut fields = line.split_whitespace();
    if line.starts_with('@') {
        fields.next();
    }
    let key = STANDARD.decode(fields.nth(2)?).ok()?;
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key))))
}

#[cfg(test)]
mod tests {
    use super::*;

    // `ssh-keygen -lf` gives this fingerprint for the key below.
    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q";
    const FINGERPRINT: &str = "SHA256:FHsTyFHNmvNpw4o7+rp+M1yqMyBF8vXSBRkZtkQ0RKY";

    #[test]
    fn a_fingerprint_is_what_ssh_keygen_shows() {
        for hosts in [
            "10.0.0.1",
            "[10.0.0.1]:2222,m1",
            "|1|c2FsdA==|aGFzaA==",
            "@cert-authority *.example",
        ] {
            let line = format!("{hosts} {KEY} a comment");
            assert_eq!(fingerprint_of_line(&line).as_deref(), Some(FINGERPRINT));
        }
    }

    #[test]
    fn a_record_is_found_by_its_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("# comment\n\nm1 {KEY}\n")).unwrap();
        let path = file.path().display();
        assert_eq!(fingerprint_at(&format!("{path}:3")).as_deref(), Some(FINGERPRINT));
        for absent in [
            format!("{path}:1"),
            format!("{path}:4"),
            format!("{path}:0"),
            "x".into(),
        ] {
            assert_eq!(fingerprint_at(&absent), None, "{absent}");
        }
    }
}
