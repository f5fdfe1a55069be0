//! What the acceptance tests, `bench` and `chaos` stand on: real kubeadm nodes on one machine ([`lab`]), and a real
//! Terraform at work on them.
//!
//! [`hosts`] are the lab's machines, clean at the start of each test, [`workspace`] is a folder with a Terraform configuration, [`terraform`] a run of
//! Terraform in it, [`running_cluster`] asks Kubernetes and etcd, [`api_probe`] measures [`outages`] of the API,
//! [`recorder`] and [`secrets`] look for secrets where none may be, [`residue`] for what is left over. [`table`] is how results are shown.
pub mod lab;

pub mod api_probe;
mod clean;
pub mod hosts;
pub mod outages;
pub mod recorder;
pub mod residue;
pub mod running_cluster;
pub mod secrets;
pub mod table;
pub mod terraform;
pub mod workspace;
