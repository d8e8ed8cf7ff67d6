//! Pure. The event by which a watch is known to have shown everything before it: an object that
//! the watch's own selectors let through.

use serde_json::{Value, json};

use super::kinds::{
    ALL, CONFIG_MAP, EVENT, EXTERNAL_SECRET, Kind, LEASE, NAMESPACE, NEW_EVENT, SECRET,
};
use super::step::Call;

/// What is to be created, and what is to be deleted after.
pub struct Barrier {
    pub name: String,
    pub create: Call,
    /// Namespaces stay: without controllers nothing would end them.
    pub delete: Option<Call>,
}

/// The barrier of a watch; none where nothing that is new can pass its selectors.
pub fn barrier(id: usize, watch: &Call) -> Option<Barrier> {
    let (kind, namespace) = followed(&watch.path)?;
    let namespace = if namespace.is_empty() {
        "{{p}}n1"
    } else {
        namespace
    };
    let mut object = content(kind, namespace);
    let name = if kind.namespaced {
        format!("zz-{id}")
    } else {
        format!("{{{{p}}}}zz-{id}")
    };
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.kind.into();
    object["metadata"] = json!({ "name": name, "labels": labels(watch.param("labelSelector"))? });
    fields(kind, namespace, watch.param("fieldSelector"), &mut object)?;
    let path = kind.path(namespace);
    let delete = format!("{path}/{name}");
    Some(Barrier {
        create: Call::new("POST", path).json(&object),
        delete: (*kind != NAMESPACE).then(|| Call::new("DELETE", delete)),
        name,
    })
}

/// Kind and namespace of a watched collection.
fn followed(path: &str) -> Option<(&'static Kind, &str)> {
    ALL.iter().find_map(|kind| {
        if kind.path("") == path {
            return Some((*kind, ""));
        }
        let (root, _) = kind
            .path("")
            .rsplit_once('/')
            .map(|(r, p)| (r.to_owned(), p.len()))?;
        let rest = path.strip_prefix(&format!("{root}/namespaces/"))?;
        let (namespace, plural) = rest.split_once('/')?;
        (kind.namespaced && plural == kind.plural).then_some((*kind, namespace))
    })
}

fn content(kind: &Kind, namespace: &str) -> Value {
    let about = json!({ "kind": "Secret", "name": "a", "namespace": namespace });
    if *kind == EVENT {
        json!({ "involvedObject": about, "reason": "Synced", "type": "Normal" })
    } else if *kind == NEW_EVENT {
        json!({ "regarding": about, "reason": "Synced", "type": "Normal", "action": "Sync",
            "eventTime": "2026-01-01T00:00:00.000001Z", "reportingController": "x.io/differ",
            "reportingInstance": "differ-1" })
    } else if *kind == EXTERNAL_SECRET {
        json!({ "spec": { "secretStoreRef": { "name": "store" } } })
    } else if kind.status && *kind != NAMESPACE {
        json!({ "spec": { "provider": { "fake": { "data": [] } } } })
    } else if *kind == SECRET || *kind == CONFIG_MAP {
        json!({ "data": {} })
    } else if *kind == LEASE {
        json!({ "spec": {} })
    } else {
        json!({})
    }
}

/// Labels that a selector lets through.
fn labels(selector: &str) -> Option<Value> {
    Some(match selector {
        "" | "app!=web" | "app notin (web)" | "!app" => json!({}),
        "app=" | "app in ()" => json!({ "app": "" }),
        "app>1" | "app<5" => json!({ "app": "3" }),
        "app==db,x.io/tier=gold" => json!({ "app": "db", "x.io/tier": "gold" }),
        "x.io/tier" => json!({ "x.io/tier": "gold" }),
        "app=web"
        | "app in (web,db)"
        | "app"
        | "app,app!=db"
        | "x.io/tier notin (gold,tin),app" => json!({ "app": "web" }),
        _ => return None,
    })
}

/// Makes the object one that a field selector lets through.
fn fields(kind: &Kind, namespace: &str, selector: &str, object: &mut Value) -> Option<()> {
    let event = *kind == EVENT || *kind == NEW_EVENT;
    match selector {
        "" | "metadata.name!=a" | "==" => Some(()),
        "metadata.namespace={{p}}n1" => (namespace == "{{p}}n1").then_some(()),
        "status.phase=Active" => (*kind == NAMESPACE).then_some(()),
        "type=Opaque" => (*kind == SECRET).then_some(()),
        "type!=Opaque" => {
            if *kind == SECRET {
                object["type"] = "x.io/own".into();
            }
            (*kind == SECRET || event).then_some(())
        }
        "reason=Synced" | "involvedObject.name=a" | "involvedObject.kind=Secret,type=Normal" => {
            event.then_some(())
        }
        _ => None,
    }
}
