//! Pure. The load of a run: which objects, namespaces, keys and nodes there are, and their bodies.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::store::Store;

/// Label that everything of a run carries; its value is the run's name.
pub const LABEL: &str = "storm.tidegate.dev/run";
/// The group and version of the resources under load.
pub const GROUP: &str = "external-secrets.io/v1";
/// Most watches that all nodes of a run may hold together.
const MAX_WATCHES: usize = 200_000;
/// Most objects of a run.
const MAX_OBJECTS: usize = 1_000_000;

/// How much of everything one run has.
///
/// Object `i` lies in namespace `i % namespaces`. The first `shared` objects read key 0, the
/// others share the remaining keys evenly. Node `n` mounts `mounts` objects, so that the nodes
/// cover the objects round and round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Name of the run: a DNS label of at most 20 characters.
    pub run: String,
    /// ExternalSecrets.
    pub objects: usize,
    /// Namespaces they lie in.
    pub namespaces: usize,
    /// Remote keys they read.
    pub keys: usize,
    /// Objects that read key 0.
    pub shared: usize,
    /// Nodes that watch Secrets.
    pub nodes: usize,
    /// Secrets that each node mounts.
    pub mounts: usize,
    /// `spec.refreshInterval`.
    pub refresh: Duration,
    /// `spec.controller` of the store; empty for whoever serves it.
    pub class: String,
    /// Where the values come from.
    pub values: Store,
}

/// Why no such load can be made; the text names the flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Impossible(String);

impl Impossible {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }
}

/// Where an object lies and what it is called.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Namespace.
    pub namespace: String,
    /// Name of the ExternalSecret and of its Secret.
    pub name: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Load {
    /// Refuses numbers that make no sense together.
    ///
    /// # Errors
    /// One sentence that names the flag and its bound.
    pub fn check(&self) -> Result<(), Impossible> {
        let no = |text: String| Err(Impossible(text));
        let objects = self.objects;
        if objects == 0 || objects > MAX_OBJECTS {
            return no(format!("--objects {objects}: use 1 to {MAX_OBJECTS}"));
        }
        for (flag, number) in [("--namespaces", self.namespaces), ("--keys", self.keys)] {
            if number == 0 || number > objects {
                return no(format!("{flag} {number}: use 1 to --objects, {objects}"));
            }
        }
        if self.shared > objects {
            let shared = self.shared;
            return no(format!("--shared {shared}: more than --objects, {objects}"));
        }
        if self.nodes > 0 && (self.mounts == 0 || self.mounts > objects) {
            let mounts = self.mounts;
            return no(format!("--mounts {mounts}: use 1 to --objects, {objects}"));
        }
        let watches = self.nodes.checked_mul(self.mounts);
        if watches.is_none_or(|watches| watches > MAX_WATCHES) {
            return no(format!(
                "--nodes times --mounts is more than {MAX_WATCHES} watches"
            ));
        }
        if self.refresh < Duration::from_secs(1) {
            return no("--refresh: use 1s or more".to_owned());
        }
        let dns = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        if self.run.is_empty() || self.run.len() > 20 || !self.run.chars().all(dns) {
            return no(format!(
                "--run {}: use 1 to 20 lower-case letters and digits",
                self.run
            ));
        }
        Ok(())
    }

    /// The namespace of that number.
    #[must_use]
    pub fn namespace(&self, number: usize) -> String {
        format!("storm-{}-{number}", self.run)
    }

    /// The namespace of credentials, Lease and probe: no object lies in it.
    #[must_use]
    pub fn control(&self) -> String {
        format!("storm-{}-control", self.run)
    }

    /// A namespace of Secrets of others.
    #[must_use]
    pub fn foreign(&self, number: usize) -> String {
        format!("storm-{}-foreign-{number}", self.run)
    }

    /// Name of the ClusterSecretStore.
    #[must_use]
    pub fn store(&self) -> String {
        format!("storm-{}", self.run)
    }

    /// Where an object lies. Numbers from `objects` up are those that appear during the run.
    #[must_use]
    pub fn place(&self, object: usize) -> Place {
        Place {
            namespace: self.namespace(object % self.namespaces),
            name: format!("es-{object}"),
        }
    }

    /// The number of the object at a place, if it is of this run.
    #[must_use]
    pub fn object_at(&self, namespace: &str, name: &str) -> Option<usize> {
        let number: usize = name.strip_prefix("es-")?.parse().ok()?;
        let rest = namespace.strip_prefix("storm-")?;
        let found: usize = rest
            .strip_prefix(&*self.run)?
            .strip_prefix('-')?
            .parse()
            .ok()?;
        (found == number % self.namespaces).then_some(number)
    }

    /// The key that an object reads.
    #[must_use]
    pub fn key(&self, object: usize) -> usize {
        if self.keys == 1 || object < self.shared {
            return 0;
        }
        if self.shared == 0 {
            return object % self.keys;
        }
        1 + (object - self.shared) % (self.keys - 1)
    }

    /// How many different keys the first `objects` objects read.
    #[must_use]
    pub fn keys_read(&self) -> usize {
        let used = (0..self.objects).map(|object| self.key(object));
        used.max().map_or(0, |highest| highest + 1)
    }

    /// Path of a key below the mount.
    #[must_use]
    pub fn path(&self, key: usize) -> String {
        match &self.values {
            Store::Ours => format!("storm/{}/{key}", self.run),
            Store::Real(real) => real.path(key),
        }
    }

    /// A path that holds nothing.
    #[must_use]
    pub fn absent(&self, number: usize) -> String {
        format!("{}-absent-{number}", self.path(0))
    }

    /// The number of the key at a path.
    #[must_use]
    pub fn key_at(&self, path: &str) -> Option<usize> {
        let rest = path.strip_prefix("storm/")?.strip_prefix(&*self.run)?;
        let key = rest.strip_prefix('/')?.parse().ok()?;
        (key < self.keys).then_some(key)
    }

    /// The objects that a node mounts.
    pub fn mounted(&self, node: usize) -> impl Iterator<Item = usize> + use<> {
        let (first, objects) = (node * self.mounts, self.objects);
        (first..first + self.mounts).map(move |place| place % objects)
    }

    /// The value of both properties of a key in a generation: `g<generation>.k<key>.<property>`.
    #[must_use]
    pub fn value(key: usize, generation: u32, property: &str) -> String {
        format!("g{generation}.k{key}.{property}")
    }

    /// The generation that a value is of.
    #[must_use]
    pub fn generation(value: &[u8]) -> Option<u32> {
        let digits = value
            .strip_prefix(b"g")?
            .split(|byte| *byte == b'.')
            .next()?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// An ExternalSecret; `key` is the path it reads.
    #[must_use]
    pub fn external_secret(&self, object: usize, key: &str) -> Value {
        let [a, b] = match &self.values {
            Store::Ours => ["a", "b"],
            Store::Real(real) => real.properties(),
        };
        let Place { namespace, name } = self.place(object);
        let entry = |secret_key: &str, property: &str| json!({ "secretKey": secret_key, "remoteRef": { "key": key, "property": property } });
        json!({
            "apiVersion": GROUP, "kind": "ExternalSecret",
            "metadata": { "name": name, "namespace": namespace,
                          "labels": { LABEL: self.run } },
            "spec": {
                "refreshInterval": format!("{}s", self.refresh.as_secs()),
                "secretStoreRef": { "name": self.store(), "kind": "ClusterSecretStore" },
                "data": [entry("one", a), entry("two", b)],
            },
        })
    }

    /// A namespace with the run's label.
    #[must_use]
    pub fn namespace_body(&self, name: &str) -> Value {
        json!({ "apiVersion": "v1", "kind": "Namespace",
                "metadata": { "name": name, "labels": { LABEL: self.run } } })
    }

    /// The store; ours logs in to a Vault at `server` by AppRole.
    #[must_use]
    pub fn store_body(&self, server: &str) -> Value {
        if let Store::Real(real) = &self.values {
            return real.body(self);
        }
        let auth = json!({ "appRole": { "path": "approle", "roleId": "storm",
            "secretRef": { "name": "approle", "key": "id", "namespace": self.control() } } });
        let mut spec = json!({ "provider": { "vault": {
            "server": server, "path": "secret", "version": "v2", "auth": auth } } });
        if !self.class.is_empty() {
            spec["controller"] = json!(self.class);
        }
        json!({ "apiVersion": GROUP, "kind": "ClusterSecretStore",
                "metadata": { "name": self.store(), "labels": { LABEL: self.run } },
                "spec": spec })
    }

    /// The Secret that the store logs in with.
    #[must_use]
    pub fn credential(&self, id: &str) -> Value {
        json!({ "apiVersion": "v1", "kind": "Secret",
                "metadata": { "name": "approle", "namespace": self.control(),
                              "labels": { LABEL: self.run } },
                "stringData": { "id": id } })
    }
}

#[cfg(test)]
mod tests;
