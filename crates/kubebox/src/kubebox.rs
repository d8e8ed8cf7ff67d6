//! Shell. The handle: requests in, answers out, with the faults that were ordered in between.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WARNING};
use http::{HeaderValue, Response, StatusCode};
use jiff::Timestamp;

use crate::bell::{Bell, Ear};
use crate::body::{Body, Reset};
use crate::clock::Clock;
use crate::engine::{
    Answer, ApiError, Engine, Ids, Polled, Reply, Request, Settings, TableId, WatchPlan,
};
use crate::fault::{FaultRule, Faults, Strike};
use crate::options::Options;
use crate::record::{Log, RequestRecord};
use crate::stream::WatchStream;

/// An in-memory Kubernetes API. Clones share one state.
///
/// It is a [`tower::Service`] for HTTP requests with any body, so that
/// `kube::Client::new(kubebox, "default")` works without a network, and it can be bound to
/// loopback by [`Kubebox::serve`].
#[derive(Clone)]
pub struct Kubebox(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    faults: Mutex<Faults>,
    log: Mutex<Log>,
    clock: Arc<dyn Clock>,
    hangup: Bell,
}

struct State {
    engine: Engine,
    /// Wakes the watches of a table and namespace (all namespaces, when empty).
    wakes: HashMap<(TableId, Box<str>), Bell>,
}

impl fmt::Debug for Kubebox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubebox").finish_non_exhaustive()
    }
}

impl Default for Kubebox {
    fn default() -> Self {
        Self::new(Options::default())
    }
}

/// A poisoned lock means that another test thread panicked; the state itself is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Kubebox {
    /// Makes a fresh cluster: four namespaces, and nothing in them but service accounts.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let mut keys = Ids::new(options.seed ^ 0x7e57_0000_0000_0000);
        let derived = || {
            let mut key = [0u8; 32];
            for part in key.chunks_mut(8) {
                part.copy_from_slice(&keys.next().to_le_bytes());
            }
            key
        };
        let settings = Settings {
            seed: options.seed,
            history: options.history,
            controllers: options.controllers,
            token_key: options.token_key.unwrap_or_else(derived),
        };
        let engine = Engine::new(settings, options.clock.now());
        Self(Arc::new(Inner {
            state: Mutex::new(State {
                engine,
                wakes: HashMap::new(),
            }),
            faults: Mutex::new(Faults::new(options.seed)),
            log: Mutex::new(Log::new(options.request_log)),
            clock: options.clock,
            hangup: Bell::default(),
        }))
    }

    /// Adds a fault rule.
    pub fn inject(&self, rule: FaultRule) {
        lock(&self.0.faults).add(rule);
    }

    /// Removes every fault rule.
    pub fn clear_faults(&self) {
        lock(&self.0.faults).clear();
    }

    /// How often each fault rule has struck, in the order they were added.
    #[must_use]
    pub fn faults_struck(&self) -> Vec<u64> {
        lock(&self.0.faults).struck()
    }

    /// Breaks every watch that is open now.
    pub fn drop_watches(&self) {
        self.0.hangup.ring();
    }

    /// Forgets all history, as etcd's compaction does: watches and pages from before get 410.
    pub fn compact(&self) {
        let mut state = lock(&self.0.state);
        let version = state.engine.store.version();
        state.engine.store.compact(version);
    }

    /// The newest resourceVersion.
    #[must_use]
    pub fn resource_version(&self) -> u64 {
        lock(&self.0.state).engine.store.version()
    }

    /// The requests so far, oldest first; watches appear when they start.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        lock(&self.0.log).all()
    }

    /// Takes the requests since the last call, oldest first; none is counted twice or lost.
    #[must_use]
    pub fn take_requests(&self) -> Vec<RequestRecord> {
        lock(&self.0.log).take()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        lock(&self.0.log).clear();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn hangups(&self) -> Ear {
        self.0.hangup.listen()
    }

    /// Answers one request, after the faults that strike it.
    pub(crate) async fn answer(&self, request: Request) -> Result<Response<Body>, Reset> {
        let mut record = RequestRecord::new(&request, self.now());
        let mut strike = lock(&self.0.faults).strike(&record);
        record.faulted = strike.any();
        if !strike.latency.is_zero() {
            tokio::time::sleep(strike.latency).await;
        }
        let result = if strike.reset {
            Err(Reset)
        } else {
            let reply = match strike.error.take() {
                Some(error) => Reply::Done(error.into()),
                None => self.handle(&request),
            };
            if strike.lose_answer {
                Err(Reset)
            } else {
                Ok(self.render(reply, &strike))
            }
        };
        record.code = result.as_ref().ok().map(|r| r.status().as_u16());
        lock(&self.0.log).push(record);
        result
    }

    fn handle(&self, request: &Request) -> Reply {
        let now = self.now();
        let mut state = lock(&self.0.state);
        let reply = state.engine.handle(request, now);
        let touched = state.engine.store.take_touched();
        let mut wake = Vec::new();
        for (table, namespace) in touched {
            for scope in [namespace, Box::default()] {
                wake.extend(state.wakes.get(&(table, scope)).cloned());
            }
        }
        drop(state);
        for bell in wake {
            bell.ring();
        }
        reply
    }

    fn render(&self, reply: Reply, strike: &Strike) -> Response<Body> {
        match reply {
            Reply::Done(answer) => respond(answer),
            Reply::Watch(plan) => {
                let stream = WatchStream::new(self.clone(), *plan, strike);
                let mut response = Response::new(Body::stream(stream.into_chunks()));
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(CONTENT_TYPE, json);
                response
            }
        }
    }

    /// Hears of every change a watch may care about.
    pub(crate) fn subscribe(&self, plan: &WatchPlan) -> Ear {
        let mut state = lock(&self.0.state);
        // Bells whose last watch has ended go when the next one begins.
        if state.wakes.len() > 1024 {
            state.wakes.retain(|_, bell| bell.is_heard());
        }
        let key = (plan.table, plan.namespace().into());
        state.wakes.entry(key).or_default().listen()
    }

    pub(crate) fn poll_watch(&self, plan: &mut WatchPlan) -> Polled {
        let now = self.now();
        lock(&self.0.state).engine.poll(plan, now)
    }

    pub(crate) fn bookmark(&self, plan: &mut WatchPlan) -> Bytes {
        let now = self.now();
        lock(&self.0.state).engine.bookmark(plan, now)
    }

    /// The answer to a request without the right token.
    pub(crate) fn unauthorized() -> Response<Body> {
        respond(ApiError::unauthorized().into())
    }

    /// The answer to a body that is larger than any request may be.
    pub(crate) fn body_too_large() -> Response<Body> {
        respond(ApiError::too_large(crate::engine::MAX_BODY).into())
    }
}

fn respond(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::whole(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.media));
    if let Some(seconds) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    for text in answer.warnings {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            headers.append(WARNING, value);
        }
    }
    response
}
