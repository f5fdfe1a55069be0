//! The ports of Kubernetes' own parts (<https://kubernetes.io/docs/reference/networking/ports-and-protocols/>).

/// kubeadm's default `localAPIEndpoint.bindPort`.
pub const API_SERVER_PORT: u16 = 6443;

/// etcd's clients: kubeadm asks every member before it adds one.
pub const ETCD_CLIENT_PORT: u16 = 2379;

/// etcd's peers.
pub const ETCD_PEER_PORT: u16 = 2380;

/// The kubelet's API: logs and exec.
pub const KUBELET_PORT: u16 = 10250;

/// The controller manager's health and metrics.
pub const CONTROLLER_MANAGER_PORT: u16 = 10257;

/// The scheduler's health and metrics.
pub const SCHEDULER_PORT: u16 = 10259;
