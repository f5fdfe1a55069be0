# Runs as: sh -c TEXT boot NODE FOLDER BASE NETNS UNIFIED CGROUP… in a mount namespace of its own, so that the node's
# root disappears with its processes. Becomes systemd-nspawn; all that the node ever starts stays in the cgroups.
set -eu
node=$1 folder=$2 base=$3 netns=$4 unified=$5
shift 5
for group in "$@"; do
    echo $$ >"$group/cgroup.procs"
done
mount -t overlay overlay -o "lowerdir=$folder/programs:$base,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="$unified"
# A node outlives its caller, whose lock or pipe it must not keep open.
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
exec systemd-nspawn --quiet --boot --directory="$folder/root" --machine="$node" \
    --network-namespace-path="/run/netns/$netns" --capability=all --register=no --keep-unit --link-journal=no \
    --console=pipe --kill-signal=SIGRTMIN+3 --resolv-conf=off \
    --system-call-filter='@known add_key keyctl bpf perf_event_open' \
    --bind="$folder/containerd:/var/lib/containerd" --bind=/dev/kmsg
