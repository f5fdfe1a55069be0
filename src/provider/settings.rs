//! The `provider "ha"` block: how hosts are reached, and what holds for every resource.
use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;

use super::{
    duration::parse_duration,
    shared_attributes::{not_empty, port, string},
};
use crate::{
    command::Secret,
    lifecycle::Progress,
    remote::{Bastion, HostKeyPolicy, Key, PublicKey, Target},
    tf_provider::{
        Attribute, Block, Context, Diagnostic, NestedBlock, Path, Schema, Type, Value, ValueError,
    },
};

pub(super) fn schema() -> Schema {
    Schema {
        version: 0,
        block: Block {
            description: "Builds highly available Kubernetes clusters with kubeadm, HAProxy and keepalived, over SSH.".into(),
            attributes: vec![
                Attribute::optional("preflight", Type::String)
                    .describe(
                        "When hosts are checked: `plan` (default) finds what is wrong before anything is changed and needs every host \
                         whose address is known to be up at plan; `apply` is for machines with fixed addresses that the same apply creates.",
                    )
                    .validate(|value| one_of(value, &["plan", "apply"])),
                Attribute::optional("progress_log", Type::String)
                    .describe("Path of a file that gets one JSON object a line for each step on each host while Terraform waits. Not set: none. Never holds a secret.")
                    .validate(not_empty),
            ],
            blocks: vec![NestedBlock::single(
                "ssh",
                Block {
                    description: "How hosts are reached. The system's `ssh` program makes the connections.".into(),
                    attributes: vec![
                        Attribute::optional("user", Type::String).describe("User to log in as. Default: `root`.").validate(not_empty),
                        port("`22`"),
                        Attribute::optional("private_key", Type::String)
                            .describe("Text of an unencrypted private key; may be ephemeral. Not set: `private_key_file`, and without that the agent's keys.")
                            .sensitive(),
                        Attribute::optional("private_key_file", Type::String)
                            .describe("Path of a private key on the machine that runs Terraform. Not set: `private_key`, and without that the agent's keys.")
                            .validate(not_empty),
                        Attribute::optional("become", Type::Bool)
                            .describe("Run everything with `sudo -n`. Default: `false`; needed unless `user` is root."),
                        Attribute::optional("host_key_policy", Type::String)
                            .describe(
                                "What to do with a host key that is not on record: `accept-new` (default) records it, `strict` refuses it; \
                                 a changed key is refused by both. `insecure` accepts any key and warns.",
                            )
                            .validate(|value| one_of(value, &["strict", "accept-new", "insecure"])),
                        Attribute::optional("known_hosts_file", Type::String)
                            .describe("Where host keys are on record. Default: `~/.ssh/known_hosts`.")
                            .validate(not_empty),
                        Attribute::optional("connect_timeout", Type::String)
                            .describe("How long one try to connect may take, as a Go duration. Default: `10s`.")
                            .validate(|value| string(value, |text| parse_duration(text).map(drop))),
                    ],
                    blocks: vec![NestedBlock::single(
                        "bastion",
                        Block {
                            description: "Host that all connections go through.".into(),
                            attributes: vec![
                                Attribute::required("host", Type::String).describe("Address or name of the bastion.").validate(not_empty),
                                port("`22`"),
                                Attribute::optional("user", Type::String).describe("User on the bastion. Default: `ssh.user`."),
                                Attribute::optional("private_key", Type::String)
                                    .describe("Text of the private key for the bastion. Default: the hosts' key.")
                                    .sensitive(),
                                Attribute::optional("private_key_file", Type::String)
                                    .describe("Path of the private key for the bastion. Default: the hosts' key."),
                            ],
                            blocks: vec![],
                        },
                    )],
                },
            )],
        },
    }
}

fn one_of(value: &Value, allowed: &[&str]) -> Result<(), String> {
    string(value, |text| {
        if allowed.contains(&text) {
            Ok(())
        } else {
            Err(format!("must be one of {}", allowed.join(", ")))
        }
    })
}

/// What the provider block says, with defaults.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Whether hosts are checked at plan.
    pub(super) checks_at_plan: bool,
    /// Where progress goes.
    pub(super) progress: Arc<Progress>,
    /// Whether the ssh block has values that are known only at apply: nothing can be reached before.
    pub(super) is_known: bool,
    ssh: SshModel,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct ProviderModel {
    preflight: Option<String>,
    progress_log: Option<PathBuf>,
    ssh: Option<SshModel>,
}

/// An `ssh` block: the provider's, or a resource's, which leaves the secrets out.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct SshModel {
    user: Option<String>,
    port: Option<u16>,
    private_key: Option<String>,
    private_key_file: Option<PathBuf>,
    r#become: Option<bool>,
    host_key_policy: Option<String>,
    known_hosts_file: Option<PathBuf>,
    connect_timeout: Option<String>,
    bastion: Option<BastionModel>,
    host_key: Option<String>,
    host_key_alias: Option<String>,
}

impl SshModel {
    /// Who the host of this block is, where it has an identity of its own.
    pub(super) fn identity(&self) -> Identity {
        let host_keys = self.host_key.as_deref().map(PublicKey::parse_lines);
        Identity {
            // A text was validated before.
            host_keys: host_keys.and_then(Result::ok).unwrap_or_default(),
            host_key_alias: self.host_key_alias.clone(),
        }
    }
}

/// What tells a machine from another one that had the same address before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Identity {
    host_keys: Vec<PublicKey>,
    host_key_alias: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct BastionModel {
    host: String,
    port: Option<u16>,
    user: Option<String>,
    private_key: Option<String>,
    private_key_file: Option<PathBuf>,
}

/// Errors and warnings that concern several attributes of the provider block.
pub(super) fn validate(cx: &Context, config: &Value) {
    let ssh = config.get("ssh");
    for (block, path) in [
        (ssh, Path::attribute("ssh")),
        (ssh.get("bastion"), Path::attribute("ssh").child("bastion")),
    ] {
        if !block.get("private_key").is_null() && !block.get("private_key_file").is_null() {
            cx.add(
                Diagnostic::error(
                    "Two private keys",
                    "Only one of private_key and private_key_file can be set.",
                )
                .at(path.child("private_key")),
            );
        }
    }
    if ssh.get("host_key_policy").as_str() == Some("insecure") {
        cx.add(
            Diagnostic::warning(
                "Host keys are not checked",
                "With host_key_policy = \"insecure\" anybody on the way can pose as a host and gets everything that is sent to it. Use \"accept-new\" or \"strict\".",
            )
            .at(Path::attribute("ssh").child("host_key_policy")),
        );
    }
}

impl Settings {
    /// Reads the provider block and opens the progress log.
    pub(super) fn from_config(config: &Value) -> Result<Self, Box<Diagnostic>> {
        let is_known = config.get("ssh").is_wholly_known();
        let model: ProviderModel = config.deserialize_into().map_err(|error| Box::new(bug(&error)))?;
        let progress = match &model.progress_log {
            None => Progress::default(),
            Some(path) => Progress::to_file(path).map_err(|error| {
                Box::new(
                    Diagnostic::error(
                        "Cannot open the progress log",
                        format!("{}: {error}", path.display()),
                    )
                    .at(Path::attribute("progress_log")),
                )
            })?,
        };
        Ok(Self {
            checks_at_plan: model.preflight.as_deref() != Some("apply"),
            progress: Arc::new(progress),
            is_known,
            ssh: model.ssh.unwrap_or_default(),
        })
    }

    /// How to reach a host, with what a resource says over what the provider says.
    pub(super) fn target(&self, address: &str, own: Option<&SshModel>, identity: Identity) -> Target {
        let none = SshModel::default();
        let own = own.unwrap_or(&none);
        let provider = &self.ssh;
        let user = own
            .user
            .clone()
            .or(provider.user.clone())
            .unwrap_or_else(|| "root".to_owned());
        let key = key(None, own.private_key_file.as_ref())
            .or(key(
                provider.private_key.as_ref(),
                provider.private_key_file.as_ref(),
            ))
            .unwrap_or(Key::Agent);
        let host_key_policy = match provider.host_key_policy.as_deref() {
            Some("strict") => HostKeyPolicy::Strict,
            Some("insecure") => HostKeyPolicy::Insecure,
            _ => HostKeyPolicy::AcceptNew,
        };
        let bastion = own.bastion.as_ref().or(provider.bastion.as_ref()).map(|bastion| {
            Box::new(Bastion {
                address: bastion.host.clone(),
                port: bastion.port.unwrap_or(22),
                user: bastion.user.clone().unwrap_or_else(|| user.clone()),
                key: self::key(bastion.private_key.as_ref(), bastion.private_key_file.as_ref())
                    .unwrap_or_else(|| key.clone()),
                host_key_policy,
                known_hosts_file: provider.known_hosts_file.clone(),
            })
        });
        Target {
            port: own.port.or(provider.port).unwrap_or(22),
            r#become: own.r#become.or(provider.r#become).unwrap_or(false),
            key,
            host_key_policy,
            known_hosts_file: provider.known_hosts_file.clone(),
            host_keys: identity.host_keys,
            host_key_alias: identity.host_key_alias,
            bastion,
            connect_timeout: provider
                .connect_timeout
                .as_deref()
                .and_then(|text| parse_duration(text).ok())
                .unwrap_or(Target::CONNECT_TIMEOUT),
            ..Target::new(address, user)
        }
    }
}

fn key(text: Option<&String>, file: Option<&PathBuf>) -> Option<Key> {
    text.map(|text| Key::Text(Secret::new(text.clone())))
        .or(file.map(|file| Key::File(file.clone())))
}

/// The `timeouts` block of a resource.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct TimeoutsModel {
    pub(super) create: Option<String>,
    pub(super) read: Option<String>,
    pub(super) update: Option<String>,
    pub(super) delete: Option<String>,
}

/// The configured time, or the default. Texts were validated before.
pub(super) fn limit(text: Option<&String>, default: Duration) -> Duration {
    text.and_then(|text| parse_duration(text).ok()).unwrap_or(default)
}

/// A value that passed the schema and still is not what the model expects is our fault.
pub(super) fn bug(error: &ValueError) -> Diagnostic {
    Diagnostic::error(
        "Provider bug",
        format!("A value could not be read: {error}. Please report this."),
    )
}
