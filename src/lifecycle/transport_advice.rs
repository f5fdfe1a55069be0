//! What a user can do about a connection that failed, or a host that runs no scripts.
use std::borrow::Cow;

use crate::remote::{Refusal, TransportError as T};

/// A summary without values, and the attribute to change.
pub(super) fn summary(error: &T) -> (&'static str, Option<&'static str>) {
    match error {
        T::SshNotInstalled => ("The ssh program is missing", None),
        T::UnknownName { .. } => ("Host name has no address", Some("host")),
        T::Refused { .. } | T::Unreachable { .. } | T::Dropped { .. } => {
            ("Cannot reach host over SSH", Some("host"))
        }
        T::WrongKey { .. } | T::TooManyKeys { .. } => ("SSH key not accepted", Some("ssh")),
        T::UnusableKey { .. } => ("SSH private key not usable", Some("ssh")),
        T::HostKeyChanged { .. } => ("SSH host key has changed", Some("host")),
        T::HostKeyUnknown { .. } => ("SSH host key not known", Some("host")),
        T::SudoNotInstalled => ("sudo is missing on the host", Some("ssh.become")),
        T::Disconnected { .. } => ("SSH connection broke", None),
        T::TimedOut { .. } => ("Command took too long", None),
        T::Other(_) => ("SSH failed", None),
        T::Booting { .. } => ("Host lets nobody in yet", Some("host")),
        T::NoLocalUser { .. } => ("The ssh program does not run", None),
        T::SshTooOld { .. } => ("The ssh program is too old", None),
        T::HostKeyNotGiven { .. } => ("SSH host key is another one", Some("ssh.host_key")),
        T::ShellEnded { .. } => ("Login shell ended at once", Some("ssh.user")),
        T::ShellStuck { .. } => ("Login shell never began our script", Some("ssh.user")),
        T::InputTaken { .. } => ("Script did not arrive whole", Some("ssh.user")),
        T::NoSession { .. } => ("Host grants no SSH session", Some("host")),
        T::ToolMissing { .. } => ("A program is missing on the host", Some("host")),
        T::SudoPassword { .. } => ("sudo asks for a password", Some("ssh.become")),
        T::SudoTty { .. } => ("sudo wants a terminal", Some("ssh.become")),
        T::SudoNotAllowed { .. } => ("sudo refuses the user", Some("ssh.become")),
        T::LoginRefused { .. } => ("Host runs no commands for this user", Some("ssh.user")),
    }
}

/// What to do; empty if the error says all.
pub(super) fn advice(error: &T) -> Cow<'static, str> {
    Cow::Borrowed(match error {
        T::SshNotInstalled => {
            "Install the OpenSSH client where Terraform runs; this provider uses it for every connection."
        }
        T::UnknownName { .. } => "Check the host's name or use its address.",
        T::Refused { .. } => "Check that sshd runs there and that ssh.port is right.",
        T::Unreachable { .. } => {
            "Check that the host is up and that its address, routes and firewalls let this machine in."
        }
        T::WrongKey { .. } => {
            "Check ssh.user, ssh.private_key or ssh.private_key_file, and the user's authorized_keys on the host."
        }
        T::UnusableKey { .. } => {
            "Give an unencrypted OpenSSH or PEM private key, or load an encrypted one into the agent and leave the key out."
        }
        T::HostKeyChanged { .. } => {
            "If the machine was made anew, tell machines apart in this resource's ssh block: host_key_alias (an identity that a new machine does not share, as the id of the resource that makes it) gives each a record of its own, host_key names the key to expect; or remove the old line from the known_hosts file. If it was not made anew, somebody may be in between."
        }
        T::HostKeyUnknown { .. } => {
            "Give the host's public key as ssh.host_key of the resource, add it to the known_hosts file, or set ssh.host_key_policy = \"accept-new\"."
        }
        T::SudoNotInstalled => "Install sudo, or connect as root with become = false.",
        T::Disconnected { .. } => {
            "The command may have gone on without us; the next apply looks before it does anything."
        }
        T::Dropped { .. } => {
            "The host may still boot. If it is up: MaxStartups of its sshd_config or a firewall's limit is too low for this many logins, its sshd has put this machine on its list (PerSourcePenalties, fail2ban), or the sshd is broken: see its log."
        }
        T::Booting { .. } => {
            "Wait until it is up, or see on its console why it does not get there (systemctl list-jobs)."
        }
        T::TooManyKeys { .. } => {
            "The agent offers all its keys in turn. Name the right one with ssh.private_key_file or ssh.private_key; then only that is offered."
        }
        T::NoLocalUser { .. } => {
            "ssh wants a name for the user who runs Terraform. In a container, add a line for the uid to /etc/passwd (or use nss_wrapper), or run as another user."
        }
        T::SshTooOld { .. } => "Install OpenSSH 7.6 or later where Terraform runs.",
        T::HostKeyNotGiven { .. } => {
            "Only the keys in host_key are accepted. Correct it if the machine has other keys; if it has not, somebody may be in between."
        }
        T::ShellEnded { .. } => {
            "None of our script ran. Look at the startup files of the user's login shell (bash: ~/.bashrc, /etc/bash.bashrc; zsh: ~/.zshenv, /etc/zsh/zshenv; fish: ~/.config/fish/config.fish; csh and tcsh: ~/.cshrc, ~/.tcshrc, /etc/csh.cshrc; any: ~/.ssh/rc) for an exit, a set -e or another program that takes the shell's place, and at the user's authorized_keys for a forced command; or set ssh.user to another user."
        }
        T::ShellStuck { .. } => {
            "Look for what waits there: the startup files of the user's login shell (~/.bashrc, ~/.zshenv, config.fish, ~/.cshrc), ~/.ssh/rc, a forced command, PAM, or sudo. A slow directory server counts, too. Or set ssh.user to another user."
        }
        T::InputTaken { .. } => {
            "None of it ran. A startup file of the user's login shell (~/.bashrc, ~/.zshenv, config.fish, ~/.cshrc) or a forced command reads standard input; let it do so on a terminal only, or set ssh.user to another user."
        }
        T::NoSession { .. } => "Set MaxSessions in the host's sshd_config to 1 or more; 10 is the default.",
        T::ToolMissing { .. } => "Install the distribution's coreutils, or busybox with this applet.",
        T::TimedOut { .. } | T::Other(_) => "",
        T::LoginRefused { user, refusal, .. } => return of_refusal(user, refusal),
        T::SudoPassword { user } | T::SudoNotAllowed { user, .. } => {
            return format!(
                "Add the line \"{user} ALL=(ALL) NOPASSWD: ALL\" to a file in /etc/sudoers.d (a later line overrides an earlier one), or connect as root with become = false."
            )
            .into();
        }
        T::SudoTty { user } => {
            return format!(
                "Add the line \"Defaults:{user} !requiretty\" to a file in /etc/sudoers.d, or connect as root with become = false."
            )
            .into();
        }
    })
}

fn of_refusal(user: &str, refusal: &Refusal) -> Cow<'static, str> {
    Cow::Borrowed(match refusal {
        Refusal::AnotherUser(other) => {
            return format!(
                "Set ssh.user = {other:?} and ssh.become = true instead of logging in as {user}."
            )
            .into();
        }
        Refusal::NoShell => {
            "This user has no login shell. Set ssh.user to one that has, with ssh.become = true unless it is root."
        }
        Refusal::Expired => {
            "Log in once and set a new password, let it never expire (chage -M -1 -E -1 USER), or set ssh.user to another user."
        }
        Refusal::Restricted => {
            "This user's shell, or a command forced by sshd_config or authorized_keys, runs only some commands. Set ssh.user to a user with a plain shell, with ssh.become = true unless it is root."
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_image_s_user_is_the_one_to_set() {
        let error = T::LoginRefused {
            hop: "m1".into(),
            user: "root".into(),
            says: String::new(),
            refusal: Refusal::AnotherUser("debian".into()),
        };
        assert_eq!(summary(&error).1, Some("ssh.user"));
        let expected = "Set ssh.user = \"debian\" and ssh.become = true instead of logging in as root.";
        assert_eq!(advice(&error), expected);
    }

    #[test]
    fn the_line_for_sudoers_names_the_user() {
        let error = T::SudoTty { user: "ops".into() };
        assert!(advice(&error).contains("\"Defaults:ops !requiretty\""));
        let error = T::SudoPassword { user: "ops".into() };
        assert!(advice(&error).contains("\"ops ALL=(ALL) NOPASSWD: ALL\""));
    }
}
