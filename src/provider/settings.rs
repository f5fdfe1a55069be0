//! The `provider "ha"` block: how hosts are reached, and what holds for every resource.
use std::{path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;

use super::{
    duration::parse_duration,
    shared_attributes::{duration, file_path, not_empty, port, ssh_block, string},
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
                        "When hosts are checked: `plan` (default) finds what is wrong before anything is changed, on every host whose \
                         address is known by then, and warns of those that do not answer; `apply` contacts no new host at plan: for machines \
                         with fixed addresses that the same apply creates.",
                    )
                    .validate(|value| one_of(value, &["plan", "apply"])),
                Attribute::optional("progress_log", Type::String)
                    .describe("Path of a file that gets one JSON object a line for each step on each host while Terraform waits. Not set: none. Never holds a secret.")
                    .validate(file_path),
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
                            .validate(file_path),
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
                            .validate(file_path),
                        Attribute::optional("connect_timeout", Type::String)
                            .describe("How long one try to connect may take, as a Go duration. Default: `10s`, at least `1s`, at most `8760h`.")
                            .validate(duration),
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
                                    .describe("Path of the private key for the bastion. Default: the hosts' key.")
                                    .validate(file_path),
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
    ssh: SshModel,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct ProviderModel {
    preflight: Option<String>,
    progress_log: Option<PathBuf>,
}

/// An `ssh` block: the provider's, or a resource's, which leaves the secrets out.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct SshModel {
    user: Option<String>,
    port: Option<u16>,
    #[serde(default, deserialize_with = "secret")]
    private_key: Option<Secret>,
    private_key_file: Option<PathBuf>,
    r#become: Option<bool>,
    host_key_policy: Option<String>,
    known_hosts_file: Option<PathBuf>,
    connect_timeout: Option<String>,
    bastion: Option<BastionModel>,
    host_key: Option<String>,
    host_key_alias: Option<String>,
    /// Arguments and blocks whose values are known only at apply, in whole or in part.
    #[serde(skip)]
    unknown: Vec<&'static str>,
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
    #[serde(default, deserialize_with = "secret")]
    private_key: Option<Secret>,
    private_key_file: Option<PathBuf>,
}

fn secret<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(source)?.map(Secret::new))
}

impl SshModel {
    /// The `ssh` block of a resource; `None` if there is none.
    pub(super) fn of(value: &Value) -> Result<Option<Self>, ValueError> {
        Self::read(&ssh_block(), value)
    }

    fn read(block: &NestedBlock, value: &Value) -> Result<Option<Self>, ValueError> {
        if value.is_null() {
            return Ok(None);
        }
        let attributes = block.block.attributes.iter().map(|attribute| attribute.name);
        let names = attributes.chain(block.block.blocks.iter().map(|nested| nested.name));
        Ok(Some(Self {
            unknown: names.filter(|name| !value.get(name).is_wholly_known()).collect(),
            ..block.block.read(value)?
        }))
    }

    /// Whether this, a resource's block, says something in place of the provider's argument.
    fn replaces(&self, name: &str) -> bool {
        match name {
            "user" => self.user.is_some(),
            "port" => self.port.is_some(),
            "become" => self.r#become.is_some(),
            "private_key" | "private_key_file" => self.private_key_file.is_some(),
            "bastion" => self.bastion.is_some(),
            _ => false,
        }
    }
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
        let schema = schema();
        let model: ProviderModel = schema.read(config).map_err(|error| Box::new(bug(&error)))?;
        let block = schema.block.blocks.iter().find(|nested| nested.name == "ssh");
        let ssh = block
            .map(|block| SshModel::read(block, config.get("ssh")))
            .transpose()
            .map_err(|error| Box::new(bug(&error)))?;
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
            // What is not known yet may come to be "apply".
            checks_at_plan: model.preflight.as_deref() != Some("apply")
                && !config.get("preflight").is_unknown(),
            progress: Arc::new(progress),
            ssh: ssh.flatten().unwrap_or_default(),
        })
    }

    /// How to reach a host, with what a resource says over what the provider says. `None` while a part of it is not
    /// known yet: with another user, port, key or bastion it would be another host's answer.
    pub(super) fn target(&self, address: &str, own: Option<&SshModel>, identity: Identity) -> Option<Target> {
        let none = SshModel::default();
        let own = own.unwrap_or(&none);
        let provider = &self.ssh;
        if !own.unknown.is_empty() || provider.unknown.iter().any(|name| !own.replaces(name)) {
            return None;
        }
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
        Some(Target {
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
        })
    }
}

fn key(text: Option<&Secret>, file: Option<&PathBuf>) -> Option<Key> {
    text.map(|text| Key::Text(text.clone()))
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
