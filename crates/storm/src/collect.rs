//! Shell. The collector: looks at everything once a second and writes it down.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kubebox::Kubebox;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::backend::Backend;
use crate::ledger::{Counts, Ledger, Request};
use crate::nodes::Watchers;
use crate::options::Options;
use crate::probe::Probe;
use crate::process::{Followed, Server, Usage, usage};
use crate::report::Second;

/// Seconds that are kept: a day and a half.
const MAX_SECONDS: usize = 130_000;

/// Where the controller's requests are learned from.
#[derive(Debug)]
pub enum Requests {
    /// The embedded API remembers them.
    Kubebox(Kubebox),
    /// The API server's audit log.
    Audit(AuditTail),
    /// Nowhere: the report has none.
    Unknown,
}

/// The end of an audit log.
#[derive(Debug)]
pub struct AuditTail {
    path: PathBuf,
    file: File,
    rest: Vec<u8>,
}

impl AuditTail {
    /// Starts at the present end of the file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            rest: Vec::new(),
        })
    }

    fn read(&mut self, ledger: &mut Ledger) {
        if self.file.read_to_end(&mut self.rest).is_err() {
            return;
        }
        let end = self.rest.iter().rposition(|byte| *byte == b'\n');
        let whole: Vec<u8> = self.rest.drain(..end.map_or(0, |end| end + 1)).collect();
        for line in whole
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            ledger.audit(line);
        }
        self.follow_rotation();
    }

    /// A log that became shorter is another file under the same name.
    fn follow_rotation(&mut self) {
        use std::os::unix::fs::MetadataExt;
        let (Ok(ours), Ok(named)) = (self.file.metadata(), std::fs::metadata(&self.path)) else {
            return;
        };
        if ours.ino() != named.ino()
            && let Ok(file) = File::open(&self.path)
        {
            self.file = file;
            self.rest.clear();
        }
    }
}

/// The running collector; it ends when dropped.
#[derive(Debug)]
pub struct Collector {
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    watchers: Watchers,
    backend: Arc<Backend>,
    probe: Arc<Probe>,
}

#[derive(Debug)]
struct State {
    requests: Requests,
    ledger: Ledger,
    seconds: Vec<Second>,
    controller: Option<Followed>,
    servers: Vec<(Server, Followed)>,
    probed: usize,
}

impl Collector {
    /// Starts looking.
    #[must_use]
    pub fn start(
        requests: Requests,
        options: &Options,
        watchers: Watchers,
        backend: Arc<Backend>,
        probe: Arc<Probe>,
    ) -> Self {
        let own = (Server::Storm, std::process::id());
        let servers = options.servers.iter().copied().chain([own]);
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                requests,
                ledger: Ledger::new(options.audit_user.clone()),
                seconds: Vec::new(),
                controller: None,
                servers: servers
                    .map(|(name, pid)| (name, Followed::new(pid)))
                    .collect(),
                probed: probe.mark(),
            }),
            watchers,
            backend,
            probe,
        });
        let mut task = JoinSet::new();
        let at = Arc::clone(&shared);
        task.spawn(async move {
            let mut ticks = interval(Duration::from_secs(1));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                at.look();
            }
        });
        Self {
            shared,
            _task: task,
        }
    }

    /// The process whose usage is noted from now on.
    pub fn follow_process(&self, pid: Option<u32>) {
        self.shared.state().controller = pid.map(Followed::new);
    }

    /// Whether requests are known at all.
    #[must_use]
    pub fn knows_requests(&self) -> bool {
        !matches!(self.shared.state().requests, Requests::Unknown)
    }

    /// Sums of the controller's requests up to now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut state = self.shared.state();
        state.read_requests();
        state.ledger.counts().clone()
    }

    /// From now on, writes into these namespaces come too late.
    pub fn deleted(&self, namespaces: Vec<String>) {
        let mut state = self.shared.state();
        state.read_requests();
        state.ledger.deleted(namespaces);
    }

    /// What the controller's process has used; `None` when it is not known.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        usage(self.shared.state().controller.as_ref()?.pid())
    }

    /// What the other processes have used.
    #[must_use]
    pub fn servers(&self) -> BTreeMap<Server, Usage> {
        let state = self.shared.state();
        let used = |(name, it): &(Server, Followed)| Some((*name, usage(it.pid())?));
        state.servers.iter().filter_map(used).collect()
    }

    /// The newest second.
    #[must_use]
    pub fn newest(&self) -> Option<Second> {
        self.shared.state().seconds.last().cloned()
    }

    /// Everything written down.
    #[must_use]
    pub fn seconds(&self) -> Vec<Second> {
        self.shared.state().seconds.clone()
    }
}

impl State {
    fn read_requests(&mut self) {
        match &mut self.requests {
            Requests::Kubebox(kubebox) => {
                for record in kubebox.take_requests() {
                    // Documents such as /version have a path instead of a resource.
                    let document = record.resource.starts_with('/');
                    self.ledger.count(&Request {
                        verb: record.verb.name(),
                        resource: if document { "" } else { &record.resource },
                        subresource: &record.subresource,
                        namespace: &record.namespace,
                        agent: &record.user_agent,
                        code: record.code.unwrap_or(0),
                    });
                }
            }
            Requests::Audit(tail) => tail.read(&mut self.ledger),
            Requests::Unknown => {}
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) {
        let at = self.watchers.origin.elapsed();
        let (secrets, ready, mounts) = self.watchers.read(crate::board::Board::standing);
        // The second that has just ended.
        let ended = usize::try_from(at.as_secs()).unwrap_or(0).checked_sub(1);
        let calls = self.backend.seconds();
        let (backend, throttled) = ended
            .and_then(|second| calls.get(second).copied())
            .unwrap_or_default();
        let mut state = self.state();
        state.read_requests();
        let latencies = self.probe.since(state.probed);
        state.probed += latencies.len();
        let strain = state.controller.as_mut().and_then(|it| it.look(at));
        let servers = state.servers.iter_mut();
        let servers = servers.filter_map(|(name, it)| Some((*name, it.look(at)?)));
        let servers = servers.collect();
        let second = Second {
            at: at.as_secs_f64(),
            secrets,
            ready,
            mounts,
            requests: state.ledger.take_second(),
            backend,
            throttled,
            cpu: strain.and_then(|it| it.cpu),
            memory: strain.map(|it| it.memory),
            servers,
            latency: latencies.percentile(0.5),
            slowest: latencies.percentile(1.0),
        };
        if state.seconds.len() < MAX_SECONDS {
            state.seconds.push(second);
        }
    }
}
