//! Questions to etcd's JSON gateway, as shell text for a master.
use crate::{
    command::{Script, quote},
    kubeadm::ETCD_CLIENT_PORT,
};

/// Seconds; etcd itself gives up on a change after 7.
const REQUEST_TIMEOUT: u32 = 10;

/// Prints the member list; read it with [`super::parse_member_list`].
pub fn member_list_command() -> String {
    // Linearizable: without a quorum it fails instead of showing what this member last knew.
    list_command(true)
}

/// Prints the member list as the member on this host last knew it: also without a quorum, when it may be outdated.
pub fn known_members_command() -> String {
    list_command(false)
}

fn list_command(is_linearizable: bool) -> String {
    let body = format!(r#"{{"linearizable":{is_linearizable}}}"#);
    post(&local("member/list"), &body, 3)
}

/// Removes a member. Run it on a master that stays; read the answer with [`super::parse_member_list`].
pub fn member_remove_script(id: u64) -> Script {
    let body = format!(r#"{{"ID":"{id}"}}"#);
    Script::new(
        "etcd member remove",
        post(&local("member/remove"), &body, REQUEST_TIMEOUT),
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
        post("\"$url/v3/maintenance/status\"", "{}", 3)
    )
}

/// A question about the cluster for the member on this host.
fn local(question: &str) -> String {
    quote(&format!(
        "https://127.0.0.1:{ETCD_CLIENT_PORT}/v3/cluster/{question}"
    ))
}

fn post(url: &str, body: &str, seconds: u32) -> String {
    let pki = "/etc/kubernetes/pki/etcd";
    format!(
        "curl -sS --noproxy '*' --max-time {seconds} --cacert {pki}/ca.crt --cert {pki}/healthcheck-client.crt \
         --key {pki}/healthcheck-client.key -X POST -d {} {url}",
        quote(body)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> String {
        let output = std::process::Command::new("sh")
            .args(["-c", script])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn the_list_is_asked_of_the_member_on_the_host() {
        insta::assert_snapshot!(member_list_command(), @r#"curl -sS --noproxy '*' --max-time 3 --cacert /etc/kubernetes/pki/etcd/ca.crt --cert /etc/kubernetes/pki/etcd/healthcheck-client.crt --key /etc/kubernetes/pki/etcd/healthcheck-client.key -X POST -d '{"linearizable":true}' https://127.0.0.1:2379/v3/cluster/member/list"#);
    }

    #[test]
    fn a_member_is_removed_by_its_decimal_id() {
        let script = member_remove_script(u64::MAX);
        let curl = "curl() { for word; do :; done; printf '%s %s' \"${15}\" \"$word\"; }\n";
        assert_eq!(
            sh(&format!("{curl}{}", script.body)),
            r#"{"ID":"18446744073709551615"} https://127.0.0.1:2379/v3/cluster/member/remove"#
        );
    }

    #[test]
    fn each_member_gives_one_line_even_if_it_is_silent() {
        let curl =
            "curl() { for url; do :; done\n case $url in *b*) return 7;; esac; printf '{\"v\":\\n1}'; }\n";
        let command = status_command(&["https://a:2379", "https://b:2379", "https://[fd00::1]:2379"]);
        let stdout = sh(&format!("set -eu\n{curl}{command}"));
        let mut lines: Vec<&str> = stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "https://[fd00::1]:2379\t{\"v\":1}",
                "https://a:2379\t{\"v\":1}",
                "https://b:2379\t"
            ]
        );
    }

    #[test]
    fn no_members_no_question() {
        assert_eq!(sh(&status_command(&[])), "");
    }
}
