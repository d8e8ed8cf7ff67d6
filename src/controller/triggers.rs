//! Pure. Why an object is looked at, as the queue carries it.

use tidegate_queue::Reasons;
use tidegate_stages::Trigger;

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
