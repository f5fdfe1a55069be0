//! Acceptance tests: a real Terraform and the provider as built, against real clusters on the lab.
//!
//! Asked for with `TF_ACC=1`; then whatever is missing is a failure. Scenarios: [`bad_input`], [`cluster`], [`dead_host`],
//! [`interrupt`], [`symmetric`]. What they stand on: [`hosts`] are the lab's machines, [`workspace`] is a folder with a
//! Terraform configuration, [`running_cluster`] asks Kubernetes and etcd, [`recorder`] and [`secrets`] look for secrets
//! where none may be, [`residue`] for what a destroy leaves.
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod cluster;
#[cfg(test)]
mod dead_host;
#[cfg(test)]
mod interrupt;
#[cfg(test)]
mod symmetric;

#[cfg(test)]
mod hosts;
#[cfg(test)]
mod recorder;
#[cfg(test)]
mod residue;
#[cfg(test)]
mod running_cluster;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod workspace;
