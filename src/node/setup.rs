//! What a machine that was just made still does to itself: cloud-init, package managers, its first start.
use serde::Deserialize;

use super::{Answers, Query};

/// What was seen of a machine's own set-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// cloud-init.
    pub cloud_init: CloudInit,
    /// What else is at work, in words, with process and file or unit where there are any.
    pub at_work: Vec<String>,
}

/// How far cloud-init is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CloudInit {
    /// The machine has none, or it is turned off.
    #[default]
    Absent,
    /// It runs; its stage, as its `status.json` says it, where it is in one.
    Running(Option<String>),
    /// It ended well.
    Done,
    /// It ended, with errors or without a result.
    Failed,
}

/// Files that package managers lock while they change the machine.
const LOCKS: &str = "/var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock \
                     /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock";
/// Units of cloud-init, old and new (24.3).
const UNITS: &str = "cloud-init-local.service cloud-init-network.service cloud-init.service \
                     cloud-config.service cloud-final.service cloud-init-main.service";

/// Adds the questions that [`Setup::parse`] needs. `cloud-init status` would take a second of Python.
pub fn sections(query: Query) -> Query {
    query
        .section("cloud_status", "cat /run/cloud-init/status.json")
        .section("cloud_result", "cat /run/cloud-init/result.json")
        .section_within(
            "cloud_units",
            format!("[ ! -e /run/cloud-init/status.json ] || systemctl is-active {UNITS}; :"),
            20,
        )
        .section_within("system_state", "systemctl is-system-running; :", 20)
        // POSIX locks are listed with their process: number, kind, mode, access, process, device:inode.
        .section(
            "package_locks",
            format!(
                "for f in {LOCKS}; do i=$(stat -c %i $f 2>/dev/null) || continue; while read -r _ _ _ _ p d _; do \
                 case $d in *:$i) echo \"$p $f $(cat /proc/$p/comm)\";; esac; done </proc/locks; done; :"
            ),
        )
        .section("shutdown", "test -e /run/systemd/shutdown/scheduled")
}

impl Setup {
    /// Reads the answers; what was not asked is not at work.
    pub fn parse(answers: &Answers) -> Self {
        let text = |key: &str| answers.text(key).unwrap_or_default();
        let state = text("system_state").trim();
        let mut at_work: Vec<String> = text("package_locks").lines().filter_map(holder).collect();
        match state {
            "starting" | "initializing" => at_work.push("systemd, which still starts the machine".to_owned()),
            "stopping" => at_work.push("systemd, which shuts the machine down".to_owned()),
            _ => {}
        }
        if answers.is_yes("shutdown") {
            at_work.push("a shutdown that is scheduled".to_owned());
        }
        let is_busy = text("cloud_units")
            .lines()
            .any(|state| matches!(state, "activating" | "reloading"))
            || matches!(state, "starting" | "initializing");
        Self {
            cloud_init: CloudInit::of(
                answers.text("cloud_status"),
                answers.text("cloud_result"),
                is_busy,
            ),
            at_work,
        }
    }

    /// Whether the machine may still change by itself.
    pub fn is_under_way(&self) -> bool {
        !self.at_work.is_empty() || self.runs_cloud_init()
    }

    /// Whether cloud-init is at work, which may install, write, and start the machine anew.
    pub fn runs_cloud_init(&self) -> bool {
        matches!(self.cloud_init, CloudInit::Running(_))
    }

    /// Who is at work, for a sentence.
    pub fn account(&self) -> String {
        let cloud_init = match &self.cloud_init {
            CloudInit::Running(Some(stage)) => Some(format!("cloud-init (stage {stage})")),
            CloudInit::Running(None) => Some("cloud-init".to_owned()),
            _ => None,
        };
        let all: Vec<String> = cloud_init
            .into_iter()
            .chain(self.at_work.iter().cloned())
            .collect();
        all.join(", ")
    }
}

/// `812 /var/lib/dpkg/lock apt-get`.
fn holder(line: &str) -> Option<String> {
    let mut words = line.splitn(3, ' ');
    let (process, file) = (words.next()?, words.next()?);
    let name = words.next().map(str::trim).filter(|name| !name.is_empty());
    Some(format!(
        "{} (process {process}), which holds {file}",
        name.unwrap_or("a program")
    ))
}

impl CloudInit {
    /// Both files are cloud-init's own: `status.json` is written from its first stage on, `result.json` at its end.
    fn of(status: Option<&str>, result: Option<&str>, is_busy: bool) -> Self {
        #[derive(Default, Deserialize)]
        struct File {
            #[serde(default)]
            v1: V1,
        }
        #[derive(Default, Deserialize)]
        struct V1 {
            #[serde(default)]
            stage: Option<String>,
            #[serde(default)]
            errors: Vec<serde_json::Value>,
        }
        let read = |text: &str| serde_json::from_str::<File>(text).unwrap_or_default().v1;
        match (status, result) {
            (_, Some(result)) if !read(result).errors.is_empty() => Self::Failed,
            (_, Some(_)) => Self::Done,
            (None, None) => Self::Absent,
            (Some(status), None) if is_busy => Self::Running(read(status).stage),
            (Some(_), None) => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"v1": {"datasource": "DataSourceNoCloud", "init": {"errors": [], "finished": 1.0}, "stage": "modules-final"}}"#;

    fn setup(answers: &[(&'static str, &'static str)]) -> Setup {
        let sections = answers.iter().map(|(key, text)| (*key, 0, *text));
        Setup::parse(&Answers::from_sections(sections))
    }

    #[test]
    fn cloud_init_runs_until_its_result_is_there() {
        let running = setup(&[("cloud_status", STATUS), ("cloud_units", "active\nactivating\n")]);
        assert_eq!(running.account(), "cloud-init (stage modules-final)");
        assert!(running.runs_cloud_init() && running.is_under_way());
        let between = setup(&[("cloud_status", "{"), ("system_state", "starting\n")]);
        assert_eq!(between.cloud_init, CloudInit::Running(None));
        for (result, ended) in [
            (r#"{"v1": {"datasource": "x", "errors": []}}"#, CloudInit::Done),
            (r#"{"v1": {"errors": ["('runcmd', …)"]}}"#, CloudInit::Failed),
        ] {
            let seen = setup(&[
                ("cloud_status", STATUS),
                ("cloud_result", result),
                ("system_state", "running"),
            ]);
            assert_eq!((seen.is_under_way(), seen.cloud_init), (false, ended));
        }
        let crashed = setup(&[
            ("cloud_status", STATUS),
            ("cloud_units", "active\nfailed\n"),
            ("system_state", "degraded"),
        ]);
        assert_eq!(
            (crashed.is_under_way(), crashed.cloud_init),
            (false, CloudInit::Failed)
        );
        assert_eq!(setup(&[]), Setup::default());
    }

    #[test]
    fn whoever_is_at_work_is_named() {
        let seen = setup(&[
            (
                "package_locks",
                "812 /var/lib/dpkg/lock-frontend apt-get\n90 /var/lib/rpm/.rpm.lock \n",
            ),
            ("system_state", "stopping\n"),
            ("shutdown", ""),
        ]);
        assert_eq!(
            seen.account(),
            "apt-get (process 812), which holds /var/lib/dpkg/lock-frontend, a program (process 90), which holds \
             /var/lib/rpm/.rpm.lock, systemd, which shuts the machine down, a shutdown that is scheduled"
        );
        assert!(!seen.runs_cloud_init());
    }

    #[test]
    fn finds_the_process_that_holds_a_lock() {
        let directory = tempfile::tempdir().unwrap();
        let lock = directory.path().join("lock");
        std::fs::write(&lock, "").unwrap();
        let mut python = match std::process::Command::new("python3")
            .args(["-c", "import fcntl,sys,time\nf=open(sys.argv[1],'w')\nfcntl.lockf(f,fcntl.LOCK_EX)\nprint(1,flush=True)\nsys.stdin.read()"])
            .arg(&lock)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
        {
            Ok(python) => python,
            Err(_) => return,
        };
        std::io::Read::read_exact(python.stdout.as_mut().unwrap(), &mut [0; 1]).unwrap();
        let body = sections(Query::new())
            .script("t")
            .body
            .replace(LOCKS, lock.to_str().unwrap());
        let output = std::process::Command::new("sh")
            .args(["-c", &body])
            .output()
            .unwrap();
        let answers = Answers::parse(&String::from_utf8(output.stdout).unwrap()).unwrap();
        let seen = Setup::parse(&answers);
        let wanted = format!(
            "python3 (process {}), which holds {}",
            python.id(),
            lock.display()
        );
        python.kill().unwrap();
        python.wait().unwrap();
        assert!(seen.at_work.contains(&wanted), "{seen:?}, not {wanted}");
    }
}
