//! What users of the cluster see while Terraform and the fault are at work: sampled by threads, judged afterwards.
pub(crate) mod etcd;
pub(crate) mod quorum;
pub(crate) mod workload;
