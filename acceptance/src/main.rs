//! The lab: real kubeadm nodes on one machine.
fn main() {}
