//! Fields of `KubeletConfiguration` and `KubeProxyConfiguration`: their names and kinds, and values that break the cluster.
use ipnet::IpNet;
use serde_json::Value;

use super::{
    super::{ComponentConfig, ComponentKind, Version},
    finding::{Finding, did_you_mean},
};
use crate::node::address::{parse_address, unusable_network};

/// Fields by the kind of their value, as Kubernetes 1.37 has them. Kinds never change within an API version.
struct Fields {
    booleans: &'static str,
    numbers: &'static str,
    texts: &'static str,
    lists: &'static str,
    mappings: &'static str,
}

const KUBELET: Fields = Fields {
    booleans: "cgroupsPerQOS cpuCFSQuota enableContentionProfiling enableControllerAttachDetach enableDebugFlagsHandler \
               enableDebuggingHandlers enableProfilingHandler enableServer enableSystemLogHandler enableSystemLogQuery \
               failCgroupV1 failSwapOn kernelMemcgNotification localStorageCapacityIsolation makeIPTablesUtilChains \
               mergeDefaultEvictionSettings protectKernelDefaults registerNode rotateCertificates runOnce seccompDefault \
               serializeImagePulls serverTLSBootstrap singleProcessOOMKill",
    numbers: "containerLogMaxFiles containerLogMaxWorkers eventBurst eventRecordQPS evictionMaxPodGracePeriod healthzPort \
              imageGCHighThresholdPercent imageGCLowThresholdPercent iptablesDropBit iptablesMasqueradeBit kubeAPIBurst \
              kubeAPIQPS maxOpenFiles maxParallelImagePulls maxPods memoryThrottlingFactor nodeLeaseDurationSeconds \
              nodeStatusMaxImages oomScoreAdj podPidsLimit podsPerCore port readOnlyPort registryBurst registryPullQPS",
    texts: "address cgroupDriver cgroupRoot clusterDomain configMapAndSecretChangeDetectionStrategy containerLogMaxSize \
            containerLogMonitorInterval containerRuntimeEndpoint contentType cpuCFSQuotaPeriod cpuManagerPolicy \
            cpuManagerReconcilePeriod evictionPressureTransitionPeriod fileCheckFrequency hairpinMode healthzBindAddress \
            httpCheckFrequency imageMaximumGCAge imageMinimumGCAge imagePullCredentialsVerificationPolicy \
            imageServiceEndpoint kubeReservedCgroup kubeletCgroups memoryManagerPolicy memoryReservationPolicy \
            nodeStatusReportFrequency nodeStatusUpdateFrequency podCIDR podLogsDir providerID reservedSystemCPUs resolvConf \
            runtimeRequestTimeout showHiddenMetricsForVersion shutdownGracePeriod shutdownGracePeriodCriticalPods \
            staticPodPath staticPodURL streamingConnectionIdleTimeout syncFrequency systemCgroups systemReservedCgroup \
            tlsCertFile tlsMinVersion tlsPrivateKeyFile topologyManagerPolicy topologyManagerScope volumePluginDir \
            volumeStatsAggPeriod",
    lists: "allowedUnsafeSysctls clusterDNS enforceNodeAllocatable preloadedImagesVerificationAllowlist registerWithTaints \
            reservedMemory shutdownGracePeriodByPodPriority tlsCipherSuites tlsCurvePreferences",
    mappings: "authentication authorization cpuManagerPolicyOptions crashLoopBackOff defaultPodSysctls evictionHard \
               evictionMinimumReclaim evictionSoft evictionSoftGracePeriod featureGates kubeReserved logging memorySwap \
               qosReserved staticPodURLHeader systemReserved topologyManagerPolicyOptions tracing userNamespaces",
};

const KUBE_PROXY: Fields = Fields {
    booleans: "bindAddressHardFail enableProfiling windowsRunAsService",
    numbers: "oomScoreAdj",
    texts: "bindAddress clusterCIDR configSyncPeriod detectLocalMode healthzBindAddress hostnameOverride \
            metricsBindAddress mode portRange showHiddenMetricsForVersion udpIdleTimeout",
    lists: "nodePortAddresses",
    mappings: "clientConnection conntrack detectLocal featureGates iptables ipvs logging nftables winkernel",
};

impl Fields {
    fn all(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [
            (self.booleans, "true or false"),
            (self.numbers, "a number"),
            (self.texts, "a text"),
            (self.lists, "a list"),
            (self.mappings, "a mapping"),
        ]
        .into_iter()
        .flat_map(|(names, kind)| names.split_whitespace().map(move |name| (name, kind)))
    }
}

fn is_kind(value: &Value, kind: &str) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) => kind == "true or false",
        Value::Number(_) => kind == "a number",
        Value::String(_) => kind == "a text",
        Value::Array(_) => kind == "a list",
        Value::Object(_) => kind == "a mapping",
    }
}

/// What is wrong with a component's configuration beside the networks and the DNS domain of the cluster.
pub fn check_component_config(
    config: &ComponentConfig,
    kind: ComponentKind,
    version: Option<&Version>,
    pods: &[IpNet],
    services: &[IpNet],
    dns_domain: Option<&str>,
) -> Vec<Finding> {
    let fields = match kind {
        ComponentKind::Kubelet => &KUBELET,
        ComponentKind::KubeProxy => &KUBE_PROXY,
    };
    let mut found: Vec<Finding> = config
        .fields()
        .filter_map(|(name, value)| check_field(name, value, fields, kind.kind(), version))
        .collect();
    match kind {
        ComponentKind::Kubelet => check_kubelet(config, services, dns_domain, &mut found),
        ComponentKind::KubeProxy => check_kube_proxy(config, pods, &mut found),
    }
    found
}

/// The minor version that the fields were taken from.
const LISTED: u64 = 37;

fn check_field(
    name: &str,
    value: &Value,
    fields: &Fields,
    of: &str,
    version: Option<&Version>,
) -> Option<Finding> {
    let Some((_, kind)) = fields.all().find(|(known, _)| *known == name) else {
        let meant = did_you_mean(name, fields.all().map(|(name, _)| name));
        let has_no = match version {
            Some(version) if version.minor() == LISTED => "has no",
            _ => "may not have a",
        };
        let detail = format!(
            "{of} {has_no} field {name:?}: it is none of Kubernetes 1.{LISTED}, and one that is not there has no effect.{meant}"
        );
        return Some(Finding::warning("Unknown field", detail));
    };
    (!is_kind(value, kind)).then(|| {
        let detail = format!("{name} of {of} is {value}, and must be {kind}.");
        Finding::refusal("Field of the wrong kind", detail)
    })
}

fn check_kubelet(
    config: &ComponentConfig,
    services: &[IpNet],
    dns_domain: Option<&str>,
    found: &mut Vec<Finding>,
) {
    let text = |name| config.get(name).and_then(Value::as_str);
    if let Some(path) =
        text("staticPodPath").filter(|path| path.trim_end_matches('/') != "/etc/kubernetes/manifests")
    {
        let detail = format!(
            "staticPodPath is {path:?}. kubeadm and the load balancer write their static pods to /etc/kubernetes/manifests: leave it out."
        );
        found.push(Finding::error("Static pods would not run", detail));
    }
    if config.get("registerNode") == Some(&Value::Bool(false)) {
        let detail =
            "registerNode is false, and a node that does not register itself never joins. Leave it out.";
        found.push(Finding::error("Nodes would not join", detail));
    }
    let servers = config
        .get("clusterDNS")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for server in servers.filter_map(Value::as_str) {
        let Some(address) = parse_address(server) else {
            let detail = format!("clusterDNS has {server:?}, which is not an IP address.");
            found.push(Finding::error("Field of the wrong kind", detail));
            continue;
        };
        // A cache on each node has a link-local address by custom.
        let is_cache = unusable_network(&address.into()).is_some_and(|(kind, _)| kind == "link-local");
        if !services.is_empty() && !is_cache && !services.iter().any(|net| net.contains(&address)) {
            let detail = format!(
                "clusterDNS has {address}, which is not in service_subnet: pods ask there, and CoreDNS has an address in service_subnet. Leave it out, and kubeadm sets it."
            );
            found.push(Finding::warning("Pods may find no DNS server", detail));
        }
    }
    let wanted = dns_domain.unwrap_or("cluster.local");
    if let Some(domain) = text("clusterDomain").filter(|domain| *domain != wanted) {
        let detail = format!(
            "clusterDomain is {domain:?}, and dns_domain {wanted:?}, which CoreDNS answers for. Leave clusterDomain out, and kubeadm sets it."
        );
        found.push(Finding::warning("Two DNS domains", detail));
    }
}

fn check_kube_proxy(config: &ComponentConfig, pods: &[IpNet], found: &mut Vec<Finding>) {
    let text = |name| config.get(name).and_then(Value::as_str);
    if let Some(mode) =
        text("mode").filter(|mode| !["", "iptables", "ipvs", "nftables", "userspace"].contains(mode))
    {
        let detail = format!("mode is {mode:?}, and must be iptables, ipvs or nftables.");
        found.push(Finding::error("Unknown mode of kube-proxy", detail));
    }
    let Some(written) = text("clusterCIDR").filter(|text| !text.is_empty() && !pods.is_empty()) else {
        return;
    };
    let nets: Option<Vec<IpNet>> = written.split(',').map(|net| net.trim().parse().ok()).collect();
    if nets.is_none_or(|nets| !nets.iter().all(|net| pods.contains(net))) {
        let detail = format!(
            "clusterCIDR is {written:?}, which is not what pod_subnet says. Leave it out, and kubeadm sets it."
        );
        found.push(Finding::warning("Two networks for pods", detail));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubeadm::parse_component_config;

    fn found(text: &str, kind: ComponentKind) -> Vec<(&'static str, bool)> {
        let config = parse_component_config(text, kind).unwrap();
        let (pods, services) = (
            ["10.244.0.0/16".parse().unwrap()],
            ["10.96.0.0/12".parse().unwrap()],
        );
        check_component_config(&config, kind, None, &pods, &services, None)
            .into_iter()
            .map(|finding| (finding.summary, finding.is_error))
            .collect()
    }

    #[test]
    fn every_field_is_listed_once() {
        for fields in [KUBELET, KUBE_PROXY] {
            let mut names: Vec<_> = fields.all().map(|(name, _)| name).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }

    #[test]
    fn the_kubelets_fields_are_known() {
        let kubelet = |text| found(text, ComponentKind::Kubelet);
        let good = "failSwapOn: false\nmaxPods: 200\nevictionHard: {memory.available: 5%}\nclusterDNS: [10.96.0.10]\n\
                    staticPodPath: /etc/kubernetes/manifests\nclusterDomain: cluster.local\nsyncFrequency: 1m0s\n";
        assert_eq!(kubelet(good), []);
        assert_eq!(kubelet("clusterDNS: [169.254.20.10]"), []);
        assert_eq!(kubelet("failSwapon: false"), [("Unknown field", false)]);
        assert_eq!(kubelet("failSwapOn: maybe"), [("Field of the wrong kind", true)]);
        assert_eq!(kubelet("maxPods: '200'"), [("Field of the wrong kind", true)]);
        assert_eq!(
            kubelet("staticPodPath: /x"),
            [("Static pods would not run", true)]
        );
        assert_eq!(kubelet("registerNode: false"), [("Nodes would not join", true)]);
        assert_eq!(
            kubelet("clusterDNS: [10.0.0.10]"),
            [("Pods may find no DNS server", false)]
        );
        assert_eq!(kubelet("clusterDNS: [dns]"), [("Field of the wrong kind", true)]);
        assert_eq!(kubelet("clusterDomain: a.b"), [("Two DNS domains", false)]);
    }

    #[test]
    fn other_versions_may_have_other_fields() {
        let config = parse_component_config("newField: 1", ComponentKind::Kubelet).unwrap();
        for (version, word) in [
            ("1.37.2", " has no field"),
            ("1.38.0", " may not have"),
            ("1.30.0", " may not have"),
        ] {
            let version = version.parse().unwrap();
            let found =
                check_component_config(&config, ComponentKind::Kubelet, Some(&version), &[], &[], None);
            assert!(found[0].detail.contains(word), "{}", found[0].detail);
        }
    }

    #[test]
    fn the_proxys_fields_are_known() {
        let proxy = |text| found(text, ComponentKind::KubeProxy);
        assert_eq!(
            proxy("mode: ipvs\nclusterCIDR: 10.244.0.0/16\nconntrack: {maxPerCore: 0}"),
            []
        );
        assert_eq!(proxy("mode: fast"), [("Unknown mode of kube-proxy", true)]);
        assert_eq!(
            proxy("clusterCIDR: 10.9.0.0/16"),
            [("Two networks for pods", false)]
        );
        assert_eq!(proxy("notAField: 1"), [("Unknown field", false)]);
    }
}
