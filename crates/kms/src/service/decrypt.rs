//! Shell. `Decrypt`: from memory, with others who ask the same, or from the key service.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tidegate_contract::{SecretValue, WrapFault};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Flight, KeyService};
use crate::envelope::{self, Annotations, Purpose};
use crate::foreign::{self, Stored};
use crate::refusal::Refusal;

/// What is stored, owned, so that it outlives the caller.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// The wrapped seed.
    pub ciphertext: Vec<u8>,
    /// The key it was wrapped with.
    pub key_id: String,
    /// What is stored beside it.
    pub annotations: Annotations,
}

impl KeyService {
    /// `Decrypt`: opens what this or another plugin stored.
    ///
    /// # Errors
    /// What the key service says, that the form is unknown, or that there is no answer until
    /// `end`.
    pub async fn decrypt(
        self: &Arc<Self>,
        stored: Envelope,
        end: Duration,
    ) -> Result<SecretValue, Refusal> {
        let digest = envelope::digest(&stored.key_id, &stored.ciphertext, &stored.annotations);
        if let Some(seed) = self.kept(&digest) {
            return Ok(seed);
        }
        let mut flight = self.join(digest, stored)?;
        let left = end.saturating_sub(self.clock.now());
        match timeout(left, flight.wait_for(Option::is_some)).await {
            Err(_) => Err(Refusal::Deadline),
            Ok(Ok(outcome)) => outcome.clone().unwrap_or(Err(Refusal::Deadline)),
            Ok(Err(_)) => Err(gone()),
        }
    }

    fn kept(&self, digest: &[u8; 32]) -> Option<SecretValue> {
        let now = self.clock.now();
        let mut state = self.state();
        if !state.contact.may_use_kept(now) {
            return None;
        }
        let copy = state.kept.get(digest, now)?.copy();
        drop(state);
        self.metrics.answered_from_memory(&self.options.name);
        Some(SecretValue::new(copy.to_vec()))
    }

    /// Joins whoever asks for the same, or begins a flight of its own; the flight goes on when its
    /// callers are gone, for the next one will ask again.
    fn join(self: &Arc<Self>, digest: [u8; 32], stored: Envelope) -> Result<Flight, Refusal> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&digest) {
            self.metrics.joined(&self.options.name);
            return Ok(flight.clone());
        }
        if flights.len() >= self.options.concurrency * WAITING {
            return Err(Refusal::Busy);
        }
        let (tell, flight) = watch::channel(None);
        flights.insert(digest, flight.clone());
        let service = Arc::clone(self);
        #[allow(
            clippy::disallowed_methods,
            reason = "it outlives whoever asked first, is counted in `flights` and ends by its budget"
        )]
        let _detached = tokio::spawn(async move {
            let leave = Leave(&service, digest);
            let outcome = service.open(digest, &stored).await;
            drop(leave);
            let _nobody_waits = tell.send(Some(outcome));
        });
        Ok(flight)
    }

    async fn open(
        self: &Arc<Self>,
        digest: [u8; 32],
        stored: &Envelope,
    ) -> Result<SecretValue, Refusal> {
        let end = self.end(None);
        let era = self.state().era;
        let form = foreign::recognise(&stored.key_id, &stored.ciphertext, &stored.annotations)
            .map_err(Refusal::invalid)?;
        if form.kind() != self.identity.kind {
            return Err(Refusal::invalid(format!(
                "it was wrapped by a key service of the kind {:?}, and this is {:?}",
                form.kind(),
                self.identity.kind
            )));
        }
        let (version, seed) = match form {
            Stored::Ours {
                version,
                local_key: Some(wrapped),
                wrapped: sealed,
                ..
            } => {
                let opened =
                    self.open_under_local_key(version, &stored.key_id, wrapped, sealed, end);
                (version.to_owned(), opened.await?)
            }
            Stored::Ours {
                version, wrapped, ..
            } => {
                let context = envelope::context(Purpose::Seed, &stored.key_id);
                let opened = self.unwrap(version, wrapped.to_vec(), context, end).await?;
                (version.to_owned(), opened)
            }
            Stored::Transit { text, version } => {
                let wrapped = text.as_bytes().to_vec();
                let opened = self.unwrap(version, wrapped, Vec::new(), end).await?;
                (version.to_owned(), opened)
            }
            Stored::Aws { blob } => {
                let opened = self.unwrap("", blob.to_vec(), Vec::new(), end).await?;
                (String::new(), opened)
            }
            Stored::Azure { wrapped, key_id } => {
                let opened = self.unwrap(key_id, wrapped, Vec::new(), end).await?;
                (key_id.to_owned(), opened)
            }
        };
        self.keep(digest, &version, &seed, era);
        Ok(seed)
    }
}

/// Flights that may wait, as a multiple of the calls in flight.
const WAITING: usize = 16;

/// Takes the flight out of the table, also when it ends by a panic.
struct Leave<'a>(&'a KeyService, [u8; 32]);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let flights = self.0.flights.lock();
        flights
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.1);
    }
}

fn gone() -> Refusal {
    let text = "the call to the key service broke off";
    Refusal::Key(WrapFault::Unavailable, text.to_owned())
}
