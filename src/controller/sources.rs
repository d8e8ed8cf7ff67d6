//! Shell. Contents of the Secrets and ConfigMaps that stores refer to, read once per version.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Client};
use tidegate_contract::SecretValue;

/// What kind of object holds a credential or a CA bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceKind {
    /// A Secret.
    Secret,
    /// A ConfigMap.
    ConfigMap,
}

/// Names one Secret or ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceKey {
    /// Secret or ConfigMap.
    pub kind: SourceKind,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

impl std::fmt::Display for SourceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            SourceKind::Secret => "Secret",
            SourceKind::ConfigMap => "ConfigMap",
        };
        write!(f, "{kind} {}/{}", self.namespace, self.name)
    }
}

/// What one of them held when it was last read.
#[derive(Debug)]
pub struct SourceContent {
    /// Its UID.
    pub uid: String,
    /// The resourceVersion at which the *content* last changed: a touch does not move it.
    pub stamp: String,
    /// Its data.
    pub data: BTreeMap<String, SecretValue>,
}

/// Why there is no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The object is not there.
    #[error("{0} does not exist")]
    Missing(SourceKey),
    /// We may not read it.
    #[error("reading {0} is forbidden; grant get on it to the controller's ServiceAccount")]
    Denied(SourceKey),
    /// The API server did not answer.
    #[error("{0} could not be read from the API server")]
    Unavailable(SourceKey),
}

#[derive(Debug, Default)]
struct Entry {
    content: Option<Arc<SourceContent>>,
    /// The resourceVersion that `content` was read at.
    version: Option<String>,
    /// Set by the watch when the object is no longer what was read.
    stale: bool,
}

type Slot = Arc<tokio::sync::Mutex<Entry>>;

/// The table of referenced objects.
///
/// # Guarantees
/// One GET per object and resourceVersion, however many ask. Only referenced objects are kept.
pub struct Sources {
    client: Client,
    slots: Mutex<HashMap<SourceKey, Slot>>,
}

impl Sources {
    /// An empty table.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            slots: Mutex::default(),
        }
    }

    /// The content of `key`, from memory or by one GET.
    ///
    /// # Errors
    /// See [`SourceError`]; a failure is not kept, so the next call asks again.
    pub async fn get(&self, key: &SourceKey) -> Result<Arc<SourceContent>, SourceError> {
        let slot = self.slot(key);
        let mut entry = slot.lock().await;
        if let (Some(content), false) = (&entry.content, entry.stale) {
            return Ok(Arc::clone(content));
        }
        match self.read(key).await {
            Ok((meta, data)) => Ok(Self::store(&mut entry, meta, data)),
            Err(error) => {
                if matches!(error, SourceError::Missing(_)) {
                    *entry = Entry::default();
                }
                Err(error)
            }
        }
    }

    /// The content of `key` as it is now, by one GET and without keeping it.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn read_now(&self, key: &SourceKey) -> Result<Data, SourceError> {
        self.read(key).await.map(|(_, data)| data)
    }

    /// Whether anybody refers to `key`.
    #[must_use]
    pub fn is_referenced(&self, key: &SourceKey) -> bool {
        self.lock().contains_key(key)
    }

    /// Takes note of a watch event: the object is now at `version`, or gone. Reads again when it
    /// changed and says whether the *content* differs from what was known.
    pub async fn changed(&self, key: &SourceKey, version: Option<&str>) -> bool {
        if !self.is_referenced(key) {
            return false;
        }
        let slot = self.slot(key);
        let before = {
            let mut entry = slot.lock().await;
            if entry.version.as_deref() == version {
                return false;
            }
            entry.stale = true;
            entry.content.as_ref().map(|content| content.stamp.clone())
        };
        let after = self
            .get(key)
            .await
            .ok()
            .map(|content| content.stamp.clone());
        before != after
    }

    /// Forgets what `keep` does not name.
    pub fn retain(&self, keep: impl Fn(&SourceKey) -> bool) {
        self.lock().retain(|key, _| keep(key));
    }

    fn store(entry: &mut Entry, meta: ObjectMeta, data: Data) -> Arc<SourceContent> {
        let version = meta.resource_version.unwrap_or_default();
        let uid = meta.uid.unwrap_or_default();
        let unchanged = entry
            .content
            .as_ref()
            .filter(|old| old.uid == uid && old.data == data);
        let content = unchanged.map_or_else(
            || {
                Arc::new(SourceContent {
                    uid,
                    stamp: version.clone(),
                    data,
                })
            },
            Arc::clone,
        );
        *entry = Entry {
            content: Some(Arc::clone(&content)),
            version: Some(version),
            stale: false,
        };
        content
    }

    async fn read(&self, key: &SourceKey) -> Result<(ObjectMeta, Data), SourceError> {
        let (namespace, name) = (&*key.namespace, &*key.name);
        let answer = match key.kind {
            SourceKind::Secret => {
                let api: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
                api.get(name).await.map(|secret| {
                    let data = secret.data.unwrap_or_default().into_iter();
                    (
                        secret.metadata,
                        data.map(|(k, v)| (k, SecretValue::new(v.0))).collect(),
                    )
                })
            }
            SourceKind::ConfigMap => {
                let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
                api.get(name).await.map(|map| {
                    let data = map.data.unwrap_or_default().into_iter();
                    (
                        map.metadata,
                        data.map(|(k, v)| (k, SecretValue::from(v))).collect(),
                    )
                })
            }
        };
        answer.map_err(|error| match error {
            kube::Error::Api(status) if status.is_not_found() => SourceError::Missing(key.clone()),
            kube::Error::Api(status) if status.is_forbidden() => SourceError::Denied(key.clone()),
            _ => SourceError::Unavailable(key.clone()),
        })
    }

    fn slot(&self, key: &SourceKey) -> Slot {
        Arc::clone(self.lock().entry(key.clone()).or_default())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SourceKey, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keys and values of a Secret or ConfigMap.
pub type Data = BTreeMap<String, SecretValue>;
