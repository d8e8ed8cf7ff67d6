//! Shell. An RSA key in Azure Key Vault or a managed HSM, by its REST interface.
//!
//! Not by Azure's SDK: its login for managed identities repeats itself for up to 72 s and always
//! asks one fixed address, its tokens would live in a second table beside our sessions and its
//! errors drop the inner code by which a disabled key is told from a denied one. Three calls need
//! no more than this.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use tidegate_contract::{
    KeyIdentity, KeyVersion, KeyWrapper, SecretValue, TokenSource, WrapError, WrapFault,
};
use tidegate_fetch::{Identity, Sessions};
use tidegate_kms::{Endpoint, sha256_hex};
use zeroize::Zeroizing;

use crate::config::Azure;
use crate::http::{Answer, Trusting};

mod bind;
mod challenge;
mod fault;
mod login;

use challenge::https_host;
use fault::Asked;

/// The version of the REST interface.
const API: &str = "api-version=7.4";
/// The one algorithm: every RSA key has it, in vaults and in managed HSMs.
const ALGORITHM: &str = "RSA-OAEP-256";
/// Pages of versions that are read, at most: 1,000 versions of 25 a page.
const MAX_PAGES: usize = 40;

/// A key, seen through its vault's address.
struct AzureKey {
    /// As the user wrote it, without a slash behind.
    vault: String,
    /// Host and port.
    host: String,
    key: String,
    trusting: Trusting,
    tokens: Arc<dyn TokenSource>,
    /// The versions that were listed last, by name: stored key ids of another plugin are hashes of
    /// them.
    listed: Mutex<Vec<String>>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    value: Vec<Item>,
    #[serde(rename = "nextLink", default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    kid: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(default)]
    enabled: bool,
    created: u64,
    #[serde(default)]
    nbf: Option<u64>,
}

/// What is sent and what comes back: base64url in both directions.
#[derive(Serialize)]
struct Operation<'a> {
    alg: &'static str,
    value: &'a str,
}

/// Borrowed: the body it points into is zeroized, and base64url is never escaped.
#[derive(Deserialize)]
struct Outcome<'a> {
    value: &'a str,
}

/// The endpoint of a key: a vault has one address.
pub(crate) fn endpoint(name: &str, azure: &Azure, sessions: &Sessions) -> Endpoint {
    let vault = azure.vault.trim_end_matches('/').to_owned();
    let host = https_host(&vault).unwrap_or_default().to_owned();
    let trusting = Trusting::new(azure.ca_file.clone());
    let login = login::Login {
        trusting: trusting.clone(),
        asking: format!("{vault}/keys/{}/versions?{API}", azure.key),
        vault: host.clone(),
        resource: azure.resource.clone(),
        way: azure.login.clone(),
    };
    let identity = Identity::new(format!("{name}@{vault}"), 0, vec![], None);
    Endpoint {
        name: host.clone(),
        wrapper: Arc::new(AzureKey {
            key: azure.key.clone(),
            trusting,
            tokens: sessions.open(&identity, Arc::new(login)),
            listed: Mutex::default(),
            vault,
            host,
        }),
    }
}

impl AzureKey {
    /// Asks; a token that the vault does not know is replaced once.
    async fn ask(
        &self,
        asked: Asked,
        what: &str,
        address: &str,
        body: Option<&[u8]>,
    ) -> Result<Answer, WrapError> {
        let mut again = true;
        loop {
            let token = self.tokens.token().await?;
            let mut bearer = Zeroizing::new(b"Bearer ".to_vec());
            bearer.extend_from_slice(token.expose());
            let bearer = HeaderValue::from_bytes(&bearer);
            let mut bearer = bearer.map_err(|_| self.odd("the login"))?;
            bearer.set_sensitive(true);
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, bearer);
            let json = HeaderValue::from_static("application/json");
            headers.insert(header::CONTENT_TYPE, json);
            let method = body.map_or(Method::GET, |_| Method::POST);
            let body = body.map(<[u8]>::to_vec).unwrap_or_default();
            let request = login::request(method, address, headers, body)?;
            let answer = self.trusting.http().await?.send(request).await?;
            if answer.is_success() {
                return Ok(answer);
            }
            if answer.status == 401 && again {
                self.tokens.rejected(&token).await;
                again = false;
                continue;
            }
            let after = answer.retry_after();
            let (fault, code) = fault::fault(asked, answer.status, &answer.body, after);
            let text = format!("{what} with the Azure key {}: {code}", self.key);
            return Err(WrapError::new(fault, text));
        }
    }

    /// Every version, whether it is enabled or not: name, since when it counts, enabled.
    async fn list(&self) -> Result<Vec<(String, Duration, bool)>, WrapError> {
        let what = "list versions";
        let mut address = format!("{}/keys/{}/versions?{API}", self.vault, self.key);
        let mut versions = Vec::new();
        for _ in 0..MAX_PAGES {
            let answer = self.ask(Asked::Versions, what, &address, None).await?;
            let page = serde_json::from_slice::<Page>(&answer.body);
            let page = page.map_err(|_| self.odd(what))?;
            for item in page.value {
                let name = item.kid.rsplit('/').next().unwrap_or_default();
                let plain = !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric());
                if !plain {
                    return Err(self.odd(what));
                }
                // It wraps nothing before it is valid.
                let since = item
                    .attributes
                    .created
                    .max(item.attributes.nbf.unwrap_or(0));
                let since = Duration::from_secs(since);
                versions.push((name.to_owned(), since, item.attributes.enabled));
            }
            let Some(next) = page.next.filter(|it| !it.is_empty()) else {
                break;
            };
            // The token goes to the vault alone, whatever a page says.
            if https_host(&next).is_none_or(|it| !it.eq_ignore_ascii_case(&self.host)) {
                return Err(self.odd(what));
            }
            address = next;
        }
        let names = versions.iter().map(|(name, ..)| name.clone()).collect();
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = names;
        Ok(versions)
    }

    async fn operate(
        &self,
        asked: Asked,
        version: &str,
        value: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, WrapError> {
        let what = if asked == Asked::Wrap {
            "wrapkey"
        } else {
            "unwrapkey"
        };
        let value = Zeroizing::new(URL_SAFE_NO_PAD.encode(value));
        let operation = Operation {
            alg: ALGORITHM,
            value: &value,
        };
        let body = Zeroizing::new(serde_json::to_vec(&operation).map_err(|_| self.odd(what))?);
        let address = format!("{}/keys/{}/{version}/{what}?{API}", self.vault, self.key);
        let answer = self.ask(asked, what, &address, Some(&body)).await?;
        // The cause would quote the key.
        let outcome = serde_json::from_slice::<Outcome<'_>>(&answer.body);
        let outcome = outcome.map_err(|_| self.odd(what))?;
        let made = URL_SAFE_NO_PAD.decode(outcome.value.trim_end_matches('='));
        made.map(Zeroizing::new).map_err(|_| self.odd(what))
    }

    /// The version whose address Azure's own plugin hashed into `key_id`.
    async fn version_of(&self, key_id: &str) -> Result<String, WrapError> {
        let named = |names: &[String]| {
            let found = names.iter().find(|name| self.is_hashed(name, key_id));
            found.cloned()
        };
        let known = {
            let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
            named(&listed)
        };
        if let Some(name) = known {
            return Ok(name);
        }
        let names: Vec<String> = self.list().await?.into_iter().map(|it| it.0).collect();
        named(&names).ok_or_else(|| {
            let text = format!("the Azure key {} has no version with this key id", self.key);
            WrapError::new(WrapFault::Deleted, text)
        })
    }

    /// Whether `key_id` is the hash of this version's address: as the user writes the vault, or in
    /// lower case.
    fn is_hashed(&self, version: &str, key_id: &str) -> bool {
        let lower = self.vault.to_ascii_lowercase();
        [self.vault.as_str(), lower.as_str()]
            .iter()
            .any(|vault| sha256_hex(format!("{vault}/keys/{}/{version}", self.key)) == key_id)
    }

    fn odd(&self, what: &str) -> WrapError {
        let text = format!(
            "{what} with the Azure key {}: the answer cannot be read",
            self.key
        );
        WrapError::new(WrapFault::Unavailable, text)
    }
}

#[async_trait]
impl KeyWrapper for AzureKey {
    fn identity(&self) -> KeyIdentity {
        KeyIdentity {
            kind: "azure",
            authority: self.host.to_ascii_lowercase(),
            key: self.key.clone(),
        }
    }

    async fn versions(&self) -> Result<Vec<KeyVersion>, WrapError> {
        let all = self.list().await?;
        let enabled = all.iter().filter(|(_, _, enabled)| *enabled);
        let versions: Vec<KeyVersion> = enabled
            .map(|(name, created, _)| KeyVersion {
                created: *created,
                ordinal: 0,
                name: name.clone(),
                material: String::new(),
            })
            .collect();
        if versions.is_empty() && !all.is_empty() {
            let text = format!("every version of the Azure key {} is disabled", self.key);
            return Err(WrapError::new(WrapFault::Disabled, text));
        }
        Ok(versions)
    }

    async fn wrap(
        &self,
        version: &str,
        plaintext: &SecretValue,
        context: &[u8],
    ) -> Result<Vec<u8>, WrapError> {
        let bound = bind::bound(plaintext.expose(), context);
        let wrapped = self.operate(Asked::Wrap, version, &bound).await?;
        Ok(wrapped.to_vec())
    }

    async fn unwrap(
        &self,
        version: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<SecretValue, WrapError> {
        // Another plugin's: it stored no version, only a hash of its address.
        let opened = if context.is_empty() {
            let version = self.version_of(version).await?;
            self.operate(Asked::Unwrap, &version, wrapped).await?
        } else {
            self.operate(Asked::Unwrap, version, wrapped).await?
        };
        let plaintext = bind::unbound(&opened, context).ok_or_else(|| {
            let key = &self.key;
            let text = format!("the Azure key {key} wrapped these bytes for another purpose");
            WrapError::new(WrapFault::Corrupt, text)
        })?;
        Ok(SecretValue::new(plaintext))
    }
}

impl fmt::Debug for AzureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AzureKey({} in {})", self.key, self.host)
    }
}

#[cfg(test)]
mod tests;
