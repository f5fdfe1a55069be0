#!/bin/bash
# Answers the calls that kubeadm before 1.32 makes to crictl, by means of ctr.
set -u
while [[ ${1-} == -* ]]; do
    shift 2
done
call=${1:?crictl: what to do?}
shift

has_image() { ctr -n k8s.io images ls -q | grep -qxF -- "$1"; }
in_pod_of() {
    local uid
    uid=$(ctr -n k8s.io containers info "$1" | sed -n 's/.*"io.kubernetes.pod.uid": "\([^"]*\)".*/\1/p' | head -n 1)
    ctr -n k8s.io containers ls -q "labels.\"io.kubernetes.pod.uid\"==$uid"
}

case $call in
info | version) ctr version >/dev/null && echo '{}' ;;
pull) has_image "$1" || { echo "crictl: no image $1 on this host, and no registry to pull it from" >&2; exit 1; } ;;
inspecti) has_image "${!#}" ;;
pods) ctr -n k8s.io containers ls -q 'labels."io.cri-containerd.kind"==sandbox' ;;
stopp | rmp)
    for pod; do
        [[ $pod == -* ]] && continue
        for container in $(in_pod_of "$pod"); do
            ctr -n k8s.io tasks kill --signal SIGKILL --all "$container" 2>/dev/null
            [[ $call == rmp ]] || continue
            ctr -n k8s.io tasks rm --force "$container" 2>/dev/null
            ctr -n k8s.io containers rm "$container" 2>/dev/null
        done
    done
    exit 0
    ;;
*)
    echo "crictl: this stand-in does not know $call" >&2
    exit 1
    ;;
esac
