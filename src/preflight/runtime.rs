//! The container runtime that the node will use, which is the one that `cri_socket` names.
use super::Checks;
use crate::node::{
    Facts,
    runtime::{CRI_SOCKETS, Socket},
};

pub(super) fn check_runtime(facts: &Facts, cri_socket: &str, checks: &mut Checks) {
    let runtimes = &facts.runtimes;
    let live = runtimes.live();
    match runtimes.socket(cri_socket) {
        Socket::Live if runtimes.lacks_cri(cri_socket) => {
            let detail = format!(
                "disabled_plugins in /etc/containerd/config.toml on {} has \"cri\", as Docker's package sets it, so that kubeadm and the kubelet cannot use containerd. Take it out of the list and run `systemctl restart containerd`.",
                facts.hostname
            );
            checks.ignorable("CRI", "containerd's CRI plugin is turned off", detail);
        }
        Socket::Live => {}
        Socket::Dead | Socket::Missing if live.is_empty() => {
            let looked = CRI_SOCKETS.join(", ");
            let detail = format!(
                "Nothing listens on {cri_socket} on {}, nor on one of {looked}. Install containerd or CRI-O and start it.",
                facts.hostname
            );
            checks.error(Some("host"), "No container runtime is running", detail);
        }
        state => {
            let file = if state == Socket::Dead {
                ", though the file is there"
            } else {
                ""
            };
            let detail = format!(
                "Nothing listens on {cri_socket} on {}{file}. What runs there is {}. Set cri_socket = \"{}\", or start the runtime that cri_socket names.",
                facts.hostname,
                live.join(", "),
                live.first().map_or("", String::as_str)
            );
            checks.error(Some("cri_socket"), "No runtime listens on cri_socket", detail);
        }
    }
}
