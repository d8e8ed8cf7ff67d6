//! Shell. Looks at the key service in the background, so that Status answers from memory.

use std::sync::Arc;
use std::time::Duration;

use tidegate_contract::{KeyVersion, SecretValue, WrapFault};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::call::{Who, jitter};
use super::{KeyService, State};
use crate::contact::Health;
use crate::envelope::{self, Purpose};
use crate::refusal::Refusal;
use crate::schedule::Look;
use crate::seal;
use crate::versions::Fault;

/// The least time between two looks, however many calls ask for one.
const AT_LEAST: Duration = Duration::from_millis(500);

impl KeyService {
    /// Looks until `stop`.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let began = self.clock.now();
            self.look().await;
            self.tell();
            let next = {
                let state = self.state();
                state.schedule.next(state.contact.in_trouble(), jitter())
            };
            let now = self.clock.now();
            let pause = next.saturating_sub(now);
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(pause) => {}
                () = async {
                    sleep((began + AT_LEAST).saturating_sub(now)).await;
                    self.look_now.notified().await;
                } => {}
            }
        }
    }

    /// One look: which versions there are, whether new ones work, and, when it is time, whether the
    /// active one still does.
    pub async fn look(self: &Arc<Self>) {
        let look = {
            let state = self.state();
            state
                .schedule
                .look(self.clock.now(), state.contact.in_trouble())
        };
        let outcome = self.look_at(look).await;
        let now = self.clock.now();
        let mut state = self.state();
        state.schedule.looked(look, outcome.is_ok(), now);
        match outcome {
            Ok(()) if look == Look::Deep => {
                state.contact.confirmed(now);
                state.kept.confirmed(now);
                state.local.confirmed(now);
                drop(state);
                self.metrics.confirmed(&self.options.name, now);
            }
            Ok(()) => {}
            Err(refusal) => {
                let (fault, text) = match refusal {
                    Refusal::Key(fault, text) => (fault, text),
                    other => (WrapFault::Unavailable, other.text().to_owned()),
                };
                if state.contact.failed(fault, &text, now) {
                    self.purge(&mut state);
                }
            }
        }
    }

    async fn look_at(self: &Arc<Self>, look: Look) -> Result<(), Refusal> {
        let end = self.end(None);
        let listed = self
            .call("versions", Who::All, end, |wrapper| {
                Box::pin(async move { wrapper.versions().await })
            })
            .await?;
        self.observe(listed);
        let proven = self.prove_new().await?;
        let (active, fault) = {
            let mut state = self.state();
            let active = state.versions.active(self.clock.wall()).cloned();
            (active, state.versions.fault())
        };
        match fault {
            Some(Fault::None) => return Err(deleted("the key has no version".to_owned())),
            Some(Fault::Gone(name)) => {
                return Err(deleted(format!("version {name:?} of the key is gone")));
            }
            Some(Fault::Swapped(name)) => {
                let text = format!(
                    "version {name:?} is not the key it was: put that one back, or restart the \
                     plugin to go on with this one"
                );
                return Err(deleted(text));
            }
            None => {}
        }
        if let (Look::Deep, Some(active)) = (look, active)
            && !proven.contains(&active)
        {
            self.prove(&active).await?;
        }
        Ok(())
    }

    fn observe(&self, listed: Vec<KeyVersion>) {
        let mut state = self.state();
        let gone = state.versions.observe(listed);
        if !gone.is_empty() {
            let State { versions, kept, .. } = &mut *state;
            let listed: Vec<&str> = versions
                .listed()
                .iter()
                .map(|it| it.name.as_str())
                .collect();
            kept.purge_unlisted(&listed);
        }
        for gone in gone {
            state.local.purge_version(&gone.name);
            tracing::warn!(
                service = self.name(),
                version = gone.name,
                "a key version is gone"
            );
        }
        let active = state.version(self.clock.wall());
        drop(state);
        if let Some(active) = active {
            self.metrics
                .active(&self.options.name, &self.key_id(&active));
        }
    }

    /// Proves versions that are or will be due. One that is only coming may fail: it is not told
    /// of, and the one before stays.
    async fn prove_new(self: &Arc<Self>) -> Result<Vec<KeyVersion>, Refusal> {
        let to_prove = self.state().versions.to_prove(self.clock.wall());
        let (mut proven, mut failed) = (Vec::new(), None);
        for version in to_prove.into_iter().take(PROOFS) {
            if let Err(refusal) = self.prove(&version).await {
                let (name, why) = (&version.name, refusal.text());
                tracing::warn!(
                    service = self.name(),
                    version = name,
                    why,
                    "a version fails"
                );
                failed = Some(refusal);
            } else {
                proven.push(version);
            }
        }
        let active = self.state().versions.active(self.clock.wall()).is_some();
        match failed {
            Some(refusal) if !active => Err(refusal),
            _ => Ok(proven),
        }
    }

    /// Wraps and unwraps random bytes under `version`.
    async fn prove(self: &Arc<Self>, version: &KeyVersion) -> Result<(), Refusal> {
        let end = self.end(None);
        let mut bytes = vec![0; 32];
        seal::random(&mut bytes)?;
        let plaintext = SecretValue::new(bytes);
        let context = envelope::context(Purpose::Probe, &self.key_id(version));
        let (name, sent, bound) = (version.name.clone(), plaintext.clone(), context.clone());
        let wrapped = self
            .call("wrap", Who::All, end, move |wrapper| {
                let (name, sent, bound) = (name.clone(), sent.clone(), bound.clone());
                Box::pin(async move { wrapper.wrap(&name, &sent, &bound).await })
            })
            .await?;
        let name = version.name.clone();
        let opened = self
            .call("unwrap", Who::All, self.end(None), move |wrapper| {
                let (name, wrapped, context) = (name.clone(), wrapped.clone(), context.clone());
                Box::pin(async move { wrapper.unwrap(&name, &wrapped, &context).await })
            })
            .await?;
        if opened != plaintext {
            let text = "the key service unwraps other bytes than it wrapped".to_owned();
            return Err(Refusal::Key(WrapFault::Corrupt, text));
        }
        self.prepare_local_key(version).await?;
        self.state().versions.proved(version);
        Ok(())
    }

    /// Logs a change of health, once.
    fn tell(&self) {
        let after = {
            let mut state = self.state();
            let after = state.contact.health(self.clock.now());
            if state.told.replace(after.clone()).as_ref() == Some(&after) {
                return;
            }
            after
        };
        let service = self.name();
        self.metrics.healthy(service, after == Health::Ok);
        match after {
            Health::Ok => tracing::info!(service, "the key service works"),
            Health::Unhealthy(why) => tracing::warn!(service, why, "coasting"),
            Health::Failed(fault, why) => {
                tracing::error!(
                    service,
                    fault = fault.label(),
                    why,
                    "the key cannot be used"
                );
            }
        }
    }
}

/// Versions that one look proves, at most; the next look goes on.
const PROOFS: usize = 4;

fn deleted(text: String) -> Refusal {
    Refusal::Key(WrapFault::Deleted, text)
}
