//! Pure. The phases of a run: their names, and the order in which they make sense.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One phase. They run in the order of this enum, whatever order they were asked for in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The controller starts with all objects present.
    FirstSync,
    /// Nothing changes.
    Steady,
    /// A new object a second while the others refresh.
    NewObjects,
    /// The key that many objects share changes.
    RotateOne,
    /// Every key changes.
    RotateAll,
    /// All nodes drop their watches and read every mounted Secret at once, during a rotation.
    MassRestart,
    /// The backend pushes back: a token bucket.
    Throttle,
    /// The backend refuses connections, then is back.
    Outage,
    /// The backend accepts and never answers, then is back.
    Hang,
    /// A namespace full of objects that fail.
    FailingNamespace,
    /// The API server answers some requests with 429, and late.
    Pushback,
    /// A hundredth of the objects come and go each minute.
    Churn,
    /// SIGTERM, then a new process.
    RestartTerm,
    /// SIGKILL, then a new process.
    RestartKill,
    /// All objects at once for a new process, with a new object a second among them.
    NewObjectsFirstSync,
    /// Namespaces are deleted while their objects refresh.
    NamespaceDeletion,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 16] = [
        Self::FirstSync,
        Self::Steady,
        Self::NewObjects,
        Self::RotateOne,
        Self::RotateAll,
        Self::MassRestart,
        Self::Throttle,
        Self::Outage,
        Self::Hang,
        Self::FailingNamespace,
        Self::Pushback,
        Self::Churn,
        Self::RestartTerm,
        Self::RestartKill,
        Self::NewObjectsFirstSync,
        Self::NamespaceDeletion,
    ];

    /// Its name on the command line and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FirstSync => "first-sync",
            Self::Steady => "steady",
            Self::NewObjects => "new-objects",
            Self::RotateOne => "rotate-one",
            Self::RotateAll => "rotate-all",
            Self::MassRestart => "mass-restart",
            Self::Throttle => "throttle",
            Self::Outage => "outage",
            Self::Hang => "hang",
            Self::FailingNamespace => "failing-namespace",
            Self::Pushback => "pushback",
            Self::Churn => "churn",
            Self::RestartTerm => "restart-term",
            Self::RestartKill => "restart-kill",
            Self::NewObjectsFirstSync => "new-objects-first-sync",
            Self::NamespaceDeletion => "namespace-deletion",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Phase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|phase| phase.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|phase| phase.name()).collect();
            format!("{text} is no phase: use {}", names.join(", "))
        })
    }
}

impl Phase {
    /// Whether it changes values, or how the backend behaves: a real one takes no orders.
    #[must_use]
    pub fn orders_the_backend(self) -> bool {
        matches!(
            self,
            Self::RotateOne
                | Self::RotateAll
                | Self::MassRestart
                | Self::Throttle
                | Self::Outage
                | Self::Hang
                | Self::Pushback
        )
    }
}

/// The phases to run: those asked for, first sync in front, in order and once each.
#[must_use]
pub fn ordered(asked: &[Phase]) -> Vec<Phase> {
    let mut phases = asked.to_vec();
    phases.push(Phase::FirstSync);
    phases.sort_unstable();
    phases.dedup();
    phases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_serde_agrees() {
        for phase in Phase::ALL {
            assert_eq!(phase.name().parse(), Ok(phase));
            assert_eq!(
                serde_json::to_value(phase).unwrap(),
                serde_json::json!(phase.name())
            );
        }
        assert!("first".parse::<Phase>().is_err());
    }

    #[test]
    fn the_first_sync_comes_first_and_each_once() {
        let asked = [Phase::NamespaceDeletion, Phase::Steady, Phase::Steady];
        let expected = [Phase::FirstSync, Phase::Steady, Phase::NamespaceDeletion];
        assert_eq!(ordered(&asked), expected);
        assert_eq!(ordered(&[]), [Phase::FirstSync]);
    }
}
