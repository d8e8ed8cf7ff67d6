//! Shell. Brings the API to what the files say, and keeps account of what came from where.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::cluster::{Cluster, ClusterError};
use super::fault::{Fault, Sort};
use super::files::Files;
use super::merge;
use super::wanted::{self, Applied, Id, Object, Rank, Step, Wanted};

/// Ending of the names of definitions that are installed before any file is read.
const OURS: &str = ".external-secrets.io";

/// Files, and what of them is applied.
#[derive(Debug)]
pub struct Sync {
    cluster: Cluster,
    files: Files,
    namespace: String,
    applied: BTreeMap<Id, Applied>,
    refused: BTreeMap<Id, (Arc<serde_json::Value>, Fault)>,
    /// What could not be deleted, and is tried again.
    stuck: Vec<Fault>,
    faults: Vec<Fault>,
    spaces: BTreeSet<String>,
}

impl Sync {
    /// Follows `paths`; objects that name no namespace go to `namespace`.
    #[must_use]
    pub fn new(cluster: Cluster, paths: Vec<PathBuf>, namespace: String) -> Self {
        Self {
            cluster,
            files: Files::new(paths),
            namespace,
            applied: BTreeMap::new(),
            refused: BTreeMap::new(),
            stuck: Vec::new(),
            faults: Vec::new(),
            spaces: BTreeSet::new(),
        }
    }

    /// Adds a text that stands for a file.
    pub fn add_text(&mut self, name: &str, text: &str) {
        self.files.add_text(name, text);
    }

    /// What is wrong with the input now.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The objects of the last rank and the stores that are applied: what has a Ready condition.
    #[must_use]
    pub fn conditioned(&self) -> BTreeSet<Id> {
        let ids = self.applied.keys();
        let with = |id: &&Id| {
            let kinds = ["ExternalSecret", "SecretStore", "ClusterSecretStore"];
            id.group == tidegate_api::names::GROUP && kinds.contains(&&*id.kind)
        };
        ids.filter(with).cloned().collect()
    }

    /// How many objects are applied, from how many files.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        (self.applied.len(), self.files.len())
    }

    /// Looks at the files and applies what changed; says whether anything did. `first` applies
    /// what does not stand in files too.
    ///
    /// # Errors
    /// When the API cannot tell what it serves.
    pub async fn pass(&mut self, first: bool) -> Result<bool, ClusterError> {
        if !(self.files.scan() || first || !self.stuck.is_empty()) {
            return Ok(false);
        }
        self.stuck.clear();
        let mut wanted = self.wanted().await?;
        if self.apply(&wanted, |rank| rank == Rank::Definition).await > 0 {
            wanted = self.wanted().await?;
        }
        self.apply(&wanted, |_| true).await;
        self.refused.retain(|id, _| wanted.objects.contains_key(id));
        let mut faults = self.files.faults();
        faults.extend(wanted.faults);
        faults.extend(self.refused.values().map(|(_, fault)| fault.clone()));
        faults.extend(self.stuck.iter().cloned());
        faults.sort_by_cached_key(|fault| fault.at.clone());
        self.faults = faults;
        Ok(true)
    }

    async fn wanted(&self) -> Result<Wanted, ClusterError> {
        let kinds = self.cluster.kinds().await?;
        let manifests = self.files.manifests();
        Ok(wanted::wanted(manifests, &kinds, &self.namespace))
    }

    /// Takes the steps of some ranks; says how many.
    async fn apply(&mut self, wanted: &Wanted, ranks: impl Fn(Rank) -> bool) -> usize {
        let steps = wanted::steps(&self.applied, &wanted.objects, &self.files.unreadable());
        let mut taken = 0;
        for step in steps {
            let (Step::Apply(id) | Step::Delete(id)) = &step;
            if !ranks(id.rank) {
                continue;
            }
            taken += 1;
            match &step {
                Step::Delete(id) => self.remove(id).await,
                Step::Apply(id) => {
                    if let Some(object) = wanted.objects.get(id) {
                        self.put(id, object).await;
                    }
                }
            }
        }
        taken
    }

    async fn put(&mut self, id: &Id, object: &Object) {
        if let Some((body, _)) = self.refused.get(id)
            && *body == object.body
        {
            // The same words get the same answer.
            return;
        }
        let last = self
            .applied
            .get(id)
            .map(|applied| Arc::clone(&applied.body));
        let patch = merge::patch(last.as_deref(), &object.body);
        let result = match self.reach(&id.namespace).await {
            Ok(()) => {
                self.cluster
                    .apply(&object.path, id, &object.body, &patch)
                    .await
            }
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => {
                self.refused.remove(id);
                let applied = Applied {
                    file: Arc::clone(&object.place.file),
                    path: object.path.clone(),
                    body: Arc::clone(&object.body),
                };
                self.applied.insert(id.clone(), applied);
            }
            Err(error) => {
                let what = format!("{} is refused: {error}", id.text());
                let fault = Fault::new(Sort::Refused, &object.place, what);
                self.refused
                    .insert(id.clone(), (Arc::clone(&object.body), fault));
            }
        }
    }

    async fn remove(&mut self, id: &Id) {
        let Some(object) = self.applied.get(id) else {
            return;
        };
        if id.rank == Rank::Definition && id.name.ends_with(OURS) {
            // The controller lives on it; only the user's words about it go.
            self.applied.remove(id);
            return;
        }
        match self.cluster.delete(&object.path, id).await {
            Ok(()) => {
                self.applied.remove(id);
            }
            Err(error) => {
                let what = format!("{} left it and is not deleted: {error}", id.text());
                self.stuck
                    .push(Fault::new(Sort::Refused, &object.file, what));
            }
        }
        if id.rank == Rank::Namespace {
            self.spaces.remove(&id.name);
        }
    }

    /// Makes an object's namespace when nobody declares it.
    async fn reach(&mut self, namespace: &str) -> Result<(), ClusterError> {
        if namespace.is_empty() || self.spaces.contains(namespace) {
            return Ok(());
        }
        self.cluster.namespace(namespace).await?;
        self.spaces.insert(namespace.to_owned());
        Ok(())
    }
}
