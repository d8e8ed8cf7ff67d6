//! Shell. Nodes as kubelets are: one watch for each Secret that their pods mount.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::Client;
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::board::Board;
use crate::follow::{Change, Source, follow};
use crate::load::Load;
use crate::store::Store;
use crate::target::{Target, TargetError};

/// Streams on one connection: API servers allow 100, and some requests come beside the watches.
const STREAMS: usize = 80;
/// Nodes that start within the same moment; a thousand at once is a mass restart, not a start.
const AT_ONCE: usize = 50;

/// The board and the run's clock, shared by all watchers.
#[derive(Debug, Clone)]
pub struct Watchers {
    /// What they write on.
    pub board: Arc<Mutex<Board>>,
    /// When the run began.
    pub origin: Instant,
}

impl Watchers {
    /// Writes on the board.
    pub fn note(&self, write: impl FnOnce(&mut Board, Duration)) {
        let now = self.origin.elapsed();
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut board, now);
    }

    /// Reads from the board.
    pub fn read<T>(&self, read: impl FnOnce(&Board) -> T) -> T {
        read(&self.board.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A Secret as a node or the witness reads it: whose it is, and one value.
#[derive(Debug, Deserialize)]
pub struct SeenSecret {
    /// Name and namespace.
    pub metadata: SeenMeta,
    #[serde(default)]
    data: SeenData,
}

/// Name and namespace.
#[derive(Debug, Deserialize)]
pub struct SeenMeta {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
}

#[derive(Debug, Default, Deserialize)]
struct SeenData {
    #[serde(default)]
    one: String,
}

impl SeenSecret {
    /// The generation of the value; 0 when it has none. Values of a backend that is not ours do
    /// not tell: they count as of the first.
    #[must_use]
    pub fn generation(&self, values: &Store) -> u32 {
        if !values.is_ours() {
            return u32::from(!self.data.one.is_empty());
        }
        let value = STANDARD.decode(&self.data.one).unwrap_or_default();
        Load::generation(&value).unwrap_or(0)
    }
}

/// Running nodes; they end when dropped.
pub struct Nodes {
    tasks: JoinSet<()>,
    drop_watches: CancellationToken,
    load: Load,
    clients: Vec<Client>,
    watchers: Watchers,
    values: Arc<Store>,
}

impl Nodes {
    /// Starts the load's nodes; each has connections of its own.
    ///
    /// # Errors
    /// When the credentials of the API server cannot be used.
    pub async fn start(
        load: &Load,
        target: &Target,
        watchers: Watchers,
    ) -> Result<Self, TargetError> {
        let links = load.mounts.div_ceil(STREAMS).max(1);
        let mut clients = Vec::with_capacity(load.nodes * links);
        for _ in 0..load.nodes * links {
            clients.push(target.admin()?);
        }
        let mut nodes = Self {
            tasks: JoinSet::new(),
            drop_watches: CancellationToken::new(),
            load: load.clone(),
            clients,
            watchers,
            values: Arc::new(load.values.clone()),
        };
        for node in 0..load.nodes {
            nodes.spawn(node);
            if node % AT_ONCE == AT_ONCE - 1 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(nodes)
    }

    /// Drops every watch and reads every mounted Secret again, all at once.
    pub fn restart_all(&mut self) {
        self.drop_watches.cancel();
        self.drop_watches = CancellationToken::new();
        for node in 0..self.load.nodes {
            self.spawn(node);
        }
    }

    fn spawn(&mut self, node: usize) {
        while self.tasks.try_join_next().is_some() {}
        let links = self.load.mounts.div_ceil(STREAMS).max(1);
        for (slot, object) in self.load.mounted(node).enumerate() {
            let Some(client) = self.clients.get(node * links + slot / STREAMS).cloned() else {
                continue;
            };
            let place = self.load.place(object);
            let source = Source {
                path: format!("/api/v1/namespaces/{}/secrets", place.namespace),
                selector: format!("fieldSelector=metadata.name%3D{}", place.name),
            };
            let (watchers, stop) = (self.watchers.clone(), self.drop_watches.clone());
            let values = Arc::clone(&self.values);
            self.tasks.spawn(async move {
                let note = |change: Change<SeenSecret>| {
                    if let Change::Is(secret) = change {
                        let generation = secret.generation(&values);
                        watchers.note(|board, now| board.mounted(node, slot, generation, now));
                    }
                };
                tokio::select! {
                    () = follow(&client, &source, node, note) => {}
                    () = stop.cancelled() => {}
                }
            });
        }
    }
}
