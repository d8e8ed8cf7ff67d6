//! Shell. The keys of the Key Vault test server: real RSA, versions, attributes.

use std::collections::BTreeMap;

use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey,
};

use crate::error::ServerError;
use crate::port::random_token;

/// All keys by name; a deleted one is gone.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<String, Vec<Version>>);

/// One version of a key.
pub(super) struct Version {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) enabled: bool,
    pub(super) expires: Option<u64>,
    pair: PrivateDecryptingKey,
}

impl Keys {
    pub(super) fn add(&mut self, key: &str, created: u64) -> Result<String, ServerError> {
        let failed = |_| ServerError::Usage("no RSA key could be made".to_owned());
        let version = Version {
            id: random_token()?,
            created,
            enabled: true,
            expires: None,
            pair: PrivateDecryptingKey::generate(KeySize::Rsa2048).map_err(failed)?,
        };
        let id = version.id.clone();
        self.0.entry(key.to_owned()).or_default().push(version);
        Ok(id)
    }

    pub(super) fn change(&mut self, key: &str, id: &str, change: impl FnOnce(&mut Version)) {
        let versions = self.0.get_mut(key).into_iter().flatten();
        if let Some(version) = versions.into_iter().find(|it| it.id == id) {
            change(version);
        }
    }

    pub(super) fn delete(&mut self, key: &str) {
        self.0.remove(key);
    }

    pub(super) fn versions(&self, key: &str) -> &[Version] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}

impl Version {
    /// RSA-OAEP-256 with the public half; `None` for what is too long.
    pub(super) fn wrap(&self, value: &[u8]) -> Option<Vec<u8>> {
        let public = OaepPublicEncryptingKey::new(self.pair.public_key()).ok()?;
        let mut wrapped = vec![0; public.ciphertext_size()];
        let made = public.encrypt(&OAEP_SHA256_MGF1SHA256, value, &mut wrapped, None);
        made.ok().map(|it| it.to_vec())
    }

    /// The other way; `None` for what this key did not make.
    pub(super) fn unwrap(&self, value: &[u8]) -> Option<Vec<u8>> {
        let private = OaepPrivateDecryptingKey::new(self.pair.clone()).ok()?;
        let mut plain = vec![0; private.min_output_size()];
        let opened = private.decrypt(&OAEP_SHA256_MGF1SHA256, value, &mut plain, None);
        opened.ok().map(|it| it.to_vec())
    }
}
