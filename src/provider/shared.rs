//! What all resources of one provider process share: connections, locks, the provider block.
use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    claims::{Claimant, Cluster, Machine, Role, bastion_of},
    cluster_networks::Noted,
    diagnose::kept,
    floating_ips::Site,
    run_memory::{FRESH, RunMemory, lock},
    settings::{Identity, Settings, SshModel},
};
use crate::{
    lifecycle::{Departures, Failure, FailureKind, Locks, Progress, Run},
    node::{self, Facts, vip::VipLook},
    remote::{Host, Pool, Target},
    tf_provider::{Context, Diagnostic, Path, Value},
};

/// Shared by all resources.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) pool: Pool,
    pub(super) locks: Locks,
    /// All that holds for one run of Terraform.
    memory: RwLock<Arc<RunMemory>>,
}

impl Shared {
    pub(super) fn new(pool: Pool) -> Self {
        Self {
            pool,
            locks: Locks::default(),
            memory: RwLock::default(),
        }
    }

    /// Each run of Terraform begins with this, also where one process serves several.
    pub(super) fn configure(&self, settings: Settings) {
        *self.memory.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(RunMemory::of(settings));
    }

    pub(super) fn memory(&self) -> Arc<RunMemory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How the host of a resource is reached; `None` while a part of that is not known yet, its own or the provider's.
    fn target(&self, address: &str, ssh: Option<&SshModel>) -> Option<Target> {
        let identity = ssh.map(SshModel::identity).unwrap_or_default();
        if identity == Identity::default() {
            return self.peer_target(address, ssh);
        }
        let memory = self.memory();
        let target = memory.settings.as_ref()?.target(address, ssh, identity.clone())?;
        lock(&memory.identities).insert(Machine::of(&target), identity);
        Some(target)
    }

    /// How a host is reached that another resource speaks of: the identity in its block is its own host's, not this one's.
    pub(super) fn peer_target(&self, address: &str, ssh: Option<&SshModel>) -> Option<Target> {
        let memory = self.memory();
        let settings = memory.settings.as_ref()?;
        let target = settings.target(address, ssh, Identity::default())?;
        let identity = lock(&memory.identities).get(&Machine::of(&target)).cloned();
        match identity {
            Some(identity) => settings.target(address, ssh, identity),
            None => Some(target),
        }
    }

    /// A handle on a host; nothing is connected yet. `None` while it is not known how to reach it.
    pub(super) fn host(&self, address: &str, ssh: Option<&SshModel>) -> Option<Host> {
        Some(self.pool.host(&self.target(address, ssh)?))
    }

    /// The same, where Terraform has promised that all is known.
    pub(super) fn known_host(&self, cx: &Context, address: &str, ssh: Option<&SshModel>) -> Option<Host> {
        let host = self.host(address, ssh);
        if host.is_none() {
            let detail = format!(
                "How {address} is reached depends on values that are not known yet: those of the provider's ssh block. Nothing was changed. Apply what they come from first (terraform apply -target=…), then this."
            );
            cx.add(
                Diagnostic::error("Provider configuration not known yet", detail).at(Path::attribute("host")),
            );
        }
        host
    }

    /// Handles on several hosts.
    pub(super) fn hosts(&self, addresses: &[String], ssh: Option<&SshModel>) -> Vec<Host> {
        let targets = addresses
            .iter()
            .filter_map(|address| self.peer_target(address, ssh));
        targets.map(|target| self.pool.host(&target)).collect()
    }

    /// Reads something on a host, unless this run knows already that the host is silent. `None`: it is, or it is not
    /// known yet how to reach it; the user is told once for each host.
    pub(super) async fn read<T>(
        &self,
        cx: &Context,
        address: &str,
        ssh: Option<&SshModel>,
        read: impl AsyncFnOnce(&Host) -> Result<T, Failure>,
    ) -> Option<T> {
        let target = self.target(address, ssh)?;
        let memory = self.memory();
        if lock(&memory.silent).contains(&target) {
            return None;
        }
        match read(&self.pool.host(&target)).await {
            Ok(read) => Some(read),
            Err(failure) => {
                let failure = failure.on(address);
                let is_told =
                    failure.kind == FailureKind::Unreachable && !lock(&memory.silent).insert(target);
                if !is_told {
                    cx.add(kept(&failure));
                }
                None
            }
        }
    }

    /// Those of the hosts that this run has not found silent.
    pub(super) fn not_silent(&self, addresses: &[String], ssh: Option<&SshModel>) -> Vec<Host> {
        let targets = addresses
            .iter()
            .filter_map(|address| self.peer_target(address, ssh));
        let memory = self.memory();
        let silent = lock(&memory.silent);
        targets
            .filter(|target| !silent.contains(target))
            .map(|target| self.pool.host(&target))
            .collect()
    }

    /// Takes a note of a node that exists.
    pub(super) fn note_existing(
        &self,
        type_name: &'static str,
        address: &str,
        ssh: Option<&SshModel>,
        state: &Value,
    ) {
        if let Some(target) = self.target(address, ssh) {
            lock(&self.memory().existing).insert((type_name, Machine::of(&target)), state.clone());
        }
    }

    /// The node of this kind that exists on this host, if this plan saw it.
    pub(super) fn existing(
        &self,
        type_name: &'static str,
        address: &str,
        ssh: Option<&SshModel>,
    ) -> Option<Value> {
        let target = self.target(address, ssh)?;
        lock(&self.memory().existing)
            .get(&(type_name, Machine::of(&target)))
            .cloned()
    }

    /// Whether hosts are to be checked at plan.
    pub(super) fn checks_at_plan(&self) -> bool {
        let memory = self.memory();
        memory
            .settings
            .as_ref()
            .is_some_and(|settings| settings.checks_at_plan)
    }

    /// An operation on a host.
    pub(super) fn run(&self, cx: &Context, operation: String, host: Host, limit: Duration) -> Run {
        let memory = self.memory();
        let progress = memory.settings.as_ref().map_or_else(
            || Arc::new(Progress::default()),
            |settings| settings.progress.clone(),
        );
        Run {
            operation,
            host,
            cancel: cx.cancel.clone(),
            deadline: Instant::now() + limit,
            progress,
            keeps_journal: Arc::new(true.into()),
        }
    }

    /// Keeps what a plan saw of a host: Terraform plans once more right before it applies.
    pub(super) fn keep_look(&self, address: &str, ssh: Option<&SshModel>, facts: Facts) {
        let Some(target) = self.target(address, ssh) else {
            return;
        };
        let memory = self.memory();
        let mut looks = lock(&memory.looks);
        // What came out of here gets no younger.
        looks.retain(|_, (at, _)| at.elapsed() < FRESH);
        looks.entry(target).or_insert_with(|| (Instant::now(), facts));
    }

    /// What this plan has just seen of a host, for another resource on it.
    pub(super) fn look(&self, address: &str, ssh: Option<&SshModel>) -> Option<Facts> {
        let target = self.target(address, ssh)?;
        let memory = self.memory();
        let looks = lock(&memory.looks);
        let (at, facts) = looks.get(&target)?;
        (at.elapsed() < FRESH).then(|| facts.clone())
    }

    /// Takes out what a plan of this run has just seen of a host. It serves one create: what that changes on the host
    /// is to be seen by the next.
    pub(super) fn take_look(&self, address: &str, ssh: Option<&SshModel>) -> Option<Facts> {
        let target = self.target(address, ssh)?;
        let (at, facts) = lock(&self.memory().looks).remove(&target)?;
        (at.elapsed() < FRESH).then_some(facts)
    }

    /// Notes that this resource is to be on a host; an error if another one is. Where it is not known how the host is
    /// reached, nobody can tell.
    pub(super) fn claim_host(
        &self,
        role: Role,
        address: &str,
        ssh: Option<&SshModel>,
        by: &Claimant<'_>,
    ) -> Option<Diagnostic> {
        self.memory().claims.host(role, &self.target(address, ssh)?, by)
    }

    /// Notes that the host is to be this Node of the cluster at `endpoint`; an error if another one is. `None` also
    /// while the endpoint (empty) or how the host is reached is not known.
    pub(super) fn claim_name(
        &self,
        endpoint: &str,
        name: &str,
        address: &str,
        ssh: Option<&SshModel>,
    ) -> Option<Diagnostic> {
        let target = self.target(address, ssh).filter(|_| !endpoint.is_empty())?;
        self.memory().claims.name(endpoint, name, &target)
    }

    /// Notes the machine behind a host that was looked at; what is wrong with it beside the others of this run.
    pub(super) fn claim_machine(
        &self,
        type_name: &'static str,
        address: &str,
        machine: node::Machine,
    ) -> Vec<Diagnostic> {
        self.memory().machines.claim(type_name, address, machine)
    }

    /// Notes what one of a site's hosts says of its floating IP; the hosts to ask again, if something looks wrong.
    pub(super) fn note_floating_ip(&self, site: &Site, host: &Host, look: VipLook) -> Option<Vec<Host>> {
        self.memory().floating_ips.note(site, host, look)
    }

    /// The masters that are to leave in this run.
    pub(super) fn departures(&self) -> Departures {
        self.memory().departures.clone()
    }

    /// Where the floating IP is that a host shares with members of these addresses; none while it is not known how the
    /// host is reached.
    pub(super) fn site(
        &self,
        vip: IpAddr,
        members: &[IpAddr],
        address: &str,
        ssh: Option<&SshModel>,
    ) -> Option<Site> {
        Some(Site {
            vip,
            bastion: bastion_of(&self.target(address, ssh)?),
            members: members.iter().copied().collect(),
        })
    }

    /// Notes networks of the cluster at `endpoint` and addresses of machines that have to do with it; what overlaps. Empty
    /// also while it is not known which cluster that is.
    pub(super) fn note_addresses(
        &self,
        endpoint: &str,
        ssh: Option<&SshModel>,
        noted: &Noted,
    ) -> Vec<Diagnostic> {
        let way = self.peer_target("", ssh).filter(|_| !endpoint.is_empty());
        way.map(|way| self.memory().networks.note(Cluster::of(endpoint, &way), noted))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::remote::fake::FakeHost;

    const ENDPOINT: &str = "10.0.0.100:8443";

    fn settings() -> Settings {
        Settings::from_config(&Value::object([("preflight", Value::from("plan"))])).unwrap()
    }

    /// In `-debug` one process serves run after run.
    #[test]
    fn a_run_knows_nothing_of_the_one_before() {
        let shared = Shared::new(Pool::with_transport(|target| {
            Arc::new(FakeHost::new(target.address.as_str()))
        }));
        let claimant = |instance| Claimant {
            type_name: "ha_worker",
            instance,
        };
        for run in ["first", "second"] {
            shared.configure(settings());
            // Each run has the same host in another resource, and the same name on another host.
            let host = shared.claim_host(Role::Node, "m1", None, &claimant(run.as_bytes()));
            assert_eq!(host, None, "{run}");
            assert_eq!(shared.claim_name(ENDPOINT, "w1", run, None), None, "{run}");
            assert!(
                shared.claim_name(ENDPOINT, "w1", "other", None).is_some(),
                "{run}"
            );
            assert!(shared.is_first_to_tell(ENDPOINT, None, "etcd"), "{run}");
            assert!(!shared.is_first_to_tell(ENDPOINT, None, "etcd"), "{run}");
            assert_eq!(shared.existing("ha_master", "m1", None), None, "{run}");
            shared.note_existing("ha_master", "m1", None, &Value::Null);
            assert!(
                !shared.departures().announce(ENDPOINT, "m1").is_in_company(),
                "{run}"
            );
            shared.departures().announce(ENDPOINT, "m2").done(false);
            assert!(
                shared.departures().announce(ENDPOINT, "m1").is_in_company(),
                "{run}"
            );
        }
    }

    #[test]
    fn an_identity_is_of_its_own_host_and_known_to_those_that_reach_it() {
        let targets = Arc::<Mutex<Vec<Target>>>::default();
        let seen = Arc::clone(&targets);
        let shared = Shared::new(Pool::with_transport(move |target| {
            seen.lock().unwrap().push(target.clone());
            Arc::new(FakeHost::new(target.address.as_str()))
        }));
        shared.configure(settings());
        let ssh = |alias: &str| -> SshModel {
            let block = Value::object([("host_key_alias", Value::from(alias))]);
            SshModel::of(&block).unwrap().unwrap()
        };
        let peers = ["m1".to_owned(), "m2".to_owned()];
        assert!(shared.host("m1", Some(&ssh("vm-1"))).is_some());
        assert_eq!(shared.hosts(&peers, Some(&ssh("vm-1"))).len(), 2);
        assert_eq!(shared.hosts(&peers, None).len(), 2);
        let seen = targets.lock().unwrap();
        let seen: Vec<_> = seen
            .iter()
            .map(|target| (target.address.as_str(), target.host_key_alias.as_deref()))
            .collect();
        // One connection for each, and nobody takes m2 for vm-1.
        assert_eq!(seen, [("m1", Some("vm-1")), ("m2", None)]);
        // Behind a bastion, it is another machine.
        let bastion = Value::object([("bastion", Value::object([("host", Value::from("site-b"))]))]);
        let elsewhere = SshModel::of(&bastion).unwrap();
        let target = shared.target("m1", elsewhere.as_ref()).unwrap();
        assert_eq!(target.host_key_alias, None);
        shared.note_existing("ha_master", "m1", None, &Value::Null);
        assert_eq!(shared.existing("ha_master", "m1", elsewhere.as_ref()), None);
        assert_eq!(shared.existing("ha_master", "M1.", None), Some(Value::Null));
    }
}
