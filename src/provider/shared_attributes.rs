//! Attributes and blocks that more than one resource has, described once.
use super::duration::parse_duration;
use crate::{
    kubeadm::{
        Taint, validate_absolute_path, validate_cri_socket, validate_label_key, validate_label_value,
        validate_node_name, validate_taint,
    },
    lifecycle::IfUnreachable,
    remote::PublicKey,
    tf_provider::{Attribute, Block, NestedBlock, Type, Value},
};

pub(super) fn host() -> Attribute {
    Attribute::required("host", Type::String)
        .describe(
            "Address or name that this host is reached by over SSH. `peers` and `join.masters` are compared with it, address \
             with address and name with name. Two nodes, or two load balancers, on one host are an error. Changing it replaces the resource.",
        )
        .requires_replace()
        .validate(not_empty)
}

/// `effect`: what the default does for this kind of resource.
pub(super) fn if_unreachable(effect: &str) -> Attribute {
    Attribute::optional("if_unreachable", Type::String)
        .describe(format!(
            "What destroying does when nothing answers at the host's address within the connect timeout (a stopped sshd counts, a refused key, \
             a changed host key or a silent bastion do not): `clean_cluster` (default) {effect}; `fail` gives an error; `forget` changes the state \
             only. Both say what is left. Changed in place without touching the host; apply a change before the destroy that it is for."
        ))
        .validate(|value| {
            string(value, |text| {
                if IfUnreachable::WORDS.contains(&text) {
                    Ok(())
                } else {
                    Err(format!("must be one of {}", IfUnreachable::WORDS.join(", ")))
                }
            })
        })
}

pub(super) fn id() -> Attribute {
    Attribute::computed("id", Type::String)
        .describe("Stable identifier: the cluster's endpoint, a slash and the Node's name (`ha_loadbalancer`: the host).")
}

pub(super) fn machine_id() -> Attribute {
    Attribute::computed("machine_id", Type::String).describe(
        "The host's `/etc/machine-id`. A different one at the next refresh means that the machine was reinstalled.",
    )
}

/// The same of a node, which tells too whether all of it is there.
pub(super) fn node_machine_id() -> Attribute {
    Attribute::computed("machine_id", Type::String)
        .describe(
            "The host's `/etc/machine-id`. A different one at the next refresh means that the machine was reinstalled; \
             null means that a removal was cut short, and the next apply finishes it and makes the node anew. \
             Changing it replaces the resource.",
        )
        .requires_replace()
}

pub(super) fn rendered() -> Attribute {
    Attribute::computed("rendered", Type::Map(Box::new(Type::String))).describe(
        "Text of each file that this resource keeps on the host, by path. Known at plan where its inputs are; a \
         change by hand on the host shows as a difference. Never holds a secret.",
    )
}

pub(super) fn node_name() -> Attribute {
    Attribute::optional_computed("node_name", Type::String)
        .describe(
            "Name of the Kubernetes Node (a lower-case DNS-1123 name of at most 63 characters). Default: the \
             host's own name. Changing it replaces the resource.",
        )
        .requires_replace()
        .validate(|value| string(value, validate_node_name))
}

pub(super) fn labels() -> Attribute {
    Attribute::optional("labels", Type::Map(Box::new(Type::String)))
        .describe("Labels of the Node. Only these keys are managed; others on the Node are left alone. Changed in place.")
        .validate(|value| {
            let Value::Map(labels) = value else { return Ok(()) };
            labels.iter().try_for_each(|(key, value)| {
                validate_label_key(key)?;
                string(value, validate_label_value)
            })
        })
}

pub(super) fn annotations() -> Attribute {
    Attribute::optional("annotations", Type::Map(Box::new(Type::String)))
        .describe("Annotations of the Node. Only these keys are managed. Changed in place.")
        .validate(|value| {
            let Value::Map(annotations) = value else {
                return Ok(());
            };
            annotations.keys().try_for_each(|key| {
                validate_label_key(key)
                    .map_err(|problem| problem.replace("a label key", "a key of annotations"))
            })
        })
}

pub(super) fn taints(default: &'static str) -> Attribute {
    let text = match default {
        "" => {
            "Taints of the Node as `kubectl taint` writes them, `key=value:Effect` or `key:Effect`. Not set: \
             none are managed. Changed in place."
        }
        text => text,
    };
    Attribute::optional("taints", Type::List(Box::new(Type::String)))
        .describe(text)
        .validate(|value| {
            let Value::List(taints) = value else { return Ok(()) };
            taints
                .iter()
                .try_for_each(|taint| string(taint, validate_taint))?;
            let mut seen = std::collections::BTreeSet::new();
            let parsed = taints
                .iter()
                .filter_map(|taint| taint.as_str()?.parse::<Taint>().ok());
            match parsed
                .into_iter()
                .find(|taint| !seen.insert((taint.key.clone(), taint.effect)))
            {
                Some(twice) => Err(format!(
                    "a Node has one taint of a key and effect, and {} comes twice with {:?}",
                    twice.key, twice.effect
                )),
                None => Ok(()),
            }
        })
}

pub(super) fn kubelet_extra_args() -> Attribute {
    Attribute::optional("kubelet_extra_args", Type::Map(Box::new(Type::String)))
        .describe(
            "Extra arguments of the kubelet on this node (kubeadm's `nodeRegistration.kubeletExtraArgs`), without \
             leading dashes and without blanks in their values. Those that kubeadm or the kubelet's unit sets are \
             refused; so are labels in `node-labels` that a kubelet may not give itself, such as roles: set `labels`. \
             Read by kubeadm at the join; changing it replaces the resource.",
        )
        .requires_replace()
}

pub(super) fn ignore_preflight_errors() -> Attribute {
    Attribute::optional("ignore_preflight_errors", Type::List(Box::new(Type::String))).describe(
        "Names of kubeadm's preflight checks whose errors become warnings, for example `Swap` or \
         `SystemVerification`, or `all` alone. Used at creation only.",
    )
}

pub(super) fn patches() -> Attribute {
    Attribute::optional("patches", Type::String)
        .describe(
            "Folder on the host, as an absolute path, with kubeadm patches (`patches.directory`). Not set: none. Used at \
             creation only; kubeadm 1.19 or later.",
        )
        .validate(|value| string(value, validate_absolute_path))
}

pub(super) fn cri_socket() -> Attribute {
    Attribute::optional("cri_socket", Type::String)
        .describe(
            "Socket of the container runtime, an absolute path with or without `unix://`; the plan checks that somebody \
             listens there. Default: `unix:///run/containerd/containerd.sock`. Used at creation and removal.",
        )
        .validate(|value| string(value, validate_cri_socket))
}

/// Endpoint, CA hash and masters' addresses: what a joining node has to know. Never a secret.
pub(super) fn join_type() -> Type {
    Type::Object(vec![
        ("ca_cert_hash", Type::String),
        ("cluster_name", Type::String),
        ("endpoint", Type::String),
        ("masters", Type::List(Box::new(Type::String))),
    ])
}

/// Connection settings of one host, over the provider's. Secrets live in the provider block only, because
/// Terraform stores what a resource is given.
pub(super) fn ssh_block() -> NestedBlock {
    NestedBlock::single(
        "ssh",
        Block {
            description: "How this host is reached, where it differs from the provider's `ssh` block. Holds no secrets.".into(),
            attributes: vec![
                Attribute::optional("user", Type::String).describe("User to log in as. Default: the provider's."),
                port("the provider's"),
                Attribute::optional("become", Type::Bool)
                    .describe("Run everything with `sudo -n`. Default: the provider's."),
                Attribute::optional("private_key_file", Type::String)
                    .describe("Path of the private key for this host on the machine that runs Terraform. Default: the provider's key.")
                    .validate(file_path),
                Attribute::optional("host_key", Type::String)
                    .describe(
                        "The host's public key, or several, one a line, as in `/etc/ssh/ssh_host_ed25519_key.pub`; with `@cert-authority` before \
                         it, the key of the authority that signs host keys. Nothing else is accepted then, whatever `host_key_policy` and the \
                         known_hosts file say. Not set: those decide.",
                    )
                    .validate(|value| string(value, |text| PublicKey::parse_lines(text).map(drop))),
                Attribute::optional("host_key_alias", Type::String)
                    .describe(
                        "Name that the host's key is on record by in the known_hosts file instead of its address (OpenSSH's `HostKeyAlias`; \
                         capitals do not count), for example the id of the resource that makes the machine: a new machine at the same address \
                         then has a record of its own. The record under the address follows, for other resources that reach the host. \
                         Not set: the address.",
                    )
                    .validate(host_key_alias),
            ],
            blocks: vec![NestedBlock::single(
                "bastion",
                Block {
                    description: "Host that connections to this one go through. Default: the provider's `bastion`.".into(),
                    attributes: vec![
                        Attribute::required("host", Type::String).describe("Address or name of the bastion.").validate(not_empty),
                        port("`22`"),
                        Attribute::optional("user", Type::String).describe("User on the bastion. Default: `ssh.user`."),
                        Attribute::optional("private_key_file", Type::String)
                            .describe("Path of the private key for the bastion. Default: the host's key.")
                            .validate(file_path),
                    ],
                    blocks: vec![],
                },
            )],
        },
    )
}

pub(super) fn port(default: &'static str) -> Attribute {
    Attribute::optional("port", Type::Number)
        .describe(format!("TCP port of sshd. Default: {default}."))
        .validate(port_number)
}

/// Arguments of a program that kubeadm starts as a static pod; its rules are in `ha_master/cluster_rules.rs`.
pub(super) fn extra_args() -> Attribute {
    Attribute::optional("extra_args", Type::Map(Box::new(Type::String))).describe(
        "Extra command-line arguments, without leading dashes. Those that kubeadm sets and the cluster stands on are refused.",
    )
}

/// The `timeouts` block; `defaults` are Go durations for create, read, update and delete.
pub(super) fn timeouts_block(defaults: [&'static str; 4]) -> NestedBlock {
    fn limit(name: &'static str, default: &str) -> Attribute {
        let text = format!(
            "How long {name} may take, as a Go duration (`90s`, `1h30m`), at least `1s`, at most `8760h`. Default: `{default}`."
        );
        Attribute::optional(name, Type::String)
            .describe(text)
            .validate(duration)
    }
    let [create, read, update, delete] = defaults;
    NestedBlock::single(
        "timeouts",
        Block {
            description: "How long each operation may take in all.".into(),
            attributes: vec![
                limit("create", create),
                limit("read", read),
                limit("update", update),
                limit("delete", delete),
            ],
            blocks: vec![],
        },
    )
}

pub(super) fn not_empty(value: &Value) -> Result<(), String> {
    if value.as_str().is_some_and(|text| text.trim().is_empty()) {
        Err("must not be empty".into())
    } else {
        Ok(())
    }
}

/// A path of a file where Terraform runs. A text of several lines is the file's content; it is not shown.
pub(super) fn file_path(value: &Value) -> Result<(), String> {
    not_empty(value)?;
    string(value, |text| {
        if text.trim().contains(char::is_control) {
            Err(
                "must be the path of a file; this is a text of several lines, perhaps the file's content"
                    .into(),
            )
        } else {
            Ok(())
        }
    })
}

fn host_key_alias(value: &Value) -> Result<(), String> {
    string(value, |text| {
        // What means something else in a known_hosts file, see sshd(8), or in ssh_config(5).
        let is_plain = |letter: char| letter.is_ascii_graphic() && !"*?!,|#@\"'\\%".contains(letter);
        if text.is_empty() || text.starts_with('-') || !text.chars().all(is_plain) {
            Err("must be a name of letters, digits and signs such as . _ : / + = - without spaces".into())
        } else {
            Ok(())
        }
    })
}

pub(super) fn duration(value: &Value) -> Result<(), String> {
    string(value, |text| parse_duration(text).map(drop))
}

pub(super) fn port_number(value: &Value) -> Result<(), String> {
    match value.as_i64() {
        Some(1..=65535) => Ok(()),
        _ => Err("must be a port number from 1 to 65535".into()),
    }
}

pub(super) fn string(value: &Value, check: impl Fn(&str) -> Result<(), String>) -> Result<(), String> {
    value.as_str().map_or(Ok(()), check)
}
