//! What all resources of one provider process share: connections, locks, the provider block.
use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    claims::{Claimant, Claims, Cluster, Machine, Role, bastion_of},
    cluster_networks::{ClusterNetworks, Noted},
    diagnose::kept,
    floating_ips::{FloatingIps, Site},
    machines::Machines,
    settings::{Identity, Settings, SshModel},
};
use crate::{
    lifecycle::{ClusterLocks, Departures, Failure, FailureKind, Progress, Run},
    node::Facts,
    remote::{Host, Pool, Target},
    tf_provider::{Context, Diagnostic, Path, Value},
};

/// How long a look at a host stands for another.
const FRESH: Duration = Duration::from_secs(10);

/// Shared by all resources.
#[derive(Debug)]
pub(super) struct Shared {
    settings: RwLock<Option<Arc<Settings>>>,
    pub(super) pool: Pool,
    pub(super) locks: ClusterLocks,
    pub(super) departures: Departures,
    pub(super) floating_ips: FloatingIps,
    networks: ClusterNetworks,
    /// Masters that exist by their host, as this plan saw them.
    existing: Mutex<HashMap<Machine, Value>>,
    /// What tells machines apart where a resource says it, for those that reach the same host.
    identities: Mutex<HashMap<Machine, Identity>>,
    /// Hosts that this run found silent.
    silent: Mutex<HashSet<Target>>,
    /// What plans saw of hosts, for the creates that follow.
    looks: Mutex<HashMap<Target, (Instant, Facts)>>,
    /// What this run has told about clusters, by the summary.
    told: Mutex<HashSet<(Cluster, &'static str)>>,
    /// What the resources of this run claim for themselves.
    claims: Claims,
    /// Machines seen in this plan.
    pub(super) machines: Machines,
}

impl Shared {
    pub(super) fn new(pool: Pool) -> Self {
        Self {
            settings: RwLock::default(),
            pool,
            locks: ClusterLocks::default(),
            departures: Departures::default(),
            floating_ips: FloatingIps::default(),
            networks: ClusterNetworks::default(),
            existing: Mutex::default(),
            identities: Mutex::default(),
            silent: Mutex::default(),
            looks: Mutex::default(),
            told: Mutex::default(),
            claims: Claims::default(),
            machines: Machines::default(),
        }
    }

    /// Each run of Terraform begins with this, also where one process serves several.
    pub(super) fn configure(&self, settings: Settings) {
        self.departures.forget();
        self.floating_ips.forget();
        self.claims.forget();
        self.machines.forget();
        self.networks.forget();
        self.lock_identities().clear();
        self.lock_silent().clear();
        self.lock_existing().clear();
        self.lock_looks().clear();
        self.lock_told().clear();
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(settings));
    }

    fn settings(&self) -> Option<Arc<Settings>> {
        self.settings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How the host of a resource is reached; `None` while a part of that is not known yet, its own or the provider's.
    fn target(&self, address: &str, ssh: Option<&SshModel>) -> Option<Target> {
        let identity = ssh.map(SshModel::identity).unwrap_or_default();
        if identity == Identity::default() {
            return self.peer_target(address, ssh);
        }
        let target = self.settings()?.target(address, ssh, identity.clone())?;
        self.lock_identities().insert(Machine::of(&target), identity);
        Some(target)
    }

    /// How a host is reached that another resource speaks of: the identity in its block is its own host's, not this one's.
    fn peer_target(&self, address: &str, ssh: Option<&SshModel>) -> Option<Target> {
        let settings = self.settings()?;
        let target = settings.target(address, ssh, Identity::default())?;
        let identity = self.lock_identities().get(&Machine::of(&target)).cloned();
        match identity {
            Some(identity) => settings.target(address, ssh, identity),
            None => Some(target),
        }
    }

    fn lock_identities(&self) -> MutexGuard<'_, HashMap<Machine, Identity>> {
        self.identities.lock().unwrap_or_else(PoisonError::into_inner)
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
        if self.lock_silent().contains(&target) {
            return None;
        }
        match read(&self.pool.host(&target)).await {
            Ok(read) => Some(read),
            Err(failure) => {
                let failure = failure.on(address);
                let is_told = failure.kind == FailureKind::Unreachable && !self.lock_silent().insert(target);
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
        let silent = self.lock_silent();
        targets
            .filter(|target| !silent.contains(target))
            .map(|target| self.pool.host(&target))
            .collect()
    }

    /// Takes a note of a master that exists.
    pub(super) fn note_existing(&self, address: &str, ssh: Option<&SshModel>, state: &Value) {
        if let Some(target) = self.target(address, ssh) {
            self.lock_existing().insert(Machine::of(&target), state.clone());
        }
    }

    /// The master that exists on this host, if this plan saw it.
    pub(super) fn existing(&self, address: &str, ssh: Option<&SshModel>) -> Option<Value> {
        let target = self.target(address, ssh)?;
        self.lock_existing().get(&Machine::of(&target)).cloned()
    }

    fn lock_existing(&self) -> MutexGuard<'_, HashMap<Machine, Value>> {
        self.existing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_silent(&self) -> MutexGuard<'_, HashSet<Target>> {
        self.silent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_told(&self) -> MutexGuard<'_, HashSet<(Cluster, &'static str)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this run has told nothing yet under this summary about the cluster at `endpoint`.
    pub(super) fn is_first_to_tell(
        &self,
        endpoint: &str,
        ssh: Option<&SshModel>,
        summary: &'static str,
    ) -> bool {
        self.peer_target("", ssh)
            .is_none_or(|way| self.lock_told().insert((Cluster::of(endpoint, &way), summary)))
    }

    /// Whether hosts are to be checked at plan.
    pub(super) fn checks_at_plan(&self) -> bool {
        self.settings().is_some_and(|settings| settings.checks_at_plan)
    }

    /// An operation on a host.
    pub(super) fn run(&self, cx: &Context, operation: String, host: Host, limit: Duration) -> Run {
        let progress = self.settings().map_or_else(
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
        let mut looks = self.lock_looks();
        // What came out of here gets no younger.
        looks.retain(|_, (at, _)| at.elapsed() < FRESH);
        looks.entry(target).or_insert_with(|| (Instant::now(), facts));
    }

    /// What this plan has just seen of a host, for another resource on it.
    pub(super) fn look(&self, address: &str, ssh: Option<&SshModel>) -> Option<Facts> {
        let target = self.target(address, ssh)?;
        let looks = self.lock_looks();
        let (at, facts) = looks.get(&target)?;
        (at.elapsed() < FRESH).then(|| facts.clone())
    }

    /// Takes out what a plan of this run has just seen of a host. It serves one create: what that changes on the host
    /// is to be seen by the next.
    pub(super) fn take_look(&self, address: &str, ssh: Option<&SshModel>) -> Option<Facts> {
        let target = self.target(address, ssh)?;
        let (at, facts) = self.lock_looks().remove(&target)?;
        (at.elapsed() < FRESH).then_some(facts)
    }

    fn lock_looks(&self) -> MutexGuard<'_, HashMap<Target, (Instant, Facts)>> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.claims.host(role, &self.target(address, ssh)?, by)
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
        self.claims.name(endpoint, name, &target)
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
        way.map(|way| self.networks.note(Cluster::of(endpoint, &way), noted))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::fake::FakeHost;

    #[test]
    fn an_identity_is_of_its_own_host_and_known_to_those_that_reach_it() {
        let targets = Arc::<Mutex<Vec<Target>>>::default();
        let seen = Arc::clone(&targets);
        let shared = Shared::new(Pool::with_transport(move |target| {
            seen.lock().unwrap().push(target.clone());
            Arc::new(FakeHost::new(target.address.as_str()))
        }));
        let settings = Settings::from_config(&Value::object([("preflight", Value::from("plan"))])).unwrap();
        shared.configure(settings);
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
        shared.note_existing("m1", None, &Value::Null);
        assert_eq!(shared.existing("m1", elsewhere.as_ref()), None);
        assert_eq!(shared.existing("M1.", None), Some(Value::Null));
    }
}
