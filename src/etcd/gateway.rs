//! Questions to etcd's JSON gateway, as shell text for a master.
use crate::command::{Script, quote};

const LOCAL: &str = "https://127.0.0.1:2379";

/// Prints the member list; read it with [`super::parse_member_list`].
pub fn member_list_command() -> String {
    // The list is linearizable by default: without a quorum it fails instead of showing an old one.
    post(&quote(&format!("{LOCAL}/v3/cluster/member/list")), "{}")
}

/// Removes a member. Run it on a master that stays; read the answer with [`super::parse_member_list`].
pub fn member_remove_script(id: u64) -> Script {
    let body = format!(r#"{{"ID":"{id}"}}"#);
    Script::new(
        "etcd member remove",
        post(&quote(&format!("{LOCAL}/v3/cluster/member/remove")), &body),
    )
}

/// Asks all members at once how they are and prints one line for each, in any order: its URL, a tab and its
/// answer, which is empty if there was none within 3 s. Read them with [`super::parse_status`].
pub fn status_command(client_urls: &[&str]) -> String {
    let urls: Vec<String> = client_urls.iter().map(|url| quote(url)).collect();
    if urls.is_empty() {
        return ":".to_owned();
    }
    format!(
        "for url in {}; do\n  \
         ( answer=$({} 2>/dev/null | tr -d '\\n') || :; printf '%s\\t%s\\n' \"$url\" \"$answer\" ) &\n\
         done\n\
         wait",
        urls.join(" "),
        post("\"$url/v3/maintenance/status\"", "{}")
    )
}

fn post(url: &str, body: &str) -> String {
    let pki = "/etc/kubernetes/pki/etcd";
    format!(
        "curl -sS --noproxy '*' --max-time 3 --cacert {pki}/ca.crt --cert {pki}/healthcheck-client.crt \
         --key {pki}/healthcheck-client.key -X POST -d {} {url}",
        quote(body)
    )
}
