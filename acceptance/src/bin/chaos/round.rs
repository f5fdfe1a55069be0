//! One round: an operation under a fault, then what a person would do (apply again), then a look at everything.
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use acceptance::api_probe::ApiProbe;
use acceptance::hosts::Hosts;
use acceptance::lab::operations;
use acceptance::outages::Outages;
use acceptance::recorder::{Recorder, Recording};
use acceptance::running_cluster::RunningCluster;
use acceptance::secrets::Secrets;
use acceptance::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::evidence::{self, Diary};
use super::plan::Round;
use super::probe::etcd::EtcdProbe;
use super::probe::quorum::{Blame, Verdict, judge};
use super::probe::workload::{self, WorkloadProbe};
use super::shape::{Pool, Shape};
use super::under_fault::{run_under_fault, wait};
use super::verify::{self, Places};

/// Applies after which a round must have converged.
const MOST_APPLIES: usize = 3;

/// The lab, and what is on it.
#[derive(Debug)]
pub(crate) struct Stage {
    hosts: Hosts,
    pool: Pool,
    provider: PathBuf,
    work: PathBuf,
    workspace: Option<Workspace>,
    /// The cluster that is there, if any; unknown after a failure.
    current: Known,
    secrets: Secrets,
}

#[derive(Debug, PartialEq)]
enum Known {
    Unknown,
    Cluster(Box<Option<Shape>>),
}

/// What became of a round.
#[derive(Debug)]
pub(crate) struct Report {
    /// What became of the operation itself.
    pub(crate) outcome: String,
    /// Whether the fault struck before the operation was over.
    pub(crate) struck: bool,
    /// How many applies followed until the plan was empty and everything as configured; or why not.
    pub(crate) converged: Result<usize>,
    pub(crate) api: Option<Outages>,
    pub(crate) quorum: Verdict,
    pub(crate) workload: Option<Outages>,
    pub(crate) secrets: Result<()>,
    pub(crate) took: Duration,
    /// Where a failed round's logs are.
    pub(crate) folder: PathBuf,
}

impl Report {
    pub(crate) fn is_good(&self) -> bool {
        self.converged.is_ok() && self.secrets.is_ok() && !matches!(self.quorum, Verdict::LostToTerraform(_))
    }
}

impl Stage {
    pub(crate) fn new(provider: &Path, work: &Path) -> Result<Self> {
        let pool = Pool::new()?;
        Ok(Self {
            hosts: Hosts::up(&pool.all())?,
            pool,
            provider: provider.to_owned(),
            work: work.to_owned(),
            workspace: None,
            current: Known::Cluster(Box::new(None)),
            secrets: Secrets::default(),
        })
    }

    /// Where the round's logs go.
    pub(crate) fn folder(&self, round: &Round) -> PathBuf {
        self.work.join(format!("round-{:02}", round.number))
    }

    /// Plays a round to its end. An error is the harness's own; what the round shows is in the report.
    pub(crate) fn play(&mut self, round: &Round) -> Result<Report> {
        let start = Instant::now();
        let folder = self.folder(round);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let mut diary = Diary::start(&folder)?;
        diary.note(&format!(
            "{}, under {}, at {}",
            round.operation, round.fault, round.moment
        ))?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let before = std::mem::replace(&mut self.current, Known::Unknown);
        self.prepare(round, &before)
            .context("there is no cluster to begin with")?;
        let mut report = self.perform(round, &folder, &format!("@{since}"), &mut diary)?;
        report.took = start.elapsed();
        if report.is_good() {
            self.current = Known::Cluster(Box::new(round.end()));
            fs::rename(folder.join(evidence::DIARY), folder.with_extension("log"))?;
            fs::remove_dir_all(&folder)?;
        } else {
            evidence::keep(&self.hosts, &folder, self.workspace.as_ref(), since)?;
        }
        Ok(report)
    }

    /// Makes the cluster that the round begins with, unless it is there.
    fn prepare(&mut self, round: &Round, before: &Known) -> Result<()> {
        let wanted = Known::Cluster(Box::new(round.start.clone()));
        let fits = *before == wanted;
        if !fits && *before != Known::Cluster(Box::new(None)) {
            operations::reset(&self.hosts.cache)?;
        }
        let begins = match (&round.start, round.end()) {
            (Some(shape), _) => shape.clone(),
            (None, Some(shape)) => shape,
            (None, None) => return Ok(()),
        };
        if !fits || round.start.is_none() {
            let mut workspace = Workspace::at(
                &self.work.join("cluster"),
                &self.provider,
                &self.hosts,
                begins.form.example(),
            )?;
            begins.form.extend(&workspace)?;
            begins.configure(&mut workspace)?;
            if round.start.is_some() {
                workspace.apply(&[])?.expect(0)?;
            }
            self.workspace = Some(workspace);
        }
        if let (Some(shape), Some(via)) = (&round.start, begins.masters.first()) {
            ensure!(!shape.masters.is_empty(), "a cluster without masters");
            let via = via.to_string();
            workload::deploy(&RunningCluster {
                hosts: &self.hosts,
                via: &via,
            })?;
        }
        Ok(())
    }

    fn perform(&mut self, round: &Round, folder: &Path, since: &str, diary: &mut Diary) -> Result<Report> {
        let mut workspace = self.workspace.take().context("no workspace")?;
        let end = round.end();
        if let Some(shape) = &end {
            shape.configure(&mut workspace)?;
        }
        folder.clone_into(&mut workspace.logs);
        workspace.set("progress_log", json!(folder.join("progress.jsonl")))?;

        let recorder = Recorder::start(&self.hosts);
        let (api, etcd) = (
            ApiProbe::start()?,
            EtcdProbe::start(&self.hosts, &self.pool.masters),
        );
        let pods = WorkloadProbe::start(&self.hosts.names);
        let performed = run_under_fault(&self.hosts, round, &mut workspace, folder, diary)?;
        diary.note(&format!("the operation ended: {}", performed.first))?;
        let converged = verify::converge(
            &mut workspace,
            end.is_none(),
            MOST_APPLIES,
            |workspace, arguments| {
                let finished = wait(workspace.spawn(arguments)?)?;
                let verb = arguments.first().copied().unwrap_or_default();
                diary.note(&format!("{verb}: {finished}"))?;
                if finished.ended.code != Some(0) {
                    diary.note(&finished.ended.last_lines())?;
                }
                Ok(finished.ended.code)
            },
        );
        let converged = converged.and_then(|applies| {
            verify::assert_exact(&self.hosts, end.as_ref())?;
            verify::assert_no_provider(&workspace.folder)?;
            Ok(applies)
        });
        let blame = performed.struck.and_then(|(from, until)| {
            Some(Blame {
                member: round.fault.endangers()?.to_string(),
                from,
                until: Some(until),
            })
        });
        let quorum = judge(&etcd.stop()?, blame.as_ref());
        let (api, workload) = (api.stop()?, pods.stop()?);
        for (what, outages) in [("API", &api), ("workload", &workload)] {
            let told = outages.as_ref().map(|outages| outages.tell(diary.start));
            diary.note(&format!(
                "{what} out: {}",
                told.unwrap_or_else(|| "never there".into())
            ))?;
        }
        let recording: Recording = recorder.stop()?;
        let places = Places {
            hosts: &self.hosts,
            workspace: &workspace,
            round: folder,
            recording: &recording,
            since,
        };
        // Of a cluster that is not whole nobody can ask all hosts.
        let whole = converged.as_ref().ok().and(end.as_ref());
        let secrets = verify::assert_no_secrets(&mut self.secrets, &places, whole);
        if let Err(error) = &converged {
            diary.note(&format!("not converged: {error:#}"))?;
        }
        if let Err(error) = &secrets {
            diary.note(&format!("secrets: {error:#}"))?;
        }
        diary.note(&format!("quorum: {quorum:?}"))?;
        self.workspace = Some(workspace);
        // Without a cluster at the end, being out is what was asked for.
        let lives_on = end.is_some();
        Ok(Report {
            outcome: performed.first.to_string(),
            struck: performed.struck.is_some(),
            converged,
            api: api.filter(|_| lives_on),
            quorum: if lives_on { quorum } else { Verdict::Absent },
            workload: workload.filter(|_| lives_on),
            secrets,
            took: Duration::ZERO,
            folder: folder.to_owned(),
        })
    }
}
