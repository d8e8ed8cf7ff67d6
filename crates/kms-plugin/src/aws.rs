//! Shell. A symmetric key in AWS KMS.
//!
//! AWS rotates the material behind one key id and always wraps under the newest. A version is
//! therefore a rotation, named by its date: what is wrapped between a rotation and its activation
//! is already under the new material while its key id still names the one before. That is harmless:
//! AWS opens both, and nothing older ever carries the new key id.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{
    BehaviorVersion, IdentityCache, Region, StalledStreamProtectionConfig, retry::RetryConfig,
};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::{Blob, DateTime};
use aws_sdk_kms::types::{KeyMaterialState, KeyMetadata, KeySpec, KeyState};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::timeout::TimeoutConfig;
use tidegate_contract::{KeyIdentity, KeyVersion, KeyWrapper, SecretValue, WrapError, WrapFault};
use tidegate_kms::Endpoint;

use crate::config::Aws;
use crate::http::{Http, Trusting, retry_after};

mod connector;
mod credentials;
mod fault;
mod ini;
pub(crate) mod key;
mod rotations;

use connector::Connector;
use credentials::Identity;
use key::Key;
use rotations::Rotations;

/// Pages of 100 rotations that are read, at most.
const MAX_PAGES: usize = 10;

/// One region's view of a key.
struct AwsKey {
    key: Key,
    region: String,
    address: Option<String>,
    context: BTreeMap<String, String>,
    identity: Arc<Identity>,
    trusting: Trusting,
    rotations: Option<Arc<Mutex<Rotations>>>,
    client: Mutex<Option<Made>>,
}

/// A client, and what it was made of.
#[derive(Clone)]
struct Made {
    http: Arc<Http>,
    credentials: Arc<Credentials>,
    client: Client,
}

/// Why a call failed.
struct Failed {
    /// The key's state does not allow it; only the key itself says which state that is.
    by_state: bool,
    error: WrapError,
}

/// The endpoints of a key, one per region.
///
/// # Errors
/// What the environment lacks, in one line.
pub(crate) fn endpoints(aws: &Aws) -> Result<Vec<Endpoint>, String> {
    let trusting = Trusting::new(aws.ca_file.clone());
    let replicas = aws.endpoints();
    let first = replicas.first().map_or("", |it| it.region.as_str());
    let identity = Arc::new(Identity::new(&aws.credentials, first)?);
    let rotations = aws.follow_rotation.then(Arc::default);
    let endpoint = |replica: crate::config::Replica| Endpoint {
        name: replica.region.clone(),
        wrapper: Arc::new(AwsKey {
            key: aws.key.clone(),
            region: replica.region,
            address: replica.endpoint,
            context: aws.encryption_context.clone(),
            identity: Arc::clone(&identity),
            trusting: trusting.clone(),
            rotations: rotations.clone(),
            client: Mutex::default(),
        }),
    };
    Ok(replicas.into_iter().map(endpoint).collect())
}

impl AwsKey {
    async fn made(&self) -> Result<Made, WrapError> {
        let http = self.trusting.http().await?;
        let credentials = self.identity.current(&http).await?;
        let mut made = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(it) = made.as_ref()
            && Arc::ptr_eq(&it.http, &http)
            && Arc::ptr_eq(&it.credentials, &credentials)
        {
            return Ok(it.clone());
        }
        // Time is ours: the caller has a deadline for each attempt and asks again itself.
        let mut config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .http_client(Connector(Arc::clone(&http)))
            .credentials_provider(Credentials::clone(&credentials))
            .identity_cache(IdentityCache::no_cache())
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(self.address.clone());
        let fresh = Made {
            http,
            credentials,
            client: Client::from_conf(config.build()),
        };
        Ok(made.insert(fresh).clone())
    }

    /// Calls; credentials that AWS does not know any more are replaced once.
    async fn ask<T, F>(&self, call: impl Fn(Client) -> F) -> Result<T, WrapError>
    where
        F: Future<Output = Result<T, Failed>>,
    {
        let mut again = true;
        loop {
            let made = self.made().await?;
            let failed = match call(made.client.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            if failed.by_state {
                return Err(self.by_state(made.client, failed.error).await);
            }
            let unknown = failed.error.fault() == WrapFault::Unauthenticated;
            if !unknown || !again || !self.identity.rejected(&made.credentials).await {
                return Err(failed.error);
            }
            again = false;
        }
    }

    /// AWS has one code for every state that a key may be in: the key is asked for its own.
    async fn by_state(&self, client: Client, error: WrapError) -> WrapError {
        match self.described(client).await {
            Err(told) => told.error,
            Ok(metadata) => self.usable(&metadata).err().unwrap_or(error),
        }
    }

    async fn describe(&self) -> Result<KeyMetadata, WrapError> {
        self.ask(|client| self.described(client)).await
    }

    async fn described(&self, client: Client) -> Result<KeyMetadata, Failed> {
        let what = "kms:DescribeKey";
        let asked = client.describe_key().key_id(self.key.at(&self.region));
        let answer = asked.send().await;
        let answer = answer.map_err(|error| self.failed(what, &error))?;
        answer.key_metadata.ok_or_else(|| Failed {
            by_state: false,
            error: self.odd(what),
        })
    }

    /// Whether the key's state lets it be used, and whether it is of the right sort.
    fn usable(&self, metadata: &KeyMetadata) -> Result<(), WrapError> {
        let fault = match metadata.key_state() {
            Some(KeyState::Enabled | KeyState::Updating) | None => None,
            Some(KeyState::Disabled | KeyState::PendingImport) => Some(WrapFault::Disabled),
            Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion) => {
                Some(WrapFault::Deleted)
            }
            Some(_) => Some(WrapFault::Unavailable),
        };
        let key = &self.key;
        if let Some(fault) = fault {
            let state = metadata.key_state().map_or("unknown", KeyState::as_str);
            return Err(WrapError::new(
                fault,
                format!("the AWS key {key} is {state}"),
            ));
        }
        match metadata.key_spec() {
            Some(KeySpec::SymmetricDefault) => Ok(()),
            other => {
                let spec = other.map_or("unknown", KeySpec::as_str);
                let text = format!("the AWS key {key} is {spec}: make a SYMMETRIC_DEFAULT one");
                Err(WrapError::new(WrapFault::Invalid, text))
            }
        }
    }

    /// When the key's material was rotated. Keys of a custom key store never are.
    async fn rotations(&self, id: &str) -> Result<Vec<Duration>, WrapError> {
        let key_id = self.key.of_version(id, &self.region);
        let mut rotations = Vec::new();
        let mut marker = None;
        for _ in 0..MAX_PAGES {
            let (key_id, from) = (&key_id, &marker);
            let page = self.ask(|client| async move {
                let asked = client.list_key_rotations().key_id(key_id);
                let asked = asked.set_marker(from.clone()).limit(100).send().await;
                match asked {
                    Ok(page) => Ok(Some(page)),
                    Err(error) if error.code() == Some("UnsupportedOperationException") => Ok(None),
                    Err(error) => Err(self.failed("kms:ListKeyRotations", &error)),
                }
            });
            let Some(page) = page.await? else { break };
            for entry in page.rotations() {
                let done = !matches!(
                    entry.key_material_state(),
                    Some(
                        KeyMaterialState::PendingRotation
                            | KeyMaterialState::PendingMultiRegionImportAndRotation
                    )
                );
                if let Some(date) = entry.rotation_date().filter(|_| done) {
                    rotations.push(since_epoch(date));
                }
            }
            marker = page.next_marker;
            if !page.truncated || marker.is_none() {
                break;
            }
        }
        Ok(rotations)
    }

    /// Every rotation that was ever told of for the key `id`, in order.
    async fn all_rotations(&self, id: &str) -> Result<Vec<Duration>, WrapError> {
        let Some(known) = &self.rotations else {
            return Ok(Vec::new());
        };
        let told = self.rotations(id).await?;
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(known.remember(id, told))
    }

    /// What binds a wrap: the user's pairs, and the caller's context under a name of ours. What
    /// another plugin wrapped has the user's pairs alone.
    fn context(&self, context: &[u8]) -> Option<HashMap<String, String>> {
        let own = Some(key::context_text(context)).filter(|it| !it.is_empty());
        let own = own.map(|text| (key::CONTEXT.to_owned(), text));
        let pairs = self.context.clone().into_iter().chain(own);
        let pairs: HashMap<String, String> = pairs.collect();
        Some(pairs).filter(|it| !it.is_empty())
    }

    fn failed<E>(&self, what: &str, error: &SdkError<E, HttpResponse>) -> Failed
    where
        E: ProvideErrorMetadata,
    {
        failed(what, &format!("the AWS key {}", self.key), error)
    }

    fn odd(&self, what: &str) -> WrapError {
        let text = format!(
            "{what} with the AWS key {}: the answer cannot be read",
            self.key
        );
        WrapError::new(WrapFault::Unavailable, text)
    }
}

#[async_trait]
impl KeyWrapper for AwsKey {
    fn identity(&self) -> KeyIdentity {
        KeyIdentity {
            kind: "aws",
            authority: self.key.authority(),
            key: self.key.name().to_owned(),
        }
    }

    async fn versions(&self) -> Result<Vec<KeyVersion>, WrapError> {
        let metadata = self.describe().await?;
        self.usable(&metadata)?;
        let id = metadata.key_id();
        let made = metadata.creation_date().map(since_epoch);
        // Each replica of a multi-Region key has a creation date of its own; their first material
        // is one and the same.
        let made = made.filter(|_| metadata.multi_region() != Some(true));
        let version = |created: Duration, name: String| KeyVersion {
            created,
            ordinal: 0,
            name,
            material: String::new(),
        };
        let mut versions = vec![version(made.unwrap_or_default(), key::version(id, None))];
        for at in self.all_rotations(id).await? {
            versions.push(version(at, key::version(id, Some(at.as_secs()))));
        }
        Ok(versions)
    }

    async fn wrap(
        &self,
        version: &str,
        plaintext: &SecretValue,
        context: &[u8],
    ) -> Result<Vec<u8>, WrapError> {
        let what = "kms:Encrypt";
        let key_id = self.key.of_version(version, &self.region);
        let (key_id, context) = (&key_id, &self.context(context));
        let wrapped = self.ask(|client| async move {
            let asked = client.encrypt().key_id(key_id);
            let asked = asked.plaintext(Blob::new(plaintext.expose()));
            let asked = asked.set_encryption_context(context.clone()).send().await;
            asked.map_err(|error| self.failed(what, &error))
        });
        let blob = wrapped.await?.ciphertext_blob;
        blob.map(Blob::into_inner).ok_or_else(|| self.odd(what))
    }

    async fn unwrap(
        &self,
        version: &str,
        wrapped: &[u8],
        context: &[u8],
    ) -> Result<SecretValue, WrapError> {
        let what = "kms:Decrypt";
        let key_id = self.key.of_version(version, &self.region);
        let (key_id, context) = (&key_id, &self.context(context));
        let opened = self.ask(|client| async move {
            let asked = client.decrypt().key_id(key_id);
            let asked = asked.ciphertext_blob(Blob::new(wrapped));
            let asked = asked.set_encryption_context(context.clone()).send().await;
            asked.map_err(|error| self.failed(what, &error))
        });
        let plaintext = opened.await?.plaintext;
        let plaintext = plaintext
            .map(Blob::into_inner)
            .ok_or_else(|| self.odd(what))?;
        Ok(SecretValue::new(plaintext))
    }
}

impl fmt::Debug for AwsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AwsKey({} in {})", self.key, self.region)
    }
}

/// What an error of the SDK means; its own text has request ids in it and is left out.
fn failed<E>(what: &str, of: &str, error: &SdkError<E, HttpResponse>) -> Failed
where
    E: ProvideErrorMetadata,
{
    let SdkError::ServiceError(told) = error else {
        let (fault, why) = match error {
            SdkError::ConstructionFailure(_) => (WrapFault::Invalid, "the request cannot be made"),
            SdkError::DispatchFailure(lost) => (WrapFault::Unavailable, connector::why(lost)),
            _ => (WrapFault::Unavailable, "the answer cannot be read"),
        };
        return Failed {
            by_state: false,
            error: WrapError::new(fault, format!("{what} with {of}: {why}")),
        };
    };
    let (code, raw) = (told.err().code(), told.raw());
    let status = raw.status().as_u16();
    let after = raw.headers().get("retry-after").and_then(retry_after);
    let shown = code.map_or_else(|| format!("status {status}"), str::to_owned);
    Failed {
        by_state: code == Some("KMSInvalidStateException"),
        error: WrapError::new(
            fault::fault(code, status, after),
            format!("{what} with {of}: {shown}"),
        ),
    }
}

fn since_epoch(date: &DateTime) -> Duration {
    Duration::from_secs(date.secs().try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests;
