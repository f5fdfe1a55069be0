//! `kubeadm reset` of one host: what kubeadm made goes, what `ha_loadbalancer` owns there stays.
use std::time::Duration;

use super::{
    detached::{self, KUBEADM_INIT, KUBEADM_JOIN, KUBEADM_RESET},
    loadbalancer_note::LoadbalancerNote,
    released_members::RELEASED,
};
use crate::{
    command::{Look, Script},
    haproxy, keepalived, kubeadm,
    lifecycle::{engine::Act, failure::Failure},
    node::{DIRECTORY, MARKER, detached::free_command, vip},
};

const LIMIT: Duration = Duration::from_secs(10 * 60);

/// Resets the host and removes this provider's notes of the node. Does nothing on a host without a trace of
/// Kubernetes.
///
/// kubeadm empties the whole manifests folder and stops every pod, so the load balancer's manifests are put aside
/// first and put back after; the pods start again with the next kubelet.
pub(crate) async fn reset_host(act: Act<'_>, cri_socket: &str) -> Result<(), Failure> {
    reset_kubeadm(act, cri_socket).await?;
    clean_host(act).await
}

/// The first half of [`reset_host`]: this provider's notes stay, for the case that what follows is cut.
pub(crate) async fn reset_kubeadm(act: Act<'_>, cri_socket: &str) -> Result<(), Failure> {
    let trace = Look::new(
        "look for Kubernetes",
        format!(
            "for file in /etc/kubernetes/admin.conf /etc/kubernetes/kubelet.conf /etc/kubernetes/bootstrap-kubelet.conf /etc/kubernetes/pki \
             /etc/kubernetes/manifests/etcd.yaml /etc/kubernetes/manifests/kube-apiserver.yaml /var/lib/etcd/member /var/lib/kubelet/config.yaml {MARKER}; \
             do [ -e \"$file\" ] && echo \"$file\"; done; true"
        ),
    );
    if !act.host.look_ok(&trace).await?.trim().is_empty() {
        // Neither is a reset right while kubeadm works, nor does the result of an earlier one say anything.
        for name in [KUBEADM_INIT, KUBEADM_JOIN, KUBEADM_RESET] {
            detached::settle(&act, &act.host, name).await?;
        }
        detached::forget(act, &act.host, KUBEADM_RESET).await?;
        detached::start(act, &act.host, KUBEADM_RESET, &reset_command(cri_socket), LIMIT).await?;
        let (status, output) = detached::await_end(&act.host, KUBEADM_RESET).await?;
        detached::forget(act, &act.host, KUBEADM_RESET).await?;
        if status != 0 {
            return Err(
                Failure::new("kubeadm reset failed", kubeadm::last_words(&output)).on(act.host.name())
            );
        }
        drop_vip(act).await?;
    }
    Ok(())
}

/// Takes the floating IP that `ha_loadbalancer` keeps here off the host: the reset kills keepalived, which then does not
/// give it back. Left on this host, the address would lead whatever asks for the endpoint here, a join above all, to this
/// host itself.
pub(crate) async fn drop_vip(act: Act<'_>) -> Result<(), Failure> {
    if let Some(note) = LoadbalancerNote::read(&act.host).await? {
        let drop = vip::drop_vip_command(note.vip, &note.interface);
        act.change(&act.host, &Script::new("drop the floating IP", drop))
            .await?;
    }
    Ok(())
}

/// The second half of [`reset_host`].
pub(crate) async fn clean_host(act: Act<'_>) -> Result<(), Failure> {
    // A run that was cut may have left a reset at work.
    detached::settle(&act, &act.host, KUBEADM_RESET).await?;
    act.change(&act.host, &clean_script()).await?;
    Ok(())
}

const MANIFESTS: &str = "/etc/kubernetes/manifests";

fn reset_command(cri_socket: &str) -> String {
    let aside = format!("{DIRECTORY}/manifests");
    let manifests = [haproxy::MANIFEST_PATH, keepalived::MANIFEST_PATH];
    let put_aside = manifests
        .map(|path| format!("[ ! -e {path} ] || mv {path} {aside}/"))
        .join("\n");
    // A manifest that was written in the meantime is the better one.
    // kubeadm empties etcd's folder before it stops the kubelet, which may start etcd once more in between.
    format!(
        "etcd=$(sed -n 's/^ *- --data-dir=//p' /etc/kubernetes/manifests/etcd.yaml 2>/dev/null)\n\
         mkdir -p {aside}\n{put_aside}\n{}\nstatus=$?\n\
         [ $status != 0 ] || [ -z \"$etcd\" ] || rm -rf \"$etcd/member\"\n\
         mkdir -p {MANIFESTS}\n\
         for file in {aside}/*.yaml; do\n\
         \x20 [ -e \"$file\" ] || continue\n\
         \x20 if [ -e \"{MANIFESTS}/${{file##*/}}\" ]; then rm -f \"$file\"; else mv \"$file\" {MANIFESTS}/; fi\n\
         done\n\
         rmdir {aside}\nexit $status",
        kubeadm::reset_command(cri_socket)
    )
}

/// Removes what `kubeadm reset` leaves of its own and kube-proxy's, and nothing of anybody else: the chains are
/// deleted by name, tables are never flushed; CNI configuration is not ours.
fn clean_script() -> Script {
    let chains = r#"for save in iptables ip6tables; do
  command -v $save-save >/dev/null 2>&1 || continue
  for table in nat filter mangle; do
    $save-save -t $table 2>/dev/null | awk -v table=$table '
      /^:KUBE-/ { split(substr($1, 2), name, " "); chains[name[1]] = 1 }
      /^-A / { if ($0 ~ /-j KUBE-/ && $2 !~ /^KUBE-/) { rule = $0; sub(/^-A/, "-D", rule); rules[++count] = rule } }
      END {
        print "*" table
        for (i = 1; i <= count; i++) print rules[i]
        for (chain in chains) print "-F " chain
        for (chain in chains) print "-X " chain
        print "COMMIT"
      }' | $save-restore --noflush 2>/dev/null
  done
done
command -v nft >/dev/null 2>&1 && { nft delete table ip kube-proxy; nft delete table ip6 kube-proxy; } 2>/dev/null"#;
    let files = [
        "kubelet.conf",
        "bootstrap-kubelet.conf",
        "admin.conf",
        "super-admin.conf",
        "controller-manager.conf",
        "scheduler.conf",
    ]
    .map(|file| format!("/etc/kubernetes/{file}"))
    .join(" ");
    let results = detached::ALL
        .map(|name| format!("{DIRECTORY}/operations/{name}"))
        .join(" ");
    let free: String = detached::ALL.map(|name| free_command(name) + "\n").concat();
    Script::new(
        "clean up after kubeadm reset",
        format!(
            "{free}{chains}\nrm -rf {MARKER} {RELEASED} {DIRECTORY}/files {results} /run/terraform-provider-ha /etc/kubernetes/tmp {files}\n\
             rmdir {DIRECTORY}/operations {DIRECTORY} /etc/kubernetes/pki/etcd /etc/kubernetes/pki /etc/kubernetes/manifests /var/lib/etcd 2>/dev/null\ntrue"
        ),
    )
    .limit(Duration::from_secs(600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_detached_command_is_left() {
        let body = clean_script().body;
        for name in detached::ALL {
            assert!(
                body.contains(&format!("{DIRECTORY}/operations/{name} ")),
                "{name}"
            );
        }
    }

    #[test]
    fn manifests_come_back_and_one_that_was_written_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (aside, manifests) = (path("aside"), path("manifests"));
        let body = reset_command("unix:///run/containerd/containerd.sock");
        let (_, put_back) = body.split_once("mkdir -p /etc/kubernetes/manifests").unwrap();
        let put_back = put_back
            .replace(&format!("{DIRECTORY}/manifests"), &aside)
            .replace(MANIFESTS, &manifests)
            .replace("exit $status", "");
        let script = format!(
            "mkdir -p {aside} {manifests}\necho old >{aside}/haproxy.yaml\necho old >{aside}/keepalived.yaml\n\
             echo new >{manifests}/haproxy.yaml\n{put_back}\ncat {manifests}/haproxy.yaml {manifests}/keepalived.yaml\n\
             [ ! -e {aside} ] && echo gone"
        );
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "new\nold\ngone\n");
    }
}
