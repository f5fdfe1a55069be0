//! What a user can do about a connection that failed, or a host that runs no scripts.
use std::borrow::Cow;

use crate::remote::{Refusal, TransportError as T};

const LOGIN_REFUSED: &str = "Host runs no commands for this user";

/// A summary without values, the attribute to change, and what to do.
pub(super) fn of(error: &T) -> (&'static str, Option<&'static str>, Cow<'static, str>) {
    let (summary, attribute, advice) = match error {
        T::SshNotInstalled => (
            "The ssh program is missing",
            None,
            "Install the OpenSSH client where Terraform runs; this provider uses it for every connection.",
        ),
        T::UnknownName { .. } => (
            "Host name has no address",
            Some("host"),
            "Check the host's name or use its address.",
        ),
        T::Refused { .. } => (
            "Cannot reach host over SSH",
            Some("host"),
            "Check that sshd runs there and that ssh.port is right.",
        ),
        T::Unreachable { .. } => (
            "Cannot reach host over SSH",
            Some("host"),
            "Check that the host is up and that its address, routes and firewalls let this machine in.",
        ),
        T::WrongKey { .. } => (
            "SSH key not accepted",
            Some("ssh"),
            "Check ssh.user, ssh.private_key or ssh.private_key_file, and the user's authorized_keys on the host.",
        ),
        T::UnusableKey { .. } => (
            "SSH private key not usable",
            Some("ssh"),
            "Give an unencrypted OpenSSH or PEM private key, or load an encrypted one into the agent and leave the key out.",
        ),
        T::HostKeyChanged { .. } => (
            "SSH host key has changed",
            Some("host"),
            "If the machine was made anew, tell machines apart in this resource's ssh block: host_key_alias (an identity that a new machine does not share, as the id of the resource that makes it) gives each a record of its own, host_key names the key to expect; or remove the old line from the known_hosts file. If it was not made anew, somebody may be in between.",
        ),
        T::HostKeyUnknown { .. } => (
            "SSH host key not known",
            Some("host"),
            "Give the host's public key as ssh.host_key of the resource, add it to the known_hosts file, or set ssh.host_key_policy = \"accept-new\".",
        ),
        T::SudoPassword { user } => {
            let advice = format!(
                "Add the line \"{user} ALL=(ALL) NOPASSWD: ALL\" to a file in /etc/sudoers.d (a later line overrides an earlier one), or connect as root with become = false."
            );
            return ("sudo asks for a password", Some("ssh.become"), advice.into());
        }
        T::SudoNotInstalled => (
            "sudo is missing on the host",
            Some("ssh.become"),
            "Install sudo, or connect as root with become = false.",
        ),
        T::Disconnected { .. } => (
            "SSH connection broke",
            None,
            "The command may have gone on without us; the next apply looks before it does anything.",
        ),
        T::TimedOut { .. } => ("Command took too long", None, ""),
        T::Other(_) => ("SSH failed", None, ""),
        T::Dropped { .. } => (
            "Cannot reach host over SSH",
            Some("host"),
            "The host may still boot. If it is up: MaxStartups of its sshd_config or a firewall's limit is too low for this many logins, its sshd has put this machine on its list (PerSourcePenalties, fail2ban), or the sshd is broken: see its log.",
        ),
        T::Booting { .. } => (
            "Host lets nobody in yet",
            Some("host"),
            "Wait until it is up, or see on its console why it does not get there (systemctl list-jobs).",
        ),
        T::TooManyKeys { .. } => (
            "SSH key not accepted",
            Some("ssh"),
            "The agent offers all its keys in turn. Name the right one with ssh.private_key_file or ssh.private_key; then only that is offered.",
        ),
        T::NoLocalUser { .. } => (
            "The ssh program does not run",
            None,
            "ssh wants a name for the user who runs Terraform. In a container, add a line for the uid to /etc/passwd (or use nss_wrapper), or run as another user.",
        ),
        T::SshTooOld { .. } => (
            "The ssh program is too old",
            None,
            "Install OpenSSH 7.6 or later where Terraform runs.",
        ),
        T::HostKeyNotGiven { .. } => (
            "SSH host key is another one",
            Some("ssh.host_key"),
            "Only the keys in host_key are accepted. Correct it if the machine has other keys; if it has not, somebody may be in between.",
        ),
        T::LoginRefused { user, refusal, .. } => match refusal {
            Refusal::AnotherUser(other) => {
                let advice = format!(
                    "Set ssh.user = {other:?} and ssh.become = true instead of logging in as {user}."
                );
                return (LOGIN_REFUSED, Some("ssh.user"), advice.into());
            }
            Refusal::NoShell => (
                LOGIN_REFUSED,
                Some("ssh.user"),
                "This user has no login shell. Set ssh.user to one that has, with ssh.become = true unless it is root.",
            ),
            Refusal::Expired => (
                LOGIN_REFUSED,
                Some("ssh.user"),
                "Log in once and set a new password, let it never expire (chage -M -1 -E -1 USER), or set ssh.user to another user.",
            ),
            Refusal::Restricted => (
                LOGIN_REFUSED,
                Some("ssh.user"),
                "This user's shell, or a command forced by sshd_config or authorized_keys, runs only some commands. Set ssh.user to a user with a plain shell, with ssh.become = true unless it is root.",
            ),
        },
        T::ShellEnded { .. } => (
            "Login shell ended at once",
            Some("ssh.user"),
            "None of our script ran. Look at the startup files of the user's login shell (bash: ~/.bashrc, /etc/bash.bashrc; zsh: ~/.zshenv, /etc/zsh/zshenv; fish: ~/.config/fish/config.fish; csh and tcsh: ~/.cshrc, ~/.tcshrc, /etc/csh.cshrc; any: ~/.ssh/rc) for an exit, a set -e or another program that takes the shell's place, and at the user's authorized_keys for a forced command; or set ssh.user to another user.",
        ),
        T::ShellStuck { .. } => (
            "Login shell never began our script",
            Some("ssh.user"),
            "Look for what waits there: the startup files of the user's login shell (~/.bashrc, ~/.zshenv, config.fish, ~/.cshrc), ~/.ssh/rc, a forced command, PAM, or sudo. A slow directory server counts, too. Or set ssh.user to another user.",
        ),
        T::InputTaken { .. } => (
            "Script did not arrive whole",
            Some("ssh.user"),
            "None of it ran. A startup file of the user's login shell (~/.bashrc, ~/.zshenv, config.fish, ~/.cshrc) or a forced command reads standard input; let it do so on a terminal only, or set ssh.user to another user.",
        ),
        T::NoSession { .. } => (
            "Host grants no SSH session",
            Some("host"),
            "Set MaxSessions in the host's sshd_config to 1 or more; 10 is the default.",
        ),
        T::ToolMissing { .. } => (
            "A program is missing on the host",
            Some("host"),
            "Install the distribution's coreutils, or busybox with this applet.",
        ),
        T::SudoTty { user } => {
            let advice = format!(
                "Add the line \"Defaults:{user} !requiretty\" to a file in /etc/sudoers.d, or connect as root with become = false."
            );
            return ("sudo wants a terminal", Some("ssh.become"), advice.into());
        }
        T::SudoNotAllowed { user, .. } => {
            let advice = format!(
                "Add the line \"{user} ALL=(ALL) NOPASSWD: ALL\" to a file in /etc/sudoers.d, or connect as root with become = false."
            );
            return ("sudo refuses the user", Some("ssh.become"), advice.into());
        }
    };
    (summary, attribute, advice.into())
}
