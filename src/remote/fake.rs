//! A host in memory, for tests of everything above this layer.
use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{Host, Transport, TransportError};
use crate::command::{Output, Script};

/// A host whose scripts are answered by closures, by title. Clones are the same host.
#[derive(Clone)]
pub struct FakeHost {
    inner: Arc<Mutex<Inner>>,
    name: Arc<str>,
}

/// What a fake host remembers between scripts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FakeState {
    /// Contents by path.
    pub files: BTreeMap<String, String>,
    /// Whatever else a test wants to remember.
    pub flags: BTreeMap<String, String>,
}

type Handler = Box<dyn FnMut(&mut FakeState, &Script) -> Output + Send>;

#[derive(Default)]
struct Inner {
    state: FakeState,
    handlers: HashMap<String, Handler>,
    failures: HashMap<String, Vec<TransportError>>,
    log: Vec<String>,
    unreachable: bool,
}

impl FakeHost {
    /// A host that knows no script but the one of `wait_until_reachable`.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        let host = Self {
            inner: Arc::default(),
            name: name.into(),
        };
        host.on(Host::REACH, |_, _| Output::default())
    }

    /// Answers scripts of this title; the last handler given for a title counts.
    #[must_use]
    pub fn on(
        self,
        title: impl Into<String>,
        handler: impl FnMut(&mut FakeState, &Script) -> Output + Send + 'static,
    ) -> Self {
        self.inner().handlers.insert(title.into(), Box::new(handler));
        self
    }

    /// Lets the next script of this title fail before it runs. Several calls queue up.
    pub fn fail_next(&self, title: impl Into<String>, error: TransportError) {
        self.inner().failures.entry(title.into()).or_default().push(error);
    }

    /// Whether no script reaches the host.
    pub fn unreachable(&self, unreachable: bool) {
        self.inner().unreachable = unreachable;
    }

    /// Titles of the scripts that reached the host, also of those told to fail, in order.
    pub fn log(&self) -> Vec<String> {
        self.inner().log.clone()
    }

    /// Reads or changes what the host remembers.
    pub fn with_state<T>(&self, change: impl FnOnce(&mut FakeState) -> T) -> T {
        change(&mut self.inner().state)
    }

    /// This host as the layers above see it.
    pub fn host(&self) -> Host {
        Host::new(Arc::clone(&self.name), Arc::new(self.clone()))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for FakeHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FakeHost").field(&self.name).finish()
    }
}

#[async_trait]
impl Transport for FakeHost {
    async fn run(&self, script: &Script) -> Result<Output, TransportError> {
        let mut inner = self.inner();
        if inner.unreachable {
            return Err(TransportError::Unreachable {
                hop: self.name.to_string(),
                port: 22,
                reason: "Connection timed out".to_owned(),
            });
        }
        inner.log.push(script.title.to_owned());
        let Inner {
            state,
            handlers,
            failures,
            ..
        } = &mut *inner;
        if let Some(queue) = failures.get_mut(script.title)
            && !queue.is_empty()
        {
            return Err(queue.remove(0));
        }
        Ok(match handlers.get_mut(script.title) {
            Some(handler) => handler(state, script),
            None => Output {
                status: 127,
                stdout: String::new(),
                stderr: format!("{}: the fake host has no answer to {:?}", self.name, script.title),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fake_host_remembers_files_between_scripts() {
        let fake = FakeHost::new("m1")
            .on("write", |state, script| {
                state.files.insert("/x".to_owned(), script.body.clone());
                Output::default()
            })
            .on("read", |state, _| Output {
                stdout: state.files["/x"].clone(),
                ..Output::default()
            });
        let host = fake.host();
        host.run_ok(&Script::new("write", "hello")).await.unwrap();
        assert_eq!(host.run_ok(&Script::new("read", "")).await.unwrap(), "hello");
        assert_eq!(host.run(&Script::new("?", "")).await.unwrap().status, 127);
        assert_eq!(fake.log(), ["write", "read", "?"]);
    }

    #[tokio::test]
    async fn a_fake_host_fails_when_told() {
        let fake = FakeHost::new("m1").on("x", |_, _| Output::default());
        fake.fail_next("x", TransportError::Disconnected { title: "x" });
        let script = Script::new("x", "");
        assert!(fake.host().run(&script).await.unwrap_err().is_transient());
        assert!(fake.host().run(&script).await.is_ok());
        fake.unreachable(true);
        assert!(fake.host().run(&script).await.unwrap_err().is_unreachable());
    }
}
