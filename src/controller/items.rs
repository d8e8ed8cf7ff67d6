//! Pure. What the queues carry: objects, stores, and why they go.

use std::sync::Arc;

use tidegate_queue::{Key, Reasons};
use tidegate_stages::{ObjectKey, Trigger};

use super::relations::StoreId;

/// A key of the queue of objects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Item(pub ObjectKey);

impl Key for Item {
    type Namespace = Arc<str>;

    fn namespace(&self) -> &Arc<str> {
        &self.0.namespace
    }
}

/// A key of the queue of stores.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreItem {
    /// The store.
    pub id: StoreId,
    namespace: Arc<str>,
}

impl StoreItem {
    /// The key of a store.
    #[must_use]
    pub fn new(id: &StoreId) -> Self {
        Self {
            id: id.clone(),
            namespace: id.namespace.clone().unwrap_or_default(),
        }
    }
}

impl Key for StoreItem {
    type Namespace = Arc<str>;

    fn namespace(&self) -> &Arc<str> {
        &self.namespace
    }
}

/// The triggers in the order of their weight: of several, the first is told to the plan.
const TRIGGERS: [Trigger; 7] = [
    Trigger::Spec,
    Trigger::GroupChanged,
    Trigger::Drift,
    Trigger::StoreChanged,
    Trigger::First,
    Trigger::Retry,
    Trigger::Timer,
];

/// A trigger as the queue carries it.
#[must_use]
pub fn reason(trigger: Trigger) -> Reasons {
    let position = TRIGGERS
        .iter()
        .position(|known| *known == trigger)
        .unwrap_or_default();
    Reasons::one(u32::try_from(position).unwrap_or_default())
}

/// The weightiest trigger of a ticket.
#[must_use]
pub fn trigger(reasons: Reasons) -> Trigger {
    let first = reasons
        .numbers()
        .next()
        .and_then(|number| usize::try_from(number).ok());
    first
        .and_then(|position| TRIGGERS.get(position))
        .copied()
        .unwrap_or(Trigger::Timer)
}
