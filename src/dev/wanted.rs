//! Pure. What shall be there, and the steps that lead to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::fault::{Fault, Place, Sort};
use super::manifest::Manifest;

#[cfg(test)]
mod tests;

/// A kind that the API serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Path segment of its objects.
    pub plural: String,
    /// Whether its objects lie in namespaces.
    pub namespaced: bool,
}

/// What the API serves, by apiVersion and kind.
pub type Kinds = BTreeMap<(String, String), Served>;

/// Which object: the order of applying first, then by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Place in the order of applying.
    pub rank: Rank,
    /// API group; versions of one group are the same object.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty for kinds that have none.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Id {
    /// The object as people write it: `Kind namespace/name`.
    #[must_use]
    pub fn text(&self) -> String {
        let Self {
            kind,
            namespace,
            name,
            ..
        } = self;
        if namespace.is_empty() {
            format!("{kind} {name}")
        } else {
            format!("{kind} {namespace}/{name}")
        }
    }
}

/// The order of applying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rank {
    /// Others lie in them.
    Namespace,
    /// Others are of them.
    Definition,
    /// Stores refer to them: Secrets, ConfigMaps, service accounts, whatever else.
    Source,
    /// ExternalSecrets refer to them.
    Store,
    /// They refer to all others.
    ExternalSecret,
}

impl Rank {
    /// Where a kind stands.
    #[must_use]
    pub fn of(kind: &str) -> Self {
        match kind {
            "Namespace" => Self::Namespace,
            "CustomResourceDefinition" => Self::Definition,
            "SecretStore" | "ClusterSecretStore" => Self::Store,
            "ExternalSecret" | "ClusterExternalSecret" | "PushSecret" => Self::ExternalSecret,
            _ => Self::Source,
        }
    }
}

/// One object that shall be there.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Where it stands.
    pub place: Place,
    /// Path of its collection, such as `/api/v1/namespaces/default/secrets`.
    pub path: String,
    /// All of it.
    pub body: Arc<Value>,
}

/// What the files ask for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// The objects.
    pub objects: BTreeMap<Id, Object>,
    /// What cannot be asked for.
    pub faults: Vec<Fault>,
}

/// Resolves manifests, in the order of files, against what is served.
#[must_use]
pub fn wanted<'a>(
    manifests: impl IntoIterator<Item = &'a Manifest>,
    kinds: &Kinds,
    namespace: &str,
) -> Wanted {
    let mut wanted = Wanted::default();
    for manifest in manifests {
        let key = (manifest.api_version.clone(), manifest.kind.clone());
        let Some(served) = kinds.get(&key) else {
            wanted.faults.push(unserved(manifest, kinds));
            continue;
        };
        let (group, _) = group_version(&manifest.api_version);
        let namespace = match (&manifest.namespace, served.namespaced) {
            (_, false) => "",
            (Some(own), true) => own,
            (None, true) => namespace,
        };
        let id = Id {
            rank: Rank::of(&manifest.kind),
            group: group.to_owned(),
            kind: manifest.kind.clone(),
            namespace: namespace.to_owned(),
            name: manifest.name.clone(),
        };
        if let Some(first) = wanted.objects.get(&id) {
            let what = format!("{} stands at {} already", id.text(), first.place);
            let cure = "the first one counts; remove or rename one of them";
            let fault = Fault::new(Sort::Refused, &manifest.place, what).cure(cure);
            wanted.faults.push(fault);
            continue;
        }
        let object = Object {
            place: manifest.place.clone(),
            path: collection(&manifest.api_version, &served.plural, namespace),
            body: Arc::clone(&manifest.body),
        };
        wanted.objects.insert(id, object);
    }
    wanted
}

fn group_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Path of a collection.
#[must_use]
pub fn collection(api_version: &str, plural: &str, namespace: &str) -> String {
    let root = if api_version.contains('/') {
        "/apis/"
    } else {
        "/api/"
    };
    if namespace.is_empty() {
        format!("{root}{api_version}/{plural}")
    } else {
        format!("{root}{api_version}/namespaces/{namespace}/{plural}")
    }
}

fn unserved(manifest: &Manifest, kinds: &Kinds) -> Fault {
    let Manifest {
        api_version, kind, ..
    } = manifest;
    let what = format!("nobody serves {kind} ({api_version}) here");
    let versions: Vec<&str> = kinds
        .keys()
        .filter(|(_, k)| k == kind)
        .map(|(v, _)| &**v)
        .collect();
    let cure = if versions.is_empty() {
        let mut names: Vec<&str> = kinds.keys().map(|(_, kind)| &**kind).collect();
        names.sort_unstable();
        names.dedup();
        format!("served: {}", names.join(", "))
    } else {
        format!("{kind} is served as {}", versions.join(", "))
    };
    Fault::new(Sort::Unserved, &manifest.place, what).cure(cure)
}

/// An object that was applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// The file it came from.
    pub file: Arc<str>,
    /// Path of its collection.
    pub path: String,
    /// What was applied.
    pub body: Arc<Value>,
}

/// One step towards what is wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The object is deleted.
    Delete(Id),
    /// The object is created or changed.
    Apply(Id),
}

/// The steps: first ExternalSecrets go (their targets become free), then objects come in the
/// order of their ranks, then the others go, users before what they use. What came from a file
/// in `unreadable` stays: that it is no longer wanted was not said.
#[must_use]
pub fn steps(
    applied: &BTreeMap<Id, Applied>,
    wanted: &BTreeMap<Id, Object>,
    unreadable: &BTreeSet<Arc<str>>,
) -> Vec<Step> {
    let gone = |(id, object): &(&Id, &Applied)| {
        !wanted.contains_key(*id) && !unreadable.contains(&object.file)
    };
    let gone: Vec<&Id> = applied.iter().filter(gone).map(|(id, _)| id).collect();
    let (users, others): (Vec<&Id>, Vec<&Id>) =
        (gone.into_iter()).partition(|id| id.rank == Rank::ExternalSecret);
    let stale = wanted.iter().filter(|(id, object)| {
        let before = applied.get(*id);
        before.is_none_or(|before| before.body != object.body || before.path != object.path)
    });
    let deletions =
        |ids: Vec<&Id>| -> Vec<Step> { ids.into_iter().cloned().map(Step::Delete).collect() };
    let mut steps = deletions(users);
    steps.extend(stale.map(|(id, _)| Step::Apply(id.clone())));
    steps.extend(deletions(others.into_iter().rev().collect()));
    steps
}
