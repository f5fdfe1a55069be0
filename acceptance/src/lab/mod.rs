//! The lab: real HA clusters on one machine. A node is a systemd-nspawn container with its own network namespace,
//! systemd, sshd and containerd, so that kubeadm finds what it finds on any Debian host.
//!
//! **Invariant:** no address of the lab exists outside of the network namespaces `lab` and `lab-NODE`.
//! **Invariant:** every process of a node is in the cgroup `ha-lab-NODE`, and every other child ends with the lab's own
//! process; the node's mounts live in a mount namespace of its processes. So a killed lab can always be swept away.
//! **Invariant:** a folder of the cache either is complete or does not have its final name.
//!
//! Reading order: [`operations`] says what each command does; [`recipe`] what a lab is made of; then how it is made
//! ([`rootfs`], [`go_build`], [`images`], [`archive`], [`store`]) and how nodes live ([`disk`], [`network`], [`cgroup`],
//! [`node`]); [`address`], [`cache`], [`digest`], [`state`], [`program`], [`progress`],
//! [`requirements`] and [`wait`] are the ground they stand on.
pub mod operations;
pub mod recipe;

pub mod archive;
pub mod go_build;
pub mod images;
pub mod rootfs;
pub mod store;

pub mod cgroup;
pub mod disk;
pub mod network;
pub mod node;

pub mod address;
pub mod cache;
pub mod digest;
pub mod program;
pub mod progress;
pub mod requirements;
pub mod state;
pub mod wait;
