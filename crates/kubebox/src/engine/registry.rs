//! Pure. The resources that are served now: the built-in ones and those of established CRDs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::resource::{Builtin, Resource, TableId, Version};
use super::schema::Schema;

const BUILTIN: &str = include_str!("builtin.json");

/// Resources by group and plural.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    groups: BTreeMap<String, BTreeMap<String, Arc<Resource>>>,
    /// Schema of `metadata`, shared by all.
    pub(crate) meta: Arc<Schema>,
    pub(crate) raw_meta: Arc<Value>,
    /// Counts changes, so that published documents can be cached by it.
    pub(crate) revision: u64,
    tables: TableId,
}

impl Registry {
    /// The registry with the built-in resources only.
    pub(crate) fn builtin() -> Self {
        let document: Value = serde_json::from_str(BUILTIN).unwrap_or_default();
        let mut registry = Self {
            meta: Arc::new(Schema::parse(&document["objectMeta"])),
            raw_meta: Arc::new(document["objectMeta"].clone()),
            ..Self::default()
        };
        let mut events: Option<(TableId, Vec<String>)> = None;
        for raw in document["resources"].as_array().into_iter().flatten() {
            let mut resource = builtin(raw, &document["objectMeta"]);
            // Both faces of an event are stored, and thus indexed, as the core one.
            match (resource.builtin, &events) {
                (Some(Builtin::Event), Some((table, indexed))) => {
                    resource.table = *table;
                    resource.indexed = indexed.clone();
                }
                (Some(Builtin::Event), None) => {
                    resource.table = registry.new_table();
                    events = Some((resource.table, resource.indexed.clone()));
                }
                _ => resource.table = registry.new_table(),
            }
            registry.insert(resource);
        }
        registry
    }

    /// Takes a fresh table id.
    pub(crate) fn new_table(&mut self) -> TableId {
        self.tables += 1;
        self.tables - 1
    }

    pub(crate) fn table_count(&self) -> usize {
        self.tables
    }

    pub(crate) fn insert(&mut self, resource: Resource) {
        self.revision += 1;
        let group = self.groups.entry(resource.group.clone()).or_default();
        group.insert(resource.plural.clone(), Arc::new(resource));
    }

    pub(crate) fn remove(&mut self, group: &str, plural: &str) {
        self.revision += 1;
        if let Some(resources) = self.groups.get_mut(group) {
            resources.remove(plural);
            if resources.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    pub(crate) fn get(&self, group: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.groups.get(group)?.get(plural)
    }

    /// The resource and the index of a served version.
    pub(crate) fn find(
        &self,
        group: &str,
        version: &str,
        plural: &str,
    ) -> Option<(Arc<Resource>, usize)> {
        let resource = self.get(group, plural)?;
        let at = resource
            .versions
            .iter()
            .position(|v| v.served && v.name == version)?;
        Some((Arc::clone(resource), at))
    }

    /// The resource of a kind, as ownerReferences name it.
    pub(crate) fn by_kind(&self, group: &str, kind: &str) -> Option<&Arc<Resource>> {
        self.groups.get(group)?.values().find(|r| r.kind == kind)
    }

    pub(crate) fn by_builtin(&self, builtin: Builtin) -> Option<&Arc<Resource>> {
        self.all()
            .find(|r| r.builtin == Some(builtin) && !r.is_new_event())
    }

    /// Every resource, by group and plural.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.groups.values().flat_map(BTreeMap::values)
    }

    /// The served versions of a group, the preferred one first.
    pub(crate) fn versions(&self, group: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .groups
            .get(group)
            .into_iter()
            .flat_map(BTreeMap::values)
            .flat_map(|r| {
                r.versions
                    .iter()
                    .filter(|v| v.served)
                    .map(|v| v.name.clone())
            })
            .collect();
        names.sort_by_key(|name| std::cmp::Reverse(priority(name)));
        names.dedup();
        names
    }

    /// The names of all groups with a served version; the core group is the empty name.
    pub(crate) fn group_names(&self) -> Vec<String> {
        let served = |g: &&String| !self.versions(g).is_empty();
        self.groups.keys().filter(served).cloned().collect()
    }
}

/// Kubernetes' version order: GA over beta over alpha, then by number; other names last.
pub(crate) fn priority(version: &str) -> (u8, u64, u64, std::cmp::Reverse<String>) {
    let other = (0, 0, 0, std::cmp::Reverse(version.to_owned()));
    let plain = |major, stage, minor| (stage, major, minor, std::cmp::Reverse(String::new()));
    let Some(rest) = version.strip_prefix('v') else {
        return other;
    };
    let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let Ok(major) = rest[..rest.len() - digits.len()].parse() else {
        return other;
    };
    for (stage, name) in [(1, "alpha"), (2, "beta")] {
        if let Some(minor) = digits.strip_prefix(name).and_then(|m| m.parse().ok()) {
            return plain(major, stage, minor);
        }
    }
    if digits.is_empty() {
        plain(major, 3, 0)
    } else {
        other
    }
}

fn builtin(raw: &Value, meta: &Value) -> Resource {
    let text = |key: &str| raw[key].as_str().unwrap_or_default().to_owned();
    let list = |key: &str| -> Vec<String> {
        let items = raw[key].as_array().into_iter().flatten();
        items
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect()
    };
    let mut schema = raw["schema"].clone();
    schema["properties"]["metadata"] = meta.clone();
    schema["properties"]["metadata"]["x-kubebox-inline"] = true.into();
    let kind = text("kind");
    let version = Version {
        name: text("version"),
        served: true,
        schema: Arc::new(Schema::parse(&schema)),
        raw: Arc::new(schema),
        status: raw["status"] == true,
        columns: Vec::new(),
        selectable: list("selectable"),
        warning: None,
        rules: None,
    };
    Resource {
        group: text("group"),
        plural: text("plural"),
        singular: text("singular"),
        list_kind: format!("{kind}List"),
        short_names: list("short"),
        categories: list("categories"),
        namespaced: raw["namespaced"] == true,
        builtin: match kind.as_str() {
            "Namespace" => Some(Builtin::Namespace),
            "Secret" => Some(Builtin::Secret),
            "ConfigMap" => Some(Builtin::ConfigMap),
            "ServiceAccount" => Some(Builtin::ServiceAccount),
            "Event" => Some(Builtin::Event),
            "Lease" => Some(Builtin::Lease),
            _ => Some(Builtin::Crd),
        },
        kind,
        terminating: false,
        indexed: version.selectable.clone(),
        versions: vec![version],
        table: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_preferred_as_kubernetes_does() {
        let mut names = ["foo", "v1alpha1", "v10", "v1beta2", "v1", "v2", "v1beta10"];
        names.sort_by_key(|n| std::cmp::Reverse(priority(n)));
        assert_eq!(
            names,
            ["v10", "v2", "v1", "v1beta10", "v1beta2", "v1alpha1", "foo"]
        );
    }

    #[test]
    fn builtin_resources_are_known_and_events_share_a_table() {
        let registry = Registry::builtin();
        let plurals: Vec<_> = registry.all().map(|r| r.named().to_string()).collect();
        assert_eq!(
            plurals,
            [
                "configmaps",
                "events",
                "namespaces",
                "secrets",
                "serviceaccounts",
                "customresourcedefinitions.apiextensions.k8s.io",
                "leases.coordination.k8s.io",
                "events.events.k8s.io",
            ]
        );
        let old = registry.get("", "events").unwrap().table;
        assert_eq!(registry.get("events.k8s.io", "events").unwrap().table, old);
        assert_eq!(registry.table_count(), 7);
    }
}
