//! What a machine that was just made still does to itself: cloud-init, package managers, its first start.
use serde::Deserialize;

use super::{Answers, Query, query::SLOW_SECONDS};

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
/// Between the parts of an answer.
const CUT: &str = "----";
/// Units of cloud-init, old and new (24.3).
const UNITS: &str = "cloud-init-local.service cloud-init-network.service cloud-init.service \
                     cloud-config.service cloud-final.service cloud-init-main.service";

/// Adds the questions that [`Setup::parse`] needs. `cloud-init status` would take a second of Python.
pub fn sections(query: Query) -> Query {
    query
        .section_within(
            "cloud_init",
            format!(
                "cd /run/cloud-init && [ -e status.json ] || exit 0; cat status.json; echo; echo {CUT}; \
                 cat result.json; echo; echo {CUT}; systemctl is-active {UNITS}; :"
            ),
            SLOW_SECONDS,
        )
        // POSIX locks are listed with their process: number, kind, mode, access, process, device:inode.
        .section_within(
            "at_work",
            format!(
                "echo state $(systemctl is-system-running)\n\
                 [ ! -e /run/systemd/shutdown/scheduled ] || echo shutdown\n\
                 for f in {LOCKS}; do i=$(stat -c %i $f) || continue; while read -r _ _ _ _ p d _; do \
                 case $d in *:$i) echo \"lock $p $f $(cat /proc/$p/comm)\";; esac; done </proc/locks; done; :"
            ),
            SLOW_SECONDS,
        )
}

impl Setup {
    /// Reads the answers; what was not asked is not at work.
    pub fn parse(answers: &Answers) -> Self {
        let text = |key: &str| answers.text(key).unwrap_or_default();
        let (mut state, mut at_work) = ("", Vec::new());
        for line in text("at_work").lines() {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("state", word) => state = word,
                ("lock", rest) => at_work.extend(holder(rest)),
                ("shutdown", _) => at_work.push("a shutdown that is scheduled".to_owned()),
                _ => {}
            }
        }
        let starts = matches!(state, "starting" | "initializing");
        if starts {
            at_work.push("systemd, which still starts the machine".to_owned());
        } else if state == "stopping" {
            at_work.push("systemd, which shuts the machine down".to_owned());
        }
        Self {
            cloud_init: CloudInit::of(text("cloud_init"), starts),
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
    fn of(answer: &str, starts: bool) -> Self {
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
        let mut parts = answer.split(CUT).map(str::trim);
        let (status, result, units) = (parts.next(), parts.next(), parts.next());
        let (status, result) = (status.unwrap_or_default(), result.unwrap_or_default());
        let is_busy = units
            .unwrap_or_default()
            .lines()
            .any(|state| matches!(state, "activating" | "reloading"));
        if status.is_empty() {
            Self::Absent
        } else if !result.is_empty() {
            if read(result).errors.is_empty() {
                Self::Done
            } else {
                Self::Failed
            }
        } else if is_busy || starts {
            Self::Running(read(status).stage)
        } else {
            Self::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"v1": {"datasource": "DataSourceNoCloud", "init": {"errors": [], "finished": 1.0}, "stage": "modules-final"}}"#;

    fn setup(cloud_init: &str, at_work: &str) -> Setup {
        Setup::parse(&Answers::from_sections([
            ("cloud_init", 0, cloud_init),
            ("at_work", 0, at_work),
        ]))
    }

    fn cloud_init(result: &str, units: &str, state: &str) -> Setup {
        setup(&format!("{STATUS}\n----\n{result}\n----\n{units}"), state)
    }

    #[test]
    fn cloud_init_runs_until_its_result_is_there() {
        let running = cloud_init("", "active\nactivating\n", "state running\n");
        assert_eq!(running.account(), "cloud-init (stage modules-final)");
        assert!(running.runs_cloud_init() && running.is_under_way());
        let between = setup("{\n----\n\n----\nactive\ninactive\n", "state starting\n");
        assert_eq!(between.cloud_init, CloudInit::Running(None));
        for (result, ended) in [
            (r#"{"v1": {"datasource": "x", "errors": []}}"#, CloudInit::Done),
            (r#"{"v1": {"errors": ["('runcmd', …)"]}}"#, CloudInit::Failed),
        ] {
            let seen = cloud_init(result, "active\n", "state running\n");
            assert_eq!((seen.is_under_way(), seen.cloud_init), (false, ended));
        }
        let crashed = cloud_init("", "active\nfailed\n", "state degraded\n");
        assert_eq!(
            (crashed.is_under_way(), crashed.cloud_init),
            (false, CloudInit::Failed)
        );
        assert_eq!(setup("", ""), Setup::default());
    }

    #[test]
    fn whoever_is_at_work_is_named() {
        let seen = setup(
            "",
            "state stopping\nshutdown\nlock 812 /var/lib/dpkg/lock-frontend apt-get\nlock 90 /var/lib/rpm/.rpm.lock \n",
        );
        assert_eq!(
            seen.account(),
            "a shutdown that is scheduled, apt-get (process 812), which holds /var/lib/dpkg/lock-frontend, \
             a program (process 90), which holds /var/lib/rpm/.rpm.lock, systemd, which shuts the machine down"
        );
        assert!(!seen.runs_cloud_init());
    }

    #[test]
    fn finds_the_process_that_holds_a_lock() {
        let directory = tempfile::tempdir().unwrap();
        let lock = directory.path().join("lock");
        let file = std::fs::File::create(&lock).unwrap();
        file.lock().unwrap();
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
            " (process {}), which holds {}",
            std::process::id(),
            lock.display()
        );
        assert!(
            seen.at_work.iter().any(|work| work.ends_with(&wanted)),
            "{seen:?}, not {wanted}"
        );
    }
}
