//! Terraform ⇄ domain: the provider `ha` and its resources.
//!
//! **Invariant:** the only place that imports both `tf_provider` and `lifecycle`. A folder is named as the resource
//! in HCL and has `schema.rs` (texts), `model.rs` (value ⇄ spec) and `resource.rs` (which operation when).
mod claims;
mod cluster_networks;
mod clusters;
mod diagnose;
#[cfg(test)]
mod docs;
mod duration;
mod floating_ips;
mod import_id;
mod machines;
mod node_import;
mod node_kind;
mod node_model;
mod node_resource;
mod node_rules;
mod node_state;
mod rules;
mod run_memory;
mod settings;
mod shared;
mod shared_attributes;
mod subnets;

mod ha_loadbalancer;
mod ha_master;
mod ha_worker;

mod ha;
pub use ha::Ha;

use crate::{
    lifecycle::Failure,
    tf_provider::{Diagnostic, Severity, Value},
};

/// A map of texts as Terraform's value.
fn text_map(entries: impl IntoIterator<Item = (String, String)>) -> Value {
    Value::object(entries.into_iter().map(|(key, text)| (key, Value::from(text))))
}

/// A failure of a check at plan. That a host does not answer or let anybody in yet is no error: the same apply may make the
/// machine, and Terraform plans once more right before it applies, when the address is known and the machine still boots.
fn at_plan(failure: &Failure) -> Diagnostic {
    if !failure.may_pass_after_boot {
        return diagnose::diagnostic(failure);
    }
    let advice = format!(
        "{}\n\nIf this apply makes the machine, nothing is wrong: creating the resource waits for the host and checks it then.",
        failure.advice
    );
    Diagnostic {
        severity: Severity::Warning,
        ..diagnose::diagnostic(&Failure {
            advice,
            detail: failure.detail.clone(),
            host: failure.host.clone(),
            ..*failure
        })
    }
}

#[cfg(test)]
mod any_value;
#[cfg(test)]
mod leaving_nodes;
#[cfg(test)]
mod master_plans;
#[cfg(test)]
mod named_attributes;
#[cfg(test)]
mod one_host;
#[cfg(test)]
mod own_member;
#[cfg(test)]
mod rules_table;
#[cfg(test)]
mod silent_hosts;
#[cfg(test)]
mod texts;
