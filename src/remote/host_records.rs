//! Keeps the record under a host's address in step with what was verified by a pinned key or under an alias.
//!
//! Other resources reach the same host by its address alone, and would refuse a machine made anew there.
//!
//! Why: decision 36.
use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::{Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::hmac;

use super::{HostKeyPolicy, PublicKey, Target, ssh_config::known_hosts_file};

/// One change at a time; other programs are met by looking again.
static CHANGING: Mutex<()> = Mutex::new(());

/// After a connection to a target that has an identity of its own. A file that cannot be changed is only a warning:
/// this connection is as good as it was.
pub(super) fn bring_in_step(target: &Target) {
    let has_identity = !target.host_keys.is_empty() || target.host_key_alias.is_some();
    if !has_identity || target.host_key_policy == HostKeyPolicy::Insecure {
        return;
    }
    let file = known_hosts_file(target.host_key_policy, target.known_hosts_file.as_deref());
    let _one_at_a_time = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = change(&file, target) {
        tracing::warn!(file = %file.display(), %error, host = target.address, "the host's key could not be recorded under its address");
    }
}

/// How often a file that changes under our hands is read again.
const TRIES: usize = 5;

fn change(file: &Path, target: &Target) -> io::Result<()> {
    // Behind a symbolic link, the file itself is replaced.
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    for _ in 0..TRIES {
        let old = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            text => Some(text?),
        };
        // Its comments may be in any encoding, and what is not read whole is not written.
        let text = std::str::from_utf8(old.as_deref().unwrap_or_default())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let Some(new) = in_step(text, target) else {
            return Ok(());
        };
        if replace(&file, old.as_deref(), &new)? {
            return Ok(());
        }
    }
    Err(io::Error::other("it changes all the time"))
}

/// Replaces the file unless it is not as it was any more.
fn replace(file: &Path, old: Option<&[u8]>, new: &str) -> io::Result<bool> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut made = tempfile::Builder::new()
        .prefix(".known_hosts.")
        .tempfile_in(folder)?;
    made.write_all(new.as_bytes())?;
    if old.is_none() {
        return match made.persist_noclobber(file) {
            Ok(_) => Ok(true),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error.error),
        };
    }
    let metadata = fs::metadata(file)?;
    made.as_file()
        .set_permissions(fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
    // Whoever is not root can only have files of his own.
    std::os::unix::fs::fchown(made.as_file(), Some(metadata.uid()), Some(metadata.gid())).ok();
    if fs::read(file)? != old.unwrap_or_default() {
        return Ok(false);
    }
    made.persist(file).map_err(|error| error.error)?;
    Ok(true)
}

/// The text with the verified keys under the target's address; `None` if they are there already, or none was recorded.
///
/// Lines with patterns and revoked keys stay as they are, and a line of several hosts loses only this one.
fn in_step(text: &str, target: &Target) -> Option<String> {
    let name = name_of(target);
    let named = |name: &str| -> Vec<PublicKey> {
        let lines = text.lines().filter_map(Line::parse);
        let lines = lines.filter(|line| line.has(name) && !line.is_revoked());
        lines.map(|line| line.public_key()).collect()
    };
    let wanted = match &target.host_key_alias {
        Some(alias) if target.host_keys.is_empty() => named(&alias.to_lowercase()),
        _ => target.host_keys.clone(),
    };
    let present = named(&name);
    let contradicts = |key: &PublicKey| {
        !key.is_authority && !wanted.contains(key) && wanted.iter().any(|it| it.kind() == key.kind())
    };
    let is_in_step = wanted.iter().all(|key| present.contains(key)) && !present.iter().any(contradicts);
    if wanted.is_empty() || is_in_step {
        return None;
    }
    let mut new = String::new();
    for line in text.lines() {
        match Line::parse(line).filter(|it| it.has(&name) && !it.is_revoked()) {
            None => new.extend([line, "\n"]),
            Some(ours) => new.extend(ours.without(&name).map(|line| line + "\n")),
        }
    }
    for key in wanted {
        new += &key.record(&name);
    }
    Some(new)
}

/// What ssh calls a host in these files.
fn name_of(target: &Target) -> String {
    let address = target.address.to_lowercase();
    match target.port {
        22 => address,
        port => format!("[{address}]:{port}"),
    }
}

/// `[@MARKER] HOSTS TYPE BASE64 [COMMENT]`, see sshd(8).
struct Line<'a> {
    marker: Option<&'a str>,
    hosts: &'a str,
    kind: &'a str,
    base64: &'a str,
    /// From the key's type to the end.
    rest: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let (marker, line) = if line.starts_with('@') {
            let (marker, line) = line.split_once(char::is_whitespace)?;
            (Some(marker), line.trim_start())
        } else {
            (None, line)
        };
        let (hosts, rest) = line.split_once(char::is_whitespace)?;
        let rest = rest.trim_start();
        let mut words = rest.split_whitespace();
        Some(Self {
            marker,
            hosts,
            kind: words.next()?,
            base64: words.next()?,
            rest,
        })
    }

    fn is_revoked(&self) -> bool {
        self.marker == Some("@revoked")
    }

    fn public_key(&self) -> PublicKey {
        PublicKey {
            is_authority: self.marker.is_some(),
            key: format!("{} {}", self.kind, self.base64),
        }
    }

    /// Whether the line is about this very name, not about a pattern that it matches.
    fn has(&self, name: &str) -> bool {
        match self.hosts.strip_prefix("|1|") {
            Some(hashed) => is_hash_of(hashed, name).unwrap_or_default(),
            None => self.hosts.split(',').any(|host| host.eq_ignore_ascii_case(name)),
        }
    }

    /// The line without this name, if it has others.
    fn without(&self, name: &str) -> Option<String> {
        let others = self
            .hosts
            .split(',')
            .filter(|host| !host.eq_ignore_ascii_case(name));
        let others: Vec<&str> = others.collect();
        if self.hosts.starts_with('|') || others.is_empty() {
            return None;
        }
        let marker = self.marker.map(|marker| format!("{marker} ")).unwrap_or_default();
        Some(format!("{marker}{} {}", others.join(","), self.rest))
    }
}

/// `SALT|HASH`, both in base64: an HMAC with SHA-1, see `HashKnownHosts` of `ssh_config(5)`.
fn is_hash_of(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let (salt, hash) = (STANDARD.decode(salt).ok()?, STANDARD.decode(hash).ok()?);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
    Some(hmac::verify(&key, name.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEGmXbXdnOTa0r2xZpo8qTCGqgzFPpVm4hjyE0pzCqTi";

    fn pinned(key: &str) -> Target {
        Target {
            host_keys: PublicKey::parse_lines(key).unwrap(),
            ..Target::new("M1", "ops")
        }
    }

    fn named(alias: &str) -> Target {
        Target {
            host_key_alias: Some(alias.into()),
            ..Target::new("m1", "ops")
        }
    }

    #[test]
    fn only_what_is_about_this_host_changes() {
        let text = format!(
            "# mine\n\nm0 {A}\nm1 {A} old machine\nm0,m1,10.0.0.1 {A}\n@revoked m1 {A}\n*.example,m? {A}\n[m1]:2222 {A}\n@cert-authority m1 {A}\nno line\n"
        );
        let expected = format!(
            "# mine\n\nm0 {A}\nm0,10.0.0.1 {A}\n@revoked m1 {A}\n*.example,m? {A}\n[m1]:2222 {A}\nno line\nm1 {B}\n"
        );
        assert_eq!(in_step(&text, &pinned(B)), Some(expected.clone()));
        assert_eq!(
            in_step(&expected, &pinned(B)),
            None,
            "a second time there is nothing to do"
        );
        let port = Target {
            port: 2222,
            ..pinned(B)
        };
        let text = format!("m1 {A}\n[m1]:2222 {A}\n");
        assert_eq!(in_step(&text, &port), Some(format!("m1 {A}\n[m1]:2222 {B}\n")));
    }

    #[test]
    fn what_was_verified_under_the_alias_is_recorded_under_the_address() {
        let text = format!("m1 {A}\nvm-1 {A}\nvm-2 {B}\n");
        assert_eq!(in_step(&text, &named("VM-1")), None);
        let expected = format!("vm-1 {A}\nvm-2 {B}\nm1 {B}\n");
        assert_eq!(in_step(&text, &named("VM-2")), Some(expected));
        assert_eq!(
            in_step(&text, &named("vm-3")),
            None,
            "nothing on record, nothing to say"
        );
    }

    #[test]
    fn keys_of_other_types_stay_unless_the_machine_is_another() {
        let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==";
        assert_eq!(in_step(&format!("m1 {rsa}\nm1 {A}\n"), &pinned(A)), None);
        assert_eq!(
            in_step(&format!("m1 {rsa}\nm1 {A}\n"), &pinned(B)),
            Some(format!("m1 {B}\n"))
        );
        let authority = format!("@cert-authority {B}");
        let expected = format!("@cert-authority m1 {B}\n");
        assert_eq!(in_step(&format!("m1 {A}\n"), &pinned(&authority)), Some(expected));
    }

    #[test]
    fn hashed_names_the_mode_and_links_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, format!("m0 {A}\nm1 {A}\n")).unwrap();
        let hash = Command::new("ssh-keygen").arg("-Hf").arg(&file).output().unwrap();
        assert!(hash.status.success());
        let hashed = fs::read_to_string(&file).unwrap();
        assert!(hashed.lines().all(|line| line.starts_with("|1|")), "{hashed}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let target = Target {
            known_hosts_file: Some(link.clone()),
            ..pinned(B)
        };
        bring_in_step(&target);
        let first = hashed.lines().next().unwrap();
        assert_eq!(fs::read_to_string(&link).unwrap(), format!("{first}\nm1 {B}\n"));
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|it| it.unwrap().file_name())
            .collect();
        assert!(
            !names
                .iter()
                .any(|name| name.to_string_lossy().starts_with(".known")),
            "{names:?}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_yet_is_made_for_its_user_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        bring_in_step(&Target {
            known_hosts_file: Some(file.clone()),
            ..pinned(B)
        });
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("m1 {B}\n"));
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_in_another_encoding_is_left_as_it_is() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = [format!("m1 {A} J").as_bytes(), b"\xf6rg\n"].concat();
        fs::write(file.path(), &text).unwrap();
        let target = pinned(B);
        let error = change(file.path(), &target).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(fs::read(file.path()).unwrap(), text);
    }

    #[test]
    fn a_file_that_another_program_changes_is_not_overwritten() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "m2 newer\n").unwrap();
        assert!(!replace(file.path(), Some(b"m2 older\n"), "ours\n").unwrap());
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "m2 newer\n");
    }
}
