//! Pure. Draws the random sequences: which step comes next depends on the seed alone.

use serde_json::{Value, json};

use super::bodies;
use super::dice::Dice;
use super::faults;
use super::kinds::{
    CLUSTER_STORE, CONFIG_MAP, EVENT, EXTERNAL_SECRET, Kind, LEASE, NAMESPACE, NEW_EVENT, SECRET,
    SECRET_STORE, SERVICE_ACCOUNT,
};
use super::step::{Body, Call, Step};

pub const NAMES: [&str; 4] = ["a", "b", "c", "d-1.x"];
pub const NAMESPACES: [&str; 3] = ["{{p}}n1", "{{p}}n2", "{{p}}n3"];
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const PARTIAL: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const PARTIALS: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
/// Most watches open at a time.
const WATCHES: usize = 8;

/// Draws a sequence.
pub fn sequence(seed: u64, length: usize) -> Vec<Step> {
    let mut draw = Draw {
        dice: Dice::new(seed),
        open: Vec::new(),
        count: 0,
        live: Vec::new(),
    };
    let mut steps: Vec<Step> = NAMESPACES
        .iter()
        .map(|name| create_namespace(name))
        .collect();
    steps.extend(draw.found());
    while steps.len() < length {
        steps.push(draw.step());
    }
    steps.extend(draw.open.iter().map(|id| Step::Close(*id)));
    steps
}

fn create_namespace(name: &str) -> Step {
    let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    Step::Call(Call::new("POST", NAMESPACE.path("")).json(&body))
}

struct Draw {
    dice: Dice,
    open: Vec<usize>,
    count: usize,
    live: Vec<pool::Live>,
}

#[derive(Clone, Copy)]
enum Deed {
    Create,
    Generate,
    Get,
    List,
    Edit,
    Put,
    Merge,
    Json,
    Strategic,
    Status,
    Delete,
    DeleteMany,
    Unhold,
    Revive,
    Open,
    Close,
}

impl Draw {
    fn kind(&mut self) -> &'static Kind {
        self.dice.weighted(&[
            (24, &SECRET),
            (14, &CONFIG_MAP),
            (7, &SERVICE_ACCOUNT),
            (7, &EVENT),
            (4, &NEW_EVENT),
            (9, &LEASE),
            (5, &NAMESPACE),
            (18, &EXTERNAL_SECRET),
            (8, &SECRET_STORE),
            (4, &CLUSTER_STORE),
        ])
    }

    fn namespace(&mut self) -> &'static str {
        if self.dice.chance(2) {
            return "{{p}}none";
        }
        self.dice
            .weighted(&[(5, NAMESPACES[0]), (3, NAMESPACES[1]), (1, NAMESPACES[2])])
    }

    fn name(&mut self, kind: &Kind) -> String {
        if *kind == NAMESPACE {
            // The first two stay, so that most steps have somewhere to go.
            return self
                .dice
                .pick(&[NAMESPACES[2], "{{p}}n4", "{{p}}n5"])
                .to_owned();
        }
        let name = self.dice.pick(&NAMES);
        if kind.namespaced {
            name.to_owned()
        } else {
            format!("{{{{p}}}}{name}")
        }
    }

    fn step(&mut self) -> Step {
        let deed = self.dice.weighted(&[
            (20, Deed::Create),
            (2, Deed::Generate),
            (6, Deed::Get),
            (9, Deed::List),
            (9, Deed::Edit),
            (5, Deed::Put),
            (11, Deed::Merge),
            (9, Deed::Json),
            (7, Deed::Strategic),
            (7, Deed::Status),
            (9, Deed::Delete),
            (1, Deed::DeleteMany),
            (4, Deed::Unhold),
            (1, Deed::Revive),
            (3, Deed::Open),
            (3, Deed::Close),
        ]);
        let call = match deed {
            Deed::Open if self.open.len() < WATCHES => return self.start_watch(),
            Deed::Close if !self.open.is_empty() => {
                let at = self.dice.below(self.open.len());
                return Step::Close(self.open.swap_remove(at));
            }
            Deed::Get | Deed::Open | Deed::Close => self.get(),
            Deed::Create => self.create(),
            Deed::Generate => self.generate(),
            Deed::List => self.list(),
            Deed::Edit => self.edit(),
            Deed::Put => self.put(),
            Deed::Merge => self.merge(),
            Deed::Json => self.json(),
            Deed::Strategic => self.strategic(),
            Deed::Status => self.status(),
            Deed::Delete => self.delete(),
            Deed::DeleteMany => self.delete_many(),
            Deed::Unhold => self.unhold(),
            Deed::Revive => self.finalize(),
        };
        Step::Call(call)
    }

    /// The options that any write may carry.
    fn options(&mut self, mut call: Call) -> Call {
        if self.dice.chance(8) {
            let all = self.dice.pick(&["All", "All", "All", "Some"]);
            call = call.query("dryRun", all);
        }
        if self.dice.chance(25) {
            let mode = self
                .dice
                .pick(&["Strict", "Strict", "Warn", "Ignore", "Wrong"]);
            call = call.query("fieldValidation", mode);
        }
        if self.dice.chance(20) {
            let manager = self
                .dice
                .pick(&["external-secrets", "kubectl-edit", "a\tb"]);
            call = call.query("fieldManager", manager);
        }
        if self.dice.chance(10) {
            call.agent = "kubectl/v1.34.4 (linux/amd64) kubernetes/abc";
        }
        self.shaped(call)
    }

    fn shaped(&mut self, mut call: Call) -> Call {
        match self.dice.below(20) {
            0 => call.accept = TABLE,
            1 => call.accept = PARTIAL,
            2 if self.dice.chance(30) => call.accept = "text/html",
            _ => {}
        }
        call
    }

    fn body(&mut self, call: Call, mut object: Value) -> Call {
        if self.dice.chance(14) {
            faults::spoil(&mut self.dice, &mut object);
        }
        let mut call = call.json(&object);
        if self.dice.chance(4) {
            call.body = Body::Text(faults::spoil_text(&mut self.dice, &object.to_string()));
        }
        call
    }

    fn create(&mut self) -> Call {
        let (kind, namespace) = (self.kind(), self.namespace());
        let name = self.name(kind);
        self.made(kind, namespace, &name);
        let object = bodies::object(&mut self.dice, kind, namespace, &name);
        let call = Call::new("POST", kind.path(namespace));
        let call = self.options(call);
        self.body(call, object)
    }

    fn generate(&mut self) -> Call {
        let kind = self.kind();
        let kind = if *kind == NAMESPACE || *kind == CLUSTER_STORE {
            &SECRET
        } else {
            kind
        };
        let namespace = self.namespace();
        let mut object = bodies::object(&mut self.dice, kind, namespace, "x");
        self.count += 1;
        let prefix = format!("gen-{}-", self.count);
        object["metadata"]["generateName"] = prefix.into();
        object["metadata"].as_object_mut().unwrap().remove("name");
        if self.dice.chance(15) {
            object["metadata"]["generateName"] = "Bad_".into();
        }
        if self.dice.chance(15) {
            object["metadata"]["name"] = "a".into();
        }
        self.options(Call::new("POST", kind.path(namespace)))
            .json(&object)
    }

    fn get(&mut self) -> Call {
        let (_, _, _, path, key) = self.target();
        let mut call = Call::new("GET", path);
        if self.count > 0 && self.dice.chance(10) {
            let number = self.dice.below(self.count) + 1;
            call.path = format!("{}/{{{{gen:{number}}}}}", SECRET.path(NAMESPACES[0]));
        }
        if self.dice.chance(10) {
            let version = self.dice.pick(&["0", "rv", "x"]);
            let version = if version == "rv" {
                format!("{{{{rv:{key}}}}}")
            } else {
                version.into()
            };
            call = call.query("resourceVersion", version);
        }
        self.shaped(call)
    }

    fn selectors(&mut self, mut call: Call) -> Call {
        if self.dice.chance(40) {
            let selector = self.dice.pick(&[
                "app=web",
                "app!=web",
                "app in (web,db)",
                "app notin (web)",
                "!app",
                "app",
                "app==db,x.io/tier=gold",
                "x.io/tier",
                "app=",
                "app in ()",
                "=x",
                "a b",
                "app>1",
                "app<5",
                "app=bad/value",
                "app,app!=db",
                "x.io/tier notin (gold,tin),app",
            ]);
            call = call.query("labelSelector", selector);
        }
        if self.dice.chance(25) {
            let selector = self.dice.pick(&[
                "metadata.name=a",
                "metadata.name!=a",
                "metadata.name=a,metadata.name=b",
                "type=Opaque",
                "type!=Opaque",
                "metadata.namespace={{p}}n1",
                "status.phase=Active",
                "reason=Synced",
                "involvedObject.name=a",
                "spec.x=1",
                "metadata.name",
                "==",
                "metadata.name==b",
                "spec.provider=x",
                "involvedObject.kind=Secret,type=Normal",
            ]);
            call = call.query("fieldSelector", selector);
        }
        call
    }

    fn list(&mut self) -> Call {
        let (kind, namespace) = (self.kind(), self.namespace());
        let everywhere = self.dice.chance(12) || !kind.namespaced;
        let path = kind.path(if everywhere { "" } else { namespace });
        let mut call = self.selectors(Call::new("GET", path.clone()));
        if !everywhere && self.dice.chance(40) {
            let limit = self.dice.pick(&["1", "2", "3", "500", "x", "-1"]);
            call = call.query("limit", limit);
            if self.dice.chance(60) {
                call = call.query("continue", format!("{{{{more:{path}}}}}"));
            }
        }
        if self.dice.chance(25) {
            let name = self.dice.pick(&NAMES);
            let version = match self.dice.below(6) {
                0 => "0".to_owned(),
                1 => "x".to_owned(),
                _ => format!("{{{{rv-5:{}}}}}", kind.key(namespace, name)),
            };
            call = call.query("resourceVersion", version);
            if self.dice.chance(60) {
                let matching = self.dice.pick(&["Exact", "NotOlderThan", "Exact", "Wrong"]);
                call = call.query("resourceVersionMatch", matching);
            }
        } else if self.dice.chance(3) {
            call = call.query("resourceVersionMatch", "Exact");
        }
        let mut call = self.shaped(call);
        if call.accept == PARTIAL {
            call.accept = PARTIALS;
        }
        call
    }

    /// Reads, changes and writes back what was read.
    fn edit(&mut self) -> Call {
        let (kind, namespace, _, path, key) = self.target();
        let mut merge = bodies::content(&mut self.dice, kind, namespace);
        merge["metadata"] = bodies::metadata(&mut self.dice, namespace);
        let meta = &mut merge["metadata"];
        match self.dice.below(10) {
            0 => meta["resourceVersion"] = format!("{{{{rv-1:{key}}}}}").into(),
            1 => meta["resourceVersion"] = Value::Null,
            2 => meta["managedFields"] = Value::Null,
            3 => merge = json!({}),
            4 => meta["uid"] = Value::Null,
            _ => {}
        }
        if self.dice.chance(12) && merge["metadata"].is_object() {
            faults::spoil(&mut self.dice, &mut merge);
        }
        let mut call = self.options(Call::new("PUT", path));
        call.body = Body::Edit { key, merge };
        call
    }

    /// Writes a fresh object over an old one.
    fn put(&mut self) -> Call {
        let (kind, namespace, name, path, key) = self.target();
        let mut object = bodies::object(&mut self.dice, kind, namespace, &name);
        if self.dice.chance(60) {
            object["metadata"]["resourceVersion"] = format!("{{{{rv:{key}}}}}").into();
        }
        let call = self.options(Call::new("PUT", path));
        self.body(call, object)
    }
}

mod change;
mod pool;
