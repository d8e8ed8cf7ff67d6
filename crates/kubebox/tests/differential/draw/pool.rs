//! Pure. Which objects are probably there: most requests are about one of them, the others miss.

use super::super::kinds::{ALL, Kind};
use super::{Call, Draw, NAMES, NAMESPACE, NAMESPACES, Step, bodies};

/// Kind, namespace and name.
pub(super) type Live = (&'static Kind, &'static str, String);

impl Draw {
    /// The objects that every sequence starts with: some of each kind, without faults.
    pub(super) fn found(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for kind in ALL.iter().filter(|kind| **kind != &NAMESPACE) {
            let spaces = if kind.namespaced { 2 } else { 1 };
            for namespace in &NAMESPACES[..spaces] {
                for name in &NAMES[..2] {
                    let name = if kind.namespaced {
                        (*name).to_owned()
                    } else {
                        format!("{{{{p}}}}{name}")
                    };
                    let object = bodies::object(&mut self.dice, kind, namespace, &name);
                    let call = Call::new("POST", kind.path(namespace)).json(&object);
                    steps.push(Step::Call(call));
                    self.made(kind, namespace, &name);
                }
            }
        }
        steps
    }

    pub(super) fn made(&mut self, kind: &'static Kind, namespace: &'static str, name: &str) {
        let new = (kind, namespace, name.to_owned());
        if !self.live.contains(&new) {
            self.live.push(new);
        }
    }

    /// Forgets an object that probably is no more.
    pub(super) fn unmade(&mut self, path: &str) {
        self.live
            .retain(|(kind, namespace, name)| format!("{}/{name}", kind.path(namespace)) != path);
    }

    /// An object's kind, namespace, name, path and key.
    pub(super) fn target(&mut self) -> (&'static Kind, &'static str, String, String, String) {
        let (kind, namespace, name) = if self.dice.chance(75) && !self.live.is_empty() {
            // By kind first, so that the kinds keep their weights.
            let kind = self.kind();
            let of: Vec<Live> = self.live.iter().filter(|l| l.0 == kind).cloned().collect();
            let from = if of.is_empty() { &self.live } else { &of };
            from[self.dice.below(from.len())].clone()
        } else {
            let (kind, namespace) = (self.kind(), self.namespace());
            let name = self.name(kind);
            (kind, namespace, name)
        };
        let path = format!("{}/{name}", kind.path(namespace));
        let key = kind.key(namespace, &name);
        (kind, namespace, name, path, key)
    }
}
