//! Shell. What a [`Context`](super::Context) is put together from.

use std::sync::{Arc, RwLock};

use kube::Client;
use tidegate_fetch::{Fetch, Sessions};
use tidegate_stages::Config;

use super::Settings;
use crate::clock::Clock;
use crate::controller::world::World;
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::patch::Patcher;
use crate::registry::Fakes;
use crate::report::Reporter;

/// The parts of a [`Context`](super::Context) that others make.
pub struct Parts {
    /// The API server.
    pub client: Client,
    /// The time.
    pub clock: Clock,
    /// Settings of the shell.
    pub settings: Settings,
    /// Settings of decisions.
    pub config: Arc<Config>,
    /// What the watches have shown.
    pub world: Arc<RwLock<World>>,
    /// Calls to backends.
    pub fetch: Fetch,
    /// Logins.
    pub sessions: Sessions,
    /// Writes Secrets.
    pub patcher: Patcher,
    /// Writes statuses and events.
    pub reporter: Reporter,
    /// Counters.
    pub metrics: Metrics,
    /// Who makes the backends of `fake` stores.
    pub fakes: Fakes,
    /// Draws what templates draw.
    pub entropy: Entropy,
    /// Seeds jitter.
    pub seed: u64,
}
