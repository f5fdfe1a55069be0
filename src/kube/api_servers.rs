//! Where the API servers of a cluster are, as the cluster itself has it.
use std::net::IpAddr;

use serde::Deserialize;

use super::{
    as_kubelet::get_as_kubelet,
    kubectl::{ADMIN_CONF, KUBELET_CONF, kubectl},
    node::ParseError,
};

/// Prints the Endpoints `default/kubernetes`, in which each API server keeps its advertise address. On a master as
/// administrator, on a worker as the kubelet, which not every version lets read it.
pub fn api_servers_command() -> String {
    let of = |kubeconfig| {
        format!(
            "{} -n default get endpoints kubernetes -o json",
            kubectl(kubeconfig)
        )
    };
    format!(
        "if test -e {ADMIN_CONF}; then\n{}\nelse\n{}\nfi",
        of(ADMIN_CONF),
        get_as_kubelet(
            "/api/v1/namespaces/default/endpoints/kubernetes",
            &of(KUBELET_CONF)
        ),
    )
}

/// Reads the output of [`api_servers_command`]; empty where the API refuses to say.
pub fn parse_api_servers(stdout: &str) -> Result<Vec<IpAddr>, ParseError> {
    #[derive(Deserialize)]
    struct Endpoints {
        #[serde(default)]
        subsets: Vec<Subset>,
    }
    #[derive(Deserialize)]
    struct Subset {
        #[serde(default)]
        addresses: Vec<Address>,
    }
    #[derive(Deserialize)]
    struct Address {
        ip: IpAddr,
    }
    let endpoints: Endpoints = serde_json::from_str(stdout).map_err(|error| ParseError {
        what: "endpoints",
        reason: error.to_string(),
    })?;
    let subsets = endpoints.subsets.into_iter();
    let mut found: Vec<IpAddr> = subsets
        .flat_map(|subset| subset.addresses)
        .map(|address| address.ip)
        .collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_and_takes_a_refusal_for_none() {
        let text = r#"{"kind":"Endpoints","subsets":[{"addresses":[{"ip":"10.0.0.12"},{"ip":"10.0.0.11"}],"ports":[]}]}"#;
        let found = parse_api_servers(text).unwrap();
        assert_eq!(
            found,
            [
                "10.0.0.11".parse::<IpAddr>().unwrap(),
                "10.0.0.12".parse().unwrap()
            ]
        );
        let refusal = r#"{"kind":"Status","status":"Failure","reason":"Forbidden","code":403}"#;
        assert_eq!(parse_api_servers(refusal).unwrap(), [] as [IpAddr; 0]);
        assert!(parse_api_servers("<html>").is_err());
    }
}
