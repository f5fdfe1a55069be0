//! What the acceptance tests stand on: real kubeadm nodes on one machine.
pub mod lab;
