//! Looks for secrets where none may be: Terraform's files and logs, arguments of processes, leftovers on the machines.
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::hosts::{Hosts, MASTERS};
use crate::recorder::Recording;
use crate::workspace::Workspace;

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
journalctl --quiet --no-pager -o cat 2>/dev/null | grep -F -f "$list" | cut -c 1-60 | sed 's/^/journal: /'
rm -f "$list"
true
"#;

/// The secrets of one cluster.
pub(crate) struct Secrets {
    texts: Vec<String>,
}

impl Secrets {
    /// All secrets that were seen or lie on the masters. Fails if it cannot know them all.
    pub(crate) fn of(hosts: &Hosts, recording: &Recording, joins: usize) -> Result<Self> {
        let (tokens, keys) = (recording.tokens(), recording.certificate_keys());
        ensure!(
            tokens.len() >= joins,
            "{} tokens were seen for {joins} joins",
            tokens.len()
        );
        ensure!(
            keys.len() >= MASTERS.len() - 1,
            "{} certificate keys were seen",
            keys.len()
        );
        let mut texts: Vec<String> = WORDS.map(str::to_owned).to_vec();
        texts.extend(
            tokens
                .iter()
                .filter_map(|token| Some(token.split_once('.')?.1.to_owned())),
        );
        texts.extend(keys);
        for (name, lines) in hosts.on_all(KUBEADM_SECRETS)? {
            let before = texts.len();
            texts.extend(lines.lines().filter(|line| line.len() > 30).map(str::to_owned));
            ensure!(texts.len() > before, "no secret of kubeadm's was found on {name}");
        }
        let key = fs::read_to_string(hosts.key())?;
        texts.extend(
            key.lines()
                .filter(|line| !line.starts_with("-----"))
                .map(str::to_owned),
        );
        ensure!(texts.len() > 30, "only {} secrets are known", texts.len());
        Ok(Self { texts })
    }

    /// State, saved plan (raw and as JSON), logs and outputs.
    pub(crate) fn assert_none_in_files_of(&self, workspace: &mut Workspace) -> Result<()> {
        workspace
            .terraform(&["plan", "-input=false", "-out=saved.tfplan", "-refresh=false"])?
            .expect(0)?;
        workspace
            .terraform(&["show", "-json", "saved.tfplan"])?
            .expect(0)?;
        workspace.terraform(&["show", "-json"])?.expect(0)?;
        let mut looked = Vec::new();
        for entry in fs::read_dir(&workspace.folder)? {
            let path = entry?.path();
            if path.is_file() {
                looked.push(
                    path.file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned(),
                );
                self.assert_none_in(&path.display().to_string(), &fs::read(&path)?);
            }
        }
        for name in ["terraform.tfstate", "trace.log", "progress.jsonl", "saved.tfplan"] {
            assert!(
                looked.iter().any(|file| file == name),
                "{name} was not looked at, only {looked:?}"
            );
        }
        self.assert_none_in_archive(&workspace.folder.join("saved.tfplan"))
    }

    /// A saved plan is a ZIP archive, packed.
    fn assert_none_in_archive(&self, path: &Path) -> Result<()> {
        let mut archive = zip::ZipArchive::new(File::open(path)?)?;
        for index in 0..archive.len() {
            let mut bytes = Vec::new();
            let mut file = archive.by_index(index)?;
            file.read_to_end(&mut bytes)?;
            self.assert_none_in(&format!("saved plan, {}", file.name()), &bytes);
        }
        assert!(!archive.is_empty());
        Ok(())
    }

    /// Arguments of all processes that ran.
    pub(crate) fn assert_none_in_arguments(&self, recording: &Recording) {
        let lines: Vec<_> = recording
            .command_lines
            .iter()
            .map(|line| String::from_utf8_lossy(line))
            .collect();
        for word in ["kubeadm\0join", "kube-apiserver", "ControlPath", "sh\0-s"] {
            assert!(
                lines.iter().any(|line| line.contains(word)),
                "the recorder did not see {word:?}"
            );
        }
        for line in &recording.command_lines {
            self.assert_none_in("arguments of a process", line);
        }
    }

    /// Files on the machines, outside of kubeadm's own, and their journals.
    pub(crate) fn assert_none_on(&self, hosts: &Hosts) -> Result<()> {
        let search = |needles: &str| hosts.on_all(&SEARCH.replace("NEEDLES", needles));
        for (name, found) in search(&self.texts.join("\n"))? {
            assert_eq!(found, "", "secrets on {name}");
        }
        // The same search finds what is there.
        for (name, found) in search("root:x:0:0")? {
            assert!(found.contains("/etc/passwd"), "{name}: {found}");
        }
        Ok(())
    }

    fn assert_none_in(&self, place: &str, bytes: &[u8]) {
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
                panic!("a secret is in {place}, behind {around:?}");
            }
        }
    }
}
