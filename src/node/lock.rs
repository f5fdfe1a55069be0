//! The locks that a host holds for whoever changes its cluster, and for whoever makes it a node or none: a file with
//! its owner, which counts for as long as the owner renews it.
//!
//! It lies in `/run`, so that a reboot ends it. Its age is told by the host's own clock, so clocks need not agree.
//!
//! Why it is a file on the hosts: decision 13. Why a host has its own: decision 26.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::{Script, quote};

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The membership of the cluster that the host belongs to.
    Cluster,
    /// The host itself.
    Host,
}

impl Scope {
    /// Where the lock lies. Not in [`super::DIRECTORY`]: a `kubeadm reset` of the host does not end its owner's work.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Cluster => "/run/terraform-provider-ha.lock",
            Self::Host => "/run/terraform-provider-ha.host.lock",
        }
    }
}

/// An owner that has not renewed the lock for so long has lost it.
pub const LEASE: Duration = Duration::from_secs(60);

/// Who holds the lock. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Made at random for one taking of the lock.
    pub id: String,
    /// What it does, for example `create ha_master 10.0.0.12`.
    pub operation: String,
    /// `user@machine (process)`, where Terraform runs.
    pub who: String,
    /// The boot of that machine and the PID namespace: `/proc/sys/kernel/random/boot_id` and `/proc/self/ns/pid`;
    /// empty if they are not known.
    pub boot: String,
    /// The provider's process there.
    pub pid: u32,
    /// When that process started, in clock ticks after the boot, so that another process of its number is none.
    pub started: u64,
}

/// What came of taking or renewing the lock on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taking {
    /// It is the owner's.
    Taken,
    /// Somebody else has it.
    Held(Box<Owner>),
    /// It was to be renewed, and is nobody's.
    Free,
}

/// An output that is neither [`take_script`]'s nor [`renew_script`]'s.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not the state of a lock: {line}")]
pub struct LockError {
    /// The output's first line.
    pub line: String,
}

/// Takes the lock; read its output with [`Taking::parse`]. One that nobody renewed for [`LEASE`] is taken over, and so
/// is that of the owner whose id is `gone`.
pub fn take_script(scope: Scope, owner: &Owner, gone: Option<&str>) -> Script {
    take_in(scope.file(), owner, gone)
}

/// Renews the owner's lock, and nothing else: one that was given back in between, or went with a reboot, stays so. Read
/// its output with [`Taking::parse`].
pub fn renew_script(scope: Scope, owner: &Owner) -> Script {
    renew_in(scope.file(), owner)
}

/// Gives the lock back; fine if it is another's or gone.
pub fn release_script(scope: Scope, owner: &Owner) -> Script {
    release_in(scope.file(), owner)
}

impl Taking {
    /// Reads the output of [`take_script`] and [`renew_script`].
    pub fn parse(stdout: &str) -> Result<Self, LockError> {
        let unreadable = || LockError {
            line: stdout.lines().next().unwrap_or_default().to_owned(),
        };
        match stdout.trim() {
            "taken" => Ok(Self::Taken),
            "free" => Ok(Self::Free),
            text => serde_json::from_str(text)
                .map(|owner| Self::Held(Box::new(owner)))
                .map_err(|_| unreadable()),
        }
    }
}

/// Nobody else looks at or changes the lock between these lines and the script's end. `flock` is util-linux', which
/// kubeadm needs too.
fn guarded(file: &str, owner: &Owner) -> String {
    let id = quote(&format!("\"id\":\"{}\"", owner.id));
    format!(
        "set -eu\numask 077\nf={} id={id}\n\
         exec 9>\"$f.guard\"\n\
         flock 9\n",
        quote(file)
    )
}

fn take_in(file: &str, owner: &Owner, gone: Option<&str>) -> Script {
    let text = serde_json::to_string(owner).unwrap_or_default();
    // No owner has this id.
    let gone = quote(&format!("\"id\":\"{}\"", gone.unwrap_or("-")));
    let body = format!(
        "{}if [ -s \"$f\" ] && ! grep -qF -e \"$id\" -e {gone} \"$f\" \
         && [ $(( $(date +%s) - $(stat -c %Y \"$f\") )) -lt {} ]; then cat \"$f\"; exit; fi\n\
         printf '%s\\n' {} >\"$f.new\"\n\
         mv \"$f.new\" \"$f\"\n\
         echo taken\n",
        guarded(file, owner),
        LEASE.as_secs(),
        quote(&text)
    );
    Script::new("take the lock", body)
}

fn renew_in(file: &str, owner: &Owner) -> Script {
    let body = format!(
        "{}if [ ! -s \"$f\" ]; then echo free; \
         elif grep -qF -e \"$id\" \"$f\"; then touch \"$f\"; echo taken; \
         else cat \"$f\"; fi\n",
        guarded(file, owner)
    );
    Script::new("renew the lock", body)
}

fn release_in(file: &str, owner: &Owner) -> Script {
    let body = format!(
        "{}if [ -e \"$f\" ] && grep -qF \"$id\" \"$f\"; then rm -f \"$f\"; fi\n",
        guarded(file, owner)
    );
    Script::new("release the lock", body)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn owner(id: &str) -> Owner {
        Owner {
            id: id.to_owned(),
            operation: "create ha_master it's m2".to_owned(),
            who: "ops@desk".to_owned(),
            boot: "b".to_owned(),
            pid: 7,
            started: 1,
        }
    }

    fn sh(script: &Script) -> String {
        let output = Command::new("sh").args(["-c", &script.body]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    struct Host(tempfile::TempDir);

    impl Host {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn file(&self) -> String {
            format!("{}/lock", self.0.path().display())
        }

        fn take(&self, id: &str, gone: Option<&str>) -> Taking {
            Taking::parse(&sh(&take_in(&self.file(), &owner(id), gone))).unwrap()
        }

        fn renew(&self, id: &str) -> Taking {
            Taking::parse(&sh(&renew_in(&self.file(), &owner(id)))).unwrap()
        }

        fn release(&self, id: &str) {
            sh(&release_in(&self.file(), &owner(id)));
        }
    }

    #[test]
    fn one_owner_at_a_time() {
        let host = Host::new();
        assert_eq!(host.take("one", None), Taking::Taken);
        assert_eq!(host.take("two", None), Taking::Held(Box::new(owner("one"))));
        assert_eq!(host.renew("one"), Taking::Taken);
        assert_eq!(host.renew("two"), Taking::Held(Box::new(owner("one"))));
        host.release("two");
        assert_eq!(host.take("two", None), Taking::Held(Box::new(owner("one"))));
        host.release("one");
        assert_eq!(host.take("two", None), Taking::Taken);
    }

    #[test]
    fn an_owner_that_is_gone_or_silent_loses_it() {
        let host = Host::new();
        host.take("one", None);
        assert_eq!(host.take("two", Some("one")), Taking::Taken);
        let old = format!("touch -d '{} seconds ago' {}", LEASE.as_secs() + 1, host.file());
        assert!(Command::new("sh").args(["-c", &old]).status().unwrap().success());
        assert_eq!(host.take("three", None), Taking::Taken);
        assert_eq!(host.take("two", None), Taking::Held(Box::new(owner("three"))));
    }

    #[test]
    fn a_renewal_that_comes_late_does_not_lock_again() {
        let host = Host::new();
        host.take("one", None);
        host.release("one");
        assert_eq!(host.renew("one"), Taking::Free);
        assert_eq!(host.take("two", None), Taking::Taken);
    }

    #[test]
    fn of_many_at_once_one_gets_it() {
        let host = Host::new();
        let taken = std::thread::scope(|scope| {
            let host = &host;
            let threads: Vec<_> = (0..8)
                .map(|index| scope.spawn(move || host.take(&format!("o{index}"), None)))
                .collect();
            let results = threads.into_iter().map(|thread| thread.join().unwrap());
            results.filter(|taking| *taking == Taking::Taken).count()
        });
        assert_eq!(taken, 1);
    }
}
