//! Who this process is as the owner of a cluster's lock, and whether another owner is certainly gone.
use std::fs;

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

use crate::{
    lifecycle::{engine::random, failure::Failure},
    node::lock::Owner,
};

/// This process as an owner, for one operation.
pub(crate) fn own(operation: &str) -> Result<Owner, Failure> {
    let id: [u8; 8] = random()?;
    let pid = pid();
    Ok(Owner {
        id: format!("{:016x}", u64::from_be_bytes(id)),
        operation: operation.to_owned(),
        who: who(),
        boot: boot(),
        pid,
        started: started(pid).unwrap_or_default(),
    })
}

/// `user@machine (process)`.
pub(crate) fn who() -> String {
    let uid = nix::unistd::getuid();
    // Accounts may come from LDAP or SSSD, not from /etc/passwd.
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    let user = user.map_or_else(|| uid.to_string(), |user| user.name);
    let uname = rustix::system::uname();
    let machine = uname.nodename().to_string_lossy();
    format!("{user}@{machine} (process {})", pid())
}

fn pid() -> u32 {
    rustix::process::getpid().as_raw_nonzero().get().unsigned_abs()
}

/// Whether the owner's process was one of this very boot of this machine, in this container if in any, and has ended.
pub(crate) fn is_gone(owner: &Owner) -> bool {
    if owner.boot.is_empty() || owner.boot != boot() {
        return false;
    }
    match started(owner.pid) {
        Some(started) => started != owner.started,
        // Processes of others may be hidden.
        None => i32::try_from(owner.pid)
            .ok()
            .and_then(Pid::from_raw)
            .is_none_or(|pid| test_kill_process(pid) == Err(Errno::SRCH)),
    }
}

/// This boot of this machine and the PID namespace, as two containers have the same numbers for other processes. Empty
/// where it cannot be told: then nobody is taken for gone.
fn boot() -> String {
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let namespace = fs::read_link("/proc/self/ns/pid");
    match (boot_id, namespace) {
        (Ok(boot_id), Ok(namespace)) => format!("{} {}", boot_id.trim(), namespace.display()),
        _ => String::new(),
    }
}

/// When the process started, proc(5)'s `starttime`; none if there is no such process.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_is_not_gone_and_one_of_its_number_only_is() {
        let owner = own("test").unwrap();
        assert!(owner.started > 0 && !is_gone(&owner));
        let another = Owner {
            started: owner.started + 1,
            ..owner.clone()
        };
        assert!(is_gone(&another));
        let elsewhere = Owner {
            boot: "another boot".to_owned(),
            ..another
        };
        assert!(!is_gone(&elsewhere));
    }
}
