//! Shell. A relay between API server and plugin that can hold a call until the key has rotated.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2 as client;
use hyper::server::conn::http2 as server;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tidegate_kms::proto::{EncryptResponse, StatusResponse};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::Instant;

/// How long before a rotation a held Status goes on: less than a probe lasts, more than it takes.
const SHORTLY: Duration = Duration::from_secs(4);

/// One answer that passed.
#[derive(Debug, Clone)]
pub struct Answer {
    pub connection: usize,
    pub method: &'static str,
    pub key_id: String,
    pub at: Instant,
}

/// The relay's state.
#[derive(Default)]
pub struct Probe {
    /// When the key rotates: Status waits until shortly before it, Encrypt until after it.
    rotates: Mutex<Option<SystemTime>>,
    answers: Mutex<Vec<Answer>>,
    connections: AtomicUsize,
}

/// An Encrypt and the Status before it.
#[derive(Debug, Clone)]
pub struct Pair {
    pub told: Answer,
    pub used: Answer,
}

impl Probe {
    /// Relays from `socket` to the plugin's.
    pub fn start(socket: &Path, plugin: PathBuf) -> Arc<Self> {
        let probe = Arc::new(Self::default());
        let listener = UnixListener::bind(socket).unwrap();
        let relay = Arc::clone(&probe);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&relay).connection(stream, plugin.clone()));
            }
        });
        probe
    }

    /// Holds calls around a rotation, or none.
    pub fn hold_around(&self, rotates: Option<SystemTime>) {
        *self.rotates.lock().unwrap() = rotates;
    }

    /// What has passed so far.
    pub fn answers(&self) -> Vec<Answer> {
        self.answers.lock().unwrap().clone()
    }

    /// The Encrypts since the answer `since`, each with the Status that its connection was told
    /// before.
    pub fn pairs(&self, since: usize) -> Vec<Pair> {
        let answers = self.answers().split_off(since);
        let mut told: HashMap<usize, Answer> = HashMap::new();
        let mut pairs = Vec::new();
        for answer in answers {
            if answer.method == "Status" {
                told.insert(answer.connection, answer);
            } else if answer.method == "Encrypt"
                && let Some(told) = told.remove(&answer.connection)
            {
                pairs.push(Pair { told, used: answer });
            }
        }
        pairs
    }

    /// One connection there for one here: what Status told one connection holds for it alone.
    async fn connection(self: Arc<Self>, stream: UnixStream, plugin: PathBuf) {
        let Ok(upstream) = UnixStream::connect(plugin).await else {
            return;
        };
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let io = TokioIo::new(upstream);
        let shaken = client::handshake(TokioExecutor::new(), io).await;
        let (sender, driver) = shaken.unwrap();
        tokio::spawn(driver);
        let serve = service_fn(move |request| {
            let (relay, sender) = (Arc::clone(&self), sender.clone());
            async move { Ok::<_, Infallible>(relay.forward(number, request, sender).await) }
        });
        // It ends with the API server's connection.
        let _ = server::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), serve)
            .await;
    }

    async fn forward(
        &self,
        connection: usize,
        request: Request<Incoming>,
        mut sender: client::SendRequest<Incoming>,
    ) -> Response<BoxBody<Bytes, Infallible>> {
        let method = match request.uri().path().rsplit('/').next() {
            Some("Status") => "Status",
            Some("Encrypt") => "Encrypt",
            _ => "Decrypt",
        };
        let rotates = *self.rotates.lock().unwrap();
        match (method, rotates) {
            ("Status", Some(at)) => wait_until(at - SHORTLY).await,
            // A second more, since a version is due when its second has begun.
            ("Encrypt", Some(at)) => wait_until(at + Duration::from_secs(1)).await,
            _ => {}
        }
        let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap();
        let (trailers, bytes) = (body.trailers().cloned(), body.to_bytes());
        if let Some(message) = bytes.get(5..) {
            let key_id = match method {
                "Status" => StatusResponse::decode(message).unwrap().key_id,
                "Encrypt" => EncryptResponse::decode(message).unwrap().key_id,
                _ => String::new(),
            };
            let at = Instant::now();
            let answer = Answer {
                connection,
                method,
                key_id,
                at,
            };
            self.answers.lock().unwrap().push(answer);
        }
        let body = Full::new(bytes).with_trailers(async move { trailers.map(Ok) });
        Response::from_parts(parts, body.boxed())
    }
}

pub async fn wait_until(at: SystemTime) {
    let left = at.duration_since(SystemTime::now()).unwrap_or_default();
    tokio::time::sleep(left).await;
}
