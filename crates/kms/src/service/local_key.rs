//! Shell. The local hierarchy: seeds under a local key that the key service wrapped, so that a
//! restarted API server reads and writes while the key service is away.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tidegate_contract::{KeyVersion, SecretValue};
use zeroize::Zeroizing;

use super::KeyService;
use crate::arena::{KEY, Slot};
use crate::envelope::{self, Purpose};
use crate::kept::Kept;
use crate::refusal::Refusal;
use crate::seal;

/// Local keys in memory: one per node, key version and start of a plugin.
pub(super) const SLOTS: usize = 256;

/// Versions with a local key of this process's own: the active one, and those that are coming.
const OWN: usize = 8;

/// The local keys in memory. Seeds live elsewhere and can never push them out.
#[derive(Debug)]
pub(super) struct LocalKeys {
    /// This process's own: key id and wrapped key, the newest last; one per version that wraps.
    own: Vec<(String, Vec<u8>)>,
    opened: Kept<Slot>,
}

/// A local key to wrap with.
pub(super) struct LocalKey {
    key: Zeroizing<[u8; KEY]>,
    wrapped: Vec<u8>,
}

impl LocalKeys {
    pub(super) fn new(horizon: Duration) -> Self {
        Self {
            own: Vec::new(),
            opened: Kept::new(SLOTS, horizon),
        }
    }

    pub(super) fn purge(&mut self) {
        self.own.clear();
        self.opened.purge();
    }

    pub(super) fn purge_version(&mut self, version: &str) {
        self.opened.purge_version(version);
    }

    pub(super) fn confirmed(&mut self, now: Duration) {
        self.opened.confirmed(now);
    }
}

impl LocalKey {
    /// Wraps a seed; gives the ciphertext and the wrapped local key that belongs beside it.
    pub(super) fn seal(
        &self,
        seed: &SecretValue,
        key_id: &str,
    ) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
        let context = envelope::context(Purpose::SeedUnderLocalKey, key_id);
        let sealed = seal::seal(&self.key, seed.expose(), &context)?;
        Ok((sealed, self.wrapped.clone()))
    }
}

fn digest(key_id: &str, wrapped: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update((key_id.len() as u64).to_be_bytes());
    hash.update(key_id);
    hash.update(wrapped);
    hash.finalize().into()
}

impl KeyService {
    /// The local key of this process for `key_id`; makes one when there is none.
    pub(super) async fn local_key(
        self: &Arc<Self>,
        version: &KeyVersion,
        key_id: &str,
        end: Duration,
    ) -> Result<LocalKey, Refusal> {
        if let Some(local) = self.own_local_key(key_id) {
            return Ok(local);
        }
        let era = self.state().era;
        let mut bytes = Zeroizing::new([0; KEY]);
        seal::random(&mut *bytes)?;
        let plaintext = SecretValue::new(bytes.to_vec());
        let context = envelope::context(Purpose::LocalKey, key_id);
        let wrapped = self.wrap(version, &plaintext, context, end).await?;
        self.keep_local_key(&version.name, key_id, &wrapped, &plaintext, era, true);
        Ok(LocalKey {
            key: bytes,
            wrapped,
        })
    }

    fn own_local_key(&self, key_id: &str) -> Option<LocalKey> {
        let now = self.clock.now();
        let mut state = self.state();
        if !state.contact.may_use_kept(now) {
            return None;
        }
        let mut own = state.local.own.iter();
        let wrapped = own.find(|(own, _)| own == key_id)?.1.clone();
        let key = state
            .local
            .opened
            .get(&digest(key_id, &wrapped), now)?
            .copy();
        Some(LocalKey { key, wrapped })
    }

    /// Makes the local key ahead of the first Encrypt, and ahead of the flip to a version.
    pub(super) async fn prepare_local_key(
        self: &Arc<Self>,
        version: &KeyVersion,
    ) -> Result<(), Refusal> {
        if self.options.local_hierarchy {
            let key_id = self.key_id(version);
            self.local_key(version, &key_id, self.end(None)).await?;
        }
        Ok(())
    }

    fn keep_local_key(
        &self,
        version: &str,
        key_id: &str,
        wrapped: &[u8],
        key: &SecretValue,
        era: u64,
        own: bool,
    ) {
        let now = self.clock.now();
        let mut state = self.state();
        if state.era != era {
            return;
        }
        if !state.local.opened.has_room() {
            state.local.opened.evict();
        }
        if let Some(slot) = self.keys.put(key.expose()) {
            let digest = digest(key_id, wrapped);
            state.local.opened.put(digest, version, slot, now);
            if own {
                state.local.own.retain(|(other, _)| other != key_id);
                if state.local.own.len() == OWN {
                    state.local.own.remove(0);
                }
                state.local.own.push((key_id.to_owned(), wrapped.to_vec()));
            }
        }
    }

    /// Opens a seed that a local key wrapped; the local key comes from memory or is unwrapped.
    pub(super) async fn open_under_local_key(
        self: &Arc<Self>,
        version: &str,
        key_id: &str,
        wrapped: &[u8],
        sealed: &[u8],
        end: Duration,
    ) -> Result<SecretValue, Refusal> {
        let digest = digest(key_id, wrapped);
        let (kept, era) = {
            let now = self.clock.now();
            let mut state = self.state();
            let usable = state.contact.may_use_kept(now);
            let kept = state.local.opened.get(&digest, now).map(Slot::copy);
            (kept.filter(|_| usable), state.era)
        };
        let key = match kept {
            Some(key) => key,
            None => {
                let context = envelope::context(Purpose::LocalKey, key_id);
                let key = self.unwrap(version, wrapped.to_vec(), context, end).await?;
                let bytes = <&[u8; KEY]>::try_from(key.expose());
                let bytes =
                    bytes.map_err(|_| Refusal::invalid("the local key has not 32 bytes"))?;
                if self.options.local_hierarchy {
                    self.keep_local_key(version, key_id, wrapped, &key, era, false);
                }
                Zeroizing::new(*bytes)
            }
        };
        let context = envelope::context(Purpose::SeedUnderLocalKey, key_id);
        let seed = seal::open(&key, sealed, &context)?;
        Ok(SecretValue::new(seed))
    }
}
