//! Pure. Who and how many are known: for relists, the shrink guard and the metrics.

use std::sync::Arc;

use tidegate_api::StoreKind;
use tidegate_stages::ObjectKey;

use super::super::relations::StoreId;
use super::World;

impl World {
    /// The ExternalSecrets that are known, whether they decode or not.
    #[must_use]
    pub fn objects(&self) -> Vec<ObjectKey> {
        self.objects
            .keys()
            .chain(self.broken.keys())
            .cloned()
            .collect()
    }

    /// The stores of a kind.
    #[must_use]
    pub fn stores(&self, kind: StoreKind) -> Vec<ObjectKey> {
        let of_kind = self.stores.keys().filter(|id| id.key.kind == kind);
        let key = |id: &StoreId| {
            ObjectKey::new(
                id.namespace.clone().unwrap_or_default(),
                Arc::clone(&id.key.name),
            )
        };
        of_kind.map(key).collect()
    }

    /// The namespaces.
    #[must_use]
    pub fn namespaces(&self) -> Vec<ObjectKey> {
        let key = |name: &Arc<str>| ObjectKey::new("", Arc::clone(name));
        self.namespaces.keys().map(key).collect()
    }

    /// The managed Secrets.
    #[must_use]
    pub fn targets(&self) -> Vec<ObjectKey> {
        self.targets.keys().cloned().collect()
    }

    /// Numbers for the metrics: objects, stores and targets.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (
            self.objects.len() + self.broken.len(),
            self.stores.len(),
            self.targets.len(),
        )
    }

    /// How many Secrets that exist are fed by `store`: the baseline of the shrink guard.
    #[must_use]
    pub fn fed_by(&self, store: &StoreId) -> usize {
        let users = self.relations.users_of_store(store);
        let fed = users.iter().filter(|user| {
            let name = self.relations.target_of(user).unwrap_or(&user.name);
            let target = ObjectKey::new(Arc::clone(&user.namespace), Arc::clone(name));
            self.targets.contains_key(&target)
        });
        fed.count()
    }
}
