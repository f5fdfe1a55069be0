//! Looks for secrets where none may be: Terraform's files and logs, arguments of processes, leftovers on the machines.
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::hosts::Hosts;
use crate::lab::address::NodeName;
use crate::recorder::Recording;
use crate::workspace::Workspace;

/// The plan that the cluster was created from.
pub const SAVED_PLAN: &str = "create.tfplan";
const LATER_PLAN: &str = "later.tfplan";

/// Words that come with a secret of the kinds that nobody can list beforehand.
const WORDS: [&str; 3] = ["PRIVATE KEY-----", "client-key-data", "client-certificate-data"];

/// Prints a piece out of the middle of each secret that kubeadm made on a machine.
const KUBEADM_SECRETS: &str = r"
for file in /etc/kubernetes/pki/*.key /etc/kubernetes/pki/etcd/*.key; do [ ! -e $file ] || sed -n 4p $file; done
sed -n 's/^ *client-key-data: .\{200\}\(.\{60\}\).*/\1/p' /etc/kubernetes/*.conf
tail -n 3 /var/lib/kubelet/pki/kubelet-client-current.pem | head -n 1
";

/// Files that may hold a text of stdin; kubeadm's own files and the login's are not looked into.
const SEARCH: &str = r#"
list=$(mktemp -p /dev/shm)
cat >"$list" <<'end of list'
NEEDLES
end of list
find /etc /var/lib/terraform-provider-ha /run /tmp /root /home /var/log /var/tmp -xdev -type f \
    ! -path '/etc/kubernetes/pki/*' ! -path '/etc/kubernetes/*.conf' ! -path '/etc/ssh/*' ! -path '/etc/ssl/private/*' \
    ! -path '/root/.kube/config' ! -path '/home/*/.kube/config' ! -path '/var/log/journal/*' ! -path '/run/log/journal/*' \
    -print0 2>/dev/null | xargs -0 -r grep -lF -f "$list" --
journalctl --quiet --no-pager --since SINCE -o cat 2>/dev/null | grep -F -f "$list" | cut -c 1-60 | sed 's/^/journal: /'
rm -f "$list"
true
"#;

/// All that a node ever wrote.
const EVER: &str = "1970-01-02";

/// The secrets of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    texts: Vec<String>,
}

impl Secrets {
    /// All secrets that were seen or lie on the nodes, for a cluster that was made at one go with so many masters among
    /// so many joined nodes. Fails if it cannot know them all.
    pub fn of(hosts: &Hosts, recording: &Recording, masters: usize, joins: usize) -> Result<Self> {
        let (tokens, keys) = (recording.tokens(), recording.certificate_keys());
        ensure!(
            tokens.len() >= joins,
            "{} tokens were seen for {joins} joins",
            tokens.len()
        );
        ensure!(
            keys.len() + 1 >= masters,
            "{} certificate keys were seen",
            keys.len()
        );
        let mut secrets = Self::default();
        secrets.learn_from(recording);
        secrets.learn_on(hosts, &hosts.names)?;
        Ok(secrets)
    }

    /// Adds the words that come with any secret, and the credentials that were seen.
    pub fn learn_from(&mut self, recording: &Recording) {
        self.texts.extend(WORDS.map(str::to_owned));
        let tokens = recording.tokens();
        let halves = tokens.iter().filter_map(|token| token.split_once('.'));
        self.texts.extend(halves.map(|(_, secret)| secret.to_owned()));
        self.texts.extend(recording.certificate_keys());
        self.texts.sort();
        self.texts.dedup();
    }

    /// Adds what kubeadm made on these nodes, and the login's key.
    pub fn learn_on(&mut self, hosts: &Hosts, names: &[NodeName]) -> Result<()> {
        for (name, lines) in hosts.on_each(names, KUBEADM_SECRETS)? {
            let before = self.texts.len();
            self.texts
                .extend(lines.lines().filter(|line| line.len() > 30).map(str::to_owned));
            ensure!(
                self.texts.len() > before,
                "no secret of kubeadm's was found on {name}"
            );
        }
        let key = fs::read_to_string(hosts.key())?;
        let lines = key.lines().filter(|line| !line.starts_with("-----"));
        self.texts.extend(lines.map(str::to_owned));
        self.texts.sort();
        self.texts.dedup();
        Ok(())
    }

    /// State, saved plans of the creation and of now (raw and as JSON), logs and outputs.
    pub fn assert_none_in_files_of(&self, workspace: &mut Workspace) -> Result<()> {
        workspace.save_plan(LATER_PLAN)?;
        for plan in [SAVED_PLAN, LATER_PLAN] {
            workspace.terraform(&["show", "-json", plan])?.expect(0)?;
        }
        workspace.terraform(&["show", "-json"])?.expect(0)?;
        let looked = self.assert_none_in_folder(&workspace.folder)?;
        for name in ["terraform.tfstate", "trace.log", "progress.jsonl", SAVED_PLAN] {
            ensure!(
                looked.iter().any(|file| file == name),
                "{name} was not looked at, only {looked:?}"
            );
        }
        for plan in [SAVED_PLAN, LATER_PLAN] {
            self.assert_none_in_archive(&workspace.folder.join(plan))?;
        }
        Ok(())
    }

    /// The files of a folder, not those of folders in it; their names.
    pub fn assert_none_in_folder(&self, folder: &Path) -> Result<Vec<String>> {
        let mut looked = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_file() {
                let name = path.file_name().unwrap_or_default();
                looked.push(name.to_string_lossy().into_owned());
                self.assert_none_in(&path.display().to_string(), &fs::read(&path)?)?;
            }
        }
        Ok(looked)
    }

    /// A saved plan is a ZIP archive, packed.
    pub fn assert_none_in_archive(&self, path: &Path) -> Result<()> {
        let mut archive = zip::ZipArchive::new(File::open(path)?)?;
        for index in 0..archive.len() {
            let mut bytes = Vec::new();
            let mut file = archive.by_index(index)?;
            file.read_to_end(&mut bytes)?;
            self.assert_none_in(&format!("saved plan, {}", file.name()), &bytes)?;
        }
        ensure!(!archive.is_empty(), "{} is empty", path.display());
        Ok(())
    }

    /// Arguments of all processes that ran while a cluster was made.
    pub fn assert_none_in_arguments(&self, recording: &Recording) -> Result<()> {
        let lines: Vec<_> = recording
            .command_lines
            .iter()
            .map(|line| String::from_utf8_lossy(line))
            .collect();
        for word in ["kubeadm\0join", "kube-apiserver", "ssh\0-F", "ha_script=$(cat)"] {
            ensure!(
                lines.iter().any(|line| line.contains(word)),
                "the recorder did not see {word:?}"
            );
        }
        self.assert_none_in_lines(recording)
    }

    /// Arguments of all processes that ran.
    pub fn assert_none_in_lines(&self, recording: &Recording) -> Result<()> {
        recording
            .command_lines
            .iter()
            .try_for_each(|line| self.assert_none_in("arguments of a process", line))
    }

    /// Files on the machines, outside of kubeadm's own, and their journals.
    pub fn assert_none_on(&self, hosts: &Hosts) -> Result<()> {
        self.assert_none_since(hosts, EVER)
    }

    /// The same with the journals' lines since a time, as journalctl takes it.
    pub fn assert_none_since(&self, hosts: &Hosts, since: &str) -> Result<()> {
        let script = SEARCH.replace("SINCE", since);
        let search = |needles: &str| hosts.on_all(&script.replace("NEEDLES", needles));
        for (name, found) in search(&self.texts.join("\n"))? {
            ensure!(found.is_empty(), "secrets on {name}: {found}");
        }
        // The same search finds what is there.
        for (name, found) in search("root:x:0:0")? {
            ensure!(
                found.contains("/etc/passwd"),
                "the search does not work on {name}: {found}"
            );
        }
        Ok(())
    }

    fn assert_none_in(&self, place: &str, bytes: &[u8]) -> Result<()> {
        let haystack = String::from_utf8_lossy(bytes);
        for text in &self.texts {
            // The secret itself stays out of the message.
            if let Some((before, _)) = haystack.split_once(text) {
                let line = before.lines().next_back().unwrap_or_default();
                let around: String = line
                    .chars()
                    .rev()
                    .take(150)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                    .collect();
                bail!("a secret is in {place}, behind {around:?}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_a_file_is_found_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets {
            texts: vec!["0123456789abcdef".into()],
        };
        fs::write(folder.path().join("clean.log"), "nothing to see").unwrap();
        assert_eq!(
            secrets.assert_none_in_folder(folder.path()).unwrap(),
            ["clean.log"]
        );
        fs::write(
            folder.path().join("trace.log"),
            "first line\ntoken 0123456789abcdef\n",
        )
        .unwrap();
        let error = secrets
            .assert_none_in_folder(folder.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains("trace.log") && error.contains("token "), "{error}");
        assert!(!error.contains("0123456789abcdef"), "{error}");
    }
}
