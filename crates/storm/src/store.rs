//! Pure. Where the values of a run come from: the load tester's own backend, or a real one.

use serde_json::{Value, json};

use crate::load::{GROUP, Impossible, LABEL, Load};

/// Where values come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Store {
    /// The responder in this process.
    #[default]
    Ours,
    /// A backend that is there already.
    Real(RealStore),
}

/// A backend that is there already: how a store reaches it, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealStore {
    /// `spec` of a SecretStore or ClusterSecretStore.
    spec: Value,
    /// Secrets that the spec refers to.
    secrets: Vec<Value>,
    /// Path of a key; `{}` stands for its number.
    path: String,
    /// The two properties that each object reads.
    properties: [String; 2],
}

impl Store {
    /// Whether its calls can be counted and its behaviour changed.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Ours)
    }

    /// What reports call it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Ours => "storm".to_owned(),
            Self::Real(real) => {
                let providers = real.spec["provider"].as_object();
                let name = providers.and_then(|it| it.keys().next());
                name.map_or_else(|| "another".to_owned(), Clone::clone)
            }
        }
    }
}

impl RealStore {
    /// Takes the documents of a file: one store, and the Secrets that it refers to.
    ///
    /// # Errors
    /// When there is no store, more than one, or something else; or the path has no `{}`.
    pub fn new(
        documents: Vec<Value>,
        path: &str,
        properties: [String; 2],
    ) -> Result<Self, Impossible> {
        if !path.contains("{}") {
            return Err(Impossible::new(format!(
                "--store-path {path}: write {{}} where the number of the key stands"
            )));
        }
        let (mut spec, mut secrets) = (None, Vec::new());
        for document in documents {
            match document["kind"].as_str() {
                Some("SecretStore" | "ClusterSecretStore") if spec.is_none() => {
                    spec = document.get("spec").cloned();
                }
                Some("Secret") => secrets.push(document),
                kind => {
                    let kind = kind.unwrap_or("a document without a kind");
                    return Err(Impossible::new(format!(
                        "--store: {kind} is one too many; it holds one SecretStore or \
                         ClusterSecretStore and the Secrets that it refers to"
                    )));
                }
            }
        }
        let spec = spec.filter(Value::is_object).ok_or_else(|| {
            Impossible::new("--store: it holds no SecretStore and no ClusterSecretStore".to_owned())
        })?;
        Ok(Self {
            spec,
            secrets,
            path: path.to_owned(),
            properties,
        })
    }

    /// Path of a key in the backend.
    #[must_use]
    pub fn path(&self, key: usize) -> String {
        self.path.replace("{}", &key.to_string())
    }

    /// The properties that each object reads.
    #[must_use]
    pub fn properties(&self) -> [&str; 2] {
        [&self.properties[0], &self.properties[1]]
    }

    /// The ClusterSecretStore of a run: references to Secrets of the file lead to the run's own
    /// namespace, all others stay.
    #[must_use]
    pub fn body(&self, load: &Load) -> Value {
        let names: Vec<&str> = (self.secrets.iter())
            .filter_map(|secret| secret["metadata"]["name"].as_str())
            .collect();
        let mut spec = self.spec.clone();
        redirect(&mut spec, &names, &load.control());
        if load.class.is_empty() {
            if let Some(spec) = spec.as_object_mut() {
                spec.remove("controller");
            }
        } else {
            spec["controller"] = json!(load.class);
        }
        json!({ "apiVersion": GROUP, "kind": "ClusterSecretStore",
                "metadata": { "name": load.store(), "labels": { LABEL: load.run } },
                "spec": spec })
    }

    /// The Secrets of the file, in the run's own namespace.
    pub fn secrets(&self, load: &Load) -> impl Iterator<Item = Value> {
        self.secrets.iter().map(|secret| {
            let mut secret = secret.clone();
            let name = secret["metadata"]["name"].clone();
            secret["metadata"] = json!({ "name": name, "namespace": load.control(),
                                         "labels": { LABEL: load.run } });
            secret
        })
    }
}

/// Gives every reference to one of `names` the namespace where these are made.
fn redirect(value: &mut Value, names: &[&str], namespace: &str) {
    match value {
        Value::Object(fields) => {
            let refers = fields.contains_key("key")
                && (fields.get("name").and_then(Value::as_str))
                    .is_some_and(|name| names.contains(&name));
            if refers {
                fields.insert("namespace".to_owned(), json!(namespace));
            }
            for field in fields.values_mut() {
                redirect(field, names, namespace);
            }
        }
        Value::Array(items) => {
            for item in items {
                redirect(item, names, namespace);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn load() -> Load {
        Load {
            run: "t".into(),
            objects: 1,
            namespaces: 1,
            keys: 1,
            shared: 0,
            nodes: 0,
            mounts: 0,
            refresh: Duration::from_secs(60),
            class: "mine".into(),
            values: Store::Ours,
        }
    }

    fn properties() -> [String; 2] {
        ["user".to_owned(), "password".to_owned()]
    }

    #[test]
    fn a_file_becomes_the_runs_own_store_and_credential() {
        let token = |name: &str, namespace: &str| json!({ "name": name, "key": "token", "namespace": namespace });
        let store = json!({ "kind": "SecretStore", "metadata": { "name": "s" }, "spec": {
            "controller": "other", "provider": { "vault": {
                "auth": { "tokenSecretRef": token("cred", "old") },
                "caProvider": token("elsewhere", "kept") } } } });
        let secret = json!({ "kind": "Secret", "metadata": { "name": "cred", "namespace": "old" },
            "stringData": { "token": "x" } });
        let real = RealStore::new(vec![secret, store], "app/{}/db", properties()).unwrap();
        assert_eq!(real.path(7), "app/7/db");
        let body = real.body(&load());
        let vault = &body["spec"]["provider"]["vault"];
        assert_eq!(
            vault["auth"]["tokenSecretRef"]["namespace"],
            "storm-t-control"
        );
        assert_eq!(vault["caProvider"]["namespace"], "kept");
        assert_eq!(body["spec"]["controller"], "mine");
        assert_eq!(body["metadata"]["name"], "storm-t");
        let made: Vec<Value> = real.secrets(&load()).collect();
        assert_eq!(made[0]["metadata"]["namespace"], "storm-t-control");
        assert_eq!(made[0]["stringData"]["token"], "x");
        assert_eq!(Store::Real(real).name(), "vault");
    }

    #[test]
    fn other_files_are_refused() {
        let store = || json!({ "kind": "SecretStore", "spec": {} });
        let refused = |documents: Vec<Value>, path: &str| {
            let refused = RealStore::new(documents, path, properties());
            refused.unwrap_err().to_string()
        };
        assert!(refused(vec![], "{}").contains("holds no SecretStore"));
        assert!(refused(vec![store(), store()], "{}").contains("SecretStore is one too many"));
        assert!(refused(vec![json!({ "kind": "Pod" })], "{}").contains("Pod is one too many"));
        assert!(refused(vec![json!(1)], "{}").contains("without a kind"));
        assert!(refused(vec![store()], "app").contains("--store-path app"));
    }
}
