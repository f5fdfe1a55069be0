# Runs as: sh -c TEXT import BASE ARCHIVE STORE SCRATCH in namespaces of its own, which take the mounts and containerd
# with them. Imports ARCHIVE into STORE, a /var/lib/containerd, and prints the names of the images in it.
set -eu
base=$1 archive=$2 store=$3 scratch=$4
mkdir -p "$scratch/upper" "$scratch/work" "$scratch/root"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$scratch/upper,workdir=$scratch/work" "$scratch/root"
cd "$scratch/root"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mkdir -p var/lib/containerd
mount --bind "$store" var/lib/containerd
: >run/images.tar
mount --bind "$archive" run/images.tar
exec chroot . /bin/sh -c '
    set -eu
    containerd >/run/containerd.log 2>&1 &
    containerd=$!
    until ctr version >/dev/null 2>&1; do
        kill -0 $containerd 2>/dev/null || { cat /run/containerd.log >&2; exit 1; }
        sleep 0.1
    done
    ctr -n k8s.io images import /run/images.tar >&2
    ctr -n k8s.io images ls -q
    kill $containerd
    wait $containerd || true
'
