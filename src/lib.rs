//! Terraform provider `ha`: highly available Kubernetes with kubeadm, HAProxy and keepalived over SSH.
//!
//! Layers, each importing only what stands below it:
//!
//! | layer | modules |
//! |---|---|
//! | Terraform ⇄ domain | [`provider`] |
//! | what happens, in order | [`lifecycle`] |
//! | pure domain, no I/O | [`kubeadm`] [`etcd`] [`kube`] [`haproxy`] [`keepalived`] [`node`] |
//! | hosts | [`remote`] |
//! | plain data | [`command`] |
//! | the plugin protocol, on its own | [`tf_provider`] |
pub mod provider;
pub mod lifecycle;
pub mod kubeadm;
pub mod etcd;
pub mod kube;
pub mod haproxy;
pub mod keepalived;
pub mod node;
pub mod remote;
pub mod command;
pub mod tf_provider;
