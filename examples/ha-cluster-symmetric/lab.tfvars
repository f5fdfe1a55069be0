# The machines of `acceptance/lab up`. The key's path comes from the environment (TF_VAR_ssh_private_key_file).

masters = {
  m1 = "10.88.0.11"
  m2 = "10.88.0.12"
  m3 = "10.88.0.13"
}

workers = {
  w1 = "10.88.0.21"
}

vip                = "10.88.0.100"
kubernetes_version = "1.37.2"
cluster_name       = "lab"
pod_subnet         = "10.253.0.0/16"
haproxy_image      = "docker.io/library/haproxy:lab"
keepalived_image   = "docker.io/library/keepalived:lab"

# What machines with cgroup v1 need; and the nodes share one disk, whose fullness says nothing about each of them.
kubelet_config          = <<-EOT
  cgroupDriver: cgroupfs
  failSwapOn: false
  failCgroupV1: false
  imageGCHighThresholdPercent: 100
  evictionHard:
    imagefs.available: 0%
    nodefs.available: 0%
    nodefs.inodesFree: 0%
EOT
kube_proxy_config       = <<-EOT
  conntrack:
    maxPerCore: 0
EOT
ignore_preflight_errors = ["SystemVerification"]
