//! Pure. managedFields of a Secret: which data keys, labels and annotations a manager owns.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

/// Field managers that are followed, at most 32; the position is the bit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Managers(Box<[Box<str>]>);

impl Managers {
    /// The bit of `manager`; 0 when it owns nothing or is not followed.
    #[must_use]
    pub fn bit(&self, manager: &str) -> u32 {
        (self.0.iter().position(|name| **name == *manager)).map_or(0, |at| 1 << at)
    }
}

/// Owners by name, while a digest is made.
#[derive(Debug, Default)]
pub(super) struct OwnedFields<'a> {
    pub(super) managers: Managers,
    data: BTreeMap<&'a str, u32>,
    labels: BTreeMap<&'a str, u32>,
    annotations: BTreeMap<&'a str, u32>,
}

impl<'a> OwnedFields<'a> {
    /// Entries of every operation and API version count, as they do for ESO.
    pub(super) fn of(
        entries: impl Iterator<Item = &'a ManagedFieldsEntry>,
        follows: &dyn Fn(&str) -> bool,
    ) -> Self {
        let mut owned = Self::default();
        let mut managers: Vec<Box<str>> = Vec::new();
        for entry in entries {
            let (Some(manager), Some(fields)) = (&entry.manager, &entry.fields_v1) else {
                continue;
            };
            if !follows(manager) {
                continue;
            }
            let at = match managers.iter().position(|name| **name == **manager) {
                Some(at) => at,
                None if managers.len() < 32 => {
                    managers.push(manager.as_str().into());
                    managers.len() - 1
                }
                None => continue,
            };
            let bit = 1u32 << at;
            let metadata = fields.0.get("f:metadata");
            collect(&mut owned.data, fields.0.get("f:data"), bit);
            for (map, name) in [
                (&mut owned.labels, "f:labels"),
                (&mut owned.annotations, "f:annotations"),
            ] {
                collect(map, metadata.and_then(|fields| fields.get(name)), bit);
            }
        }
        owned.managers = Managers(managers.into());
        owned
    }

    pub(super) fn data(&self, name: &str) -> u32 {
        self.data.get(name).copied().unwrap_or_default()
    }

    pub(super) fn label(&self, name: &str) -> u32 {
        self.labels.get(name).copied().unwrap_or_default()
    }

    pub(super) fn annotation(&self, name: &str) -> u32 {
        self.annotations.get(name).copied().unwrap_or_default()
    }
}

fn collect<'a>(into: &mut BTreeMap<&'a str, u32>, fields: Option<&'a serde_json::Value>, bit: u32) {
    for name in (fields.and_then(serde_json::Value::as_object))
        .into_iter()
        .flat_map(serde_json::Map::keys)
    {
        if let Some(name) = name.strip_prefix("f:") {
            *into.entry(name).or_default() |= bit;
        }
    }
}
