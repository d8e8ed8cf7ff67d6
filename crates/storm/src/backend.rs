//! Shell. The backend under the storm: a Vault-compatible KV v2 responder on loopback.
//!
//! It speaks what a controller needs of Vault's HTTP API and nothing more: AppRole login, look-up
//! and renewal of the token, KV v2 reads and metadata. It can push back, refuse and hang.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::load::Load;

pub mod state;

pub use state::{Mode, Reply, State, Tally};

/// Connections at once; a further one waits to be accepted.
const MAX_CONNECTIONS: usize = 1024;
/// Bytes of a request's body that are read: a login is far below.
const MAX_BODY: usize = 64 * 1024;

/// The running responder; it ends when dropped.
#[derive(Debug)]
pub struct Backend {
    shared: Arc<Shared>,
    address: SocketAddr,
    _accepting: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    origin: Instant,
    latency: Duration,
    /// Moves with every change of mode: hanging requests and refused connections hear of it.
    changes: watch::Sender<u64>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend {
    /// Binds to loopback and serves the load's keys; each answer takes `latency` longer.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start(load: Load, latency: Duration, origin: Instant) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(load)),
            origin,
            latency,
            changes: watch::Sender::new(0),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            shared,
            address,
            _accepting: accepting,
        })
    }

    /// Its address as a store names it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what it does; requests that hang are answered in the new way.
    pub fn set(&self, mode: Mode) {
        self.shared.state().set(mode);
        self.shared.changes.send_modify(|count| *count += 1);
    }

    /// Gives keys a new generation of their value; tells the generation of each.
    pub fn rotate(&self, keys: impl IntoIterator<Item = usize>) -> Vec<(usize, u32)> {
        let mut state = self.shared.state();
        keys.into_iter()
            .map(|key| (key, state.rotate(key)))
            .collect()
    }

    /// Counts so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.shared.state().tally().clone()
    }

    /// Calls and throttled answers of each second since the run began.
    #[must_use]
    pub fn seconds(&self) -> Vec<(u32, u32)> {
        self.shared.state().seconds().to_vec()
    }

    /// When a key's newest generation was first read, and how often since.
    #[must_use]
    pub fn read_since_rotation(&self, key: usize) -> (Option<Duration>, usize) {
        self.shared.state().read_since_rotation(key)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors for the moment, or the peer has gone.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            connection(stream, shared).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let mut changes = shared.changes.subscribe();
    if shared.state().mode() == Mode::Refuse {
        return;
    }
    let _unsupported = stream.set_nodelay(true);
    let served = Arc::clone(&shared);
    let service = service_fn(move |request| answer(Arc::clone(&served), request));
    let builder = Builder::new(TokioExecutor::new());
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    let refused = async {
        while changes.changed().await.is_ok() {
            if shared.state().mode() == Mode::Refuse {
                return;
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        _ended = serving => {}
        () = refused => {}
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    // The credentials of a made-up backend prove nothing: the body is only taken off the wire.
    let _drained = Limited::new(body, MAX_BODY).collect().await;
    let mut changes = shared.changes.subscribe();
    loop {
        let now = shared.origin.elapsed();
        let reply = shared
            .state()
            .call(parts.method.as_str(), parts.uri.path(), now);
        match reply {
            Reply::Never => {
                if changes.changed().await.is_err() {
                    return Ok(respond(503, state::errors("the backend ends")));
                }
            }
            Reply::Later(seconds) => {
                let mut response = respond(429, state::errors("rate limit exceeded"));
                let after = HeaderValue::from(seconds);
                response.headers_mut().insert(RETRY_AFTER, after);
                return Ok(response);
            }
            Reply::Answer(code, body) => {
                if !shared.latency.is_zero() {
                    tokio::time::sleep(shared.latency).await;
                }
                return Ok(respond(code, body));
            }
        }
    }
}

fn respond(code: u16, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
