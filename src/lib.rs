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
pub mod command;
pub mod etcd;
pub mod haproxy;
pub mod keepalived;
pub mod kube;
pub mod kubeadm;
pub mod lifecycle;
pub mod node;
pub mod provider;
pub mod remote;
pub mod tf_provider;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod tidy_decisions;
