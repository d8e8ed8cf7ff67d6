//! Shell. The 300 objects of the storm, and what each of them must end as.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Sim, depot, external_secret, extract, folder, path, ready};

pub const OBJECTS: usize = 300;
const NAMESPACES: usize = 6;
const KEYS: usize = 60;
/// From an object's first key to its second: one of the same namespace and the same interval.
const AWAY: usize = 2 * NAMESPACES;
const INTERVALS: [(&str, u64); 4] = [("1m", 60), ("2m", 120), ("5m", 300), ("15m", 900)];
/// Longer than the longest pause between tries and the longest interval and a half.
pub const CONVERGED: Duration = Duration::from_secs(40 * 60);

/// What an object asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Owner and Retain: the Secret follows the value.
    Plain,
    /// As `Plain`, but the Secret goes with its value.
    Delete,
    /// Drawn at random once, never again.
    Once,
    /// Into somebody else's Secret, whose own key stays.
    Merge,
    /// Without an owner.
    Orphan,
}

/// One object.
#[derive(Debug, Clone)]
pub struct Role {
    pub namespace: String,
    pub name: String,
    pub kind: Kind,
    pub key: String,
    /// A second key, of which one property is taken.
    pub second: Option<String>,
    /// Seconds.
    pub interval: u64,
}

impl Role {
    fn new(number: usize) -> Self {
        let kind = match number % 10 {
            0 => Kind::Delete,
            1 => Kind::Once,
            2 => Kind::Merge,
            3 => Kind::Orphan,
            _ => Kind::Plain,
        };
        let key = match kind {
            Kind::Delete => format!("d{number}"),
            _ => format!("k{}", number % KEYS),
        };
        let second = (kind == Kind::Plain && number.is_multiple_of(7))
            .then(|| format!("k{}", (number + AWAY) % KEYS));
        Self {
            namespace: format!("storm-{}", number % NAMESPACES),
            name: format!("es{number}"),
            kind,
            key,
            second,
            // All objects of one key agree, so that its polls can be counted.
            interval: INTERVALS[number % KEYS % 4].1,
        }
    }

    fn spec(&self) -> Value {
        let interval = INTERVALS.iter().find(|(_, s)| *s == self.interval).unwrap();
        let mut spec = extract(&[&self.key], interval.0);
        if let Some(second) = &self.second {
            let reference = json!({ "key": second, "property": "v" });
            spec["data"] = json!([{ "secretKey": "second", "remoteRef": reference }]);
        }
        match self.kind {
            Kind::Plain => {}
            Kind::Delete => spec["target"] = json!({ "deletionPolicy": "Delete" }),
            Kind::Merge => spec["target"] = json!({ "creationPolicy": "Merge" }),
            Kind::Orphan => spec["target"] = json!({ "creationPolicy": "Orphan" }),
            Kind::Once => {
                spec["refreshPolicy"] = json!("CreatedOnce");
                let data = json!({ "drawn": "{{ randAlphaNum 16 }}" });
                spec["target"] = json!({ "template": { "data": data } });
            }
        }
        spec
    }

    /// What the Secret holds for these numbers of its keys; nothing is known of what was drawn.
    pub fn holds(&self, number: u64, second: Option<u64>) -> BTreeMap<String, String> {
        let mut data = depot::value(&self.key, number);
        if let (Some(key), Some(number)) = (&self.second, second) {
            data.insert("second".into(), depot::value(key, number)["v"].clone());
        }
        if self.kind == Kind::Merge {
            data.insert("own".into(), "kept".into());
        }
        data
    }

    pub fn object(&self) -> String {
        path(&self.namespace, "externalsecrets", &self.name)
    }

    pub fn secret(&self) -> String {
        path(&self.namespace, "secrets", &self.name)
    }

    /// Creates the object, or creates it again.
    pub fn body(&self) -> Value {
        external_secret(&self.name, &self.spec())
    }
}

/// All objects.
pub struct Cast(pub Vec<Role>);

impl Cast {
    /// Makes namespaces, values and objects, before any controller and any fault.
    pub async fn enter(sim: &Sim) -> Self {
        for number in 0..NAMESPACES {
            sim.namespace(&format!("storm-{number}")).await;
        }
        let roles: Vec<Role> = (0..OBJECTS).map(Role::new).collect();
        for number in 0..KEYS {
            sim.depot.put(&format!("k{number}"));
        }
        for role in &roles {
            if role.kind == Kind::Delete {
                sim.depot.put(&role.key);
            }
            if role.kind == Kind::Merge {
                let data = json!({ "own": STANDARD.encode("kept") });
                let body = json!({ "metadata": { "name": role.name }, "data": data });
                sim.create(&folder(&role.namespace, "secrets"), &body).await;
            }
            let objects = folder(&role.namespace, "externalsecrets");
            sim.create(&objects, &role.body()).await;
        }
        Self(roles)
    }

    /// The objects that are not as their values are.
    pub async fn behind(&self, sim: &Sim) -> Vec<String> {
        let mut behind = Vec::new();
        let secrets = listed(sim, "/api/v1/secrets").await;
        let objects = listed(sim, "/apis/external-secrets.io/v1/externalsecrets").await;
        for role in &self.0 {
            let key = (role.namespace.clone(), role.name.clone());
            let held = secrets.get(&key).map(crate::support::data);
            let number = sim.depot.number(&role.key);
            let second = role.second.as_ref().and_then(|key| sim.depot.number(key));
            let wanted = number.map(|number| role.holds(number, second));
            let well = match role.kind {
                Kind::Once => held.as_ref().is_some_and(|data| data.contains_key("drawn")),
                _ => held == wanted,
            };
            let (status, reason, message) = objects.get(&key).map(ready).unwrap_or_default();
            if !well || status != "True" {
                let (ns, name, kind) = (&role.namespace, &role.name, role.kind);
                behind.push(format!(
                    "{ns}/{name} {kind:?}: {status} {reason} {message}; {held:?}, not {wanted:?}"
                ));
            }
        }
        behind
    }
}

/// Everything of a kind, by namespace and name.
async fn listed(sim: &Sim, path: &str) -> BTreeMap<(String, String), Value> {
    let list = sim.get(path).await.unwrap();
    let text = |item: &Value, field: &str| item["metadata"][field].as_str().unwrap().to_owned();
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| ((text(item, "namespace"), text(item, "name")), item.clone()))
        .collect()
}
