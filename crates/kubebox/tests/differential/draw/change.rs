//! Pure. Draws patches, statuses, deletions and watches.

use serde_json::{Value, json};

use super::super::kinds::{ALL, Kind};
use super::{Body, Call, Draw, NAMES, NAMESPACE, Step, bodies, faults};

const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

impl Draw {
    fn patched(&mut self, path: String, content: &'static str, patch: &Value) -> Call {
        let mut call = self.options(Call::new("PATCH", path));
        call.content = content;
        call = call.json(patch);
        if self.dice.chance(3) {
            let broken = self
                .dice
                .pick(&["", "{", "[]", "5", "null", "\"x\"", "[5]", "{}"]);
            call.body = Body::Text(broken.to_owned());
        }
        if self.dice.chance(1) {
            call.content = "application/unknown";
        }
        call
    }

    pub(super) fn merge(&mut self) -> Call {
        let (kind, namespace, _, path, key) = self.target();
        let mut patch = json!({});
        if self.dice.chance(60) {
            patch = bodies::content(&mut self.dice, kind, namespace);
        }
        if self.dice.chance(50) {
            patch["metadata"] = bodies::metadata(&mut self.dice, namespace);
        }
        match self.dice.below(12) {
            0 => patch["metadata"]["resourceVersion"] = format!("{{{{rv:{key}}}}}").into(),
            1 => patch["metadata"]["resourceVersion"] = format!("{{{{rv-1:{key}}}}}").into(),
            2 => patch["metadata"]["labels"] = Value::Null,
            3 => patch["data"] = Value::Null,
            4 => patch["metadata"]["name"] = "renamed".into(),
            5 => patch["metadata"]["uid"] = "00000000-3333-4444-8555-666666666666".into(),
            6 => faults::spoil(&mut self.dice, &mut patch),
            _ => {}
        }
        self.patched(path, MERGE, &patch)
    }

    pub(super) fn json(&mut self) -> Call {
        let (kind, namespace, _, path, key) = self.target();
        let count = 1 + self.dice.below(3);
        let wild = self.dice.chance(40);
        let operations: Vec<Value> = (0..count)
            .map(|_| {
                if wild {
                    self.operation(namespace, &key)
                } else {
                    self.sound_operation(kind)
                }
            })
            .collect();
        self.patched(path, JSON, &operations.into())
    }

    /// An operation that applies to most objects of a kind.
    fn sound_operation(&mut self, kind: &Kind) -> Value {
        let field = match kind.plural {
            "secrets" => json!(["/data/user", "djI="]),
            "configmaps" => json!(["/data/a", format!("j{}", self.dice.below(3))]),
            "serviceaccounts" => json!(["/automountServiceAccountToken", self.dice.chance(50)]),
            "leases" => json!(["/spec/holderIdentity", "json"]),
            "events" if kind.group.is_empty() => json!(["/message", "json"]),
            "externalsecrets" => json!(["/spec/refreshInterval", "2h"]),
            "secretstores" | "clustersecretstores" => json!(["/spec/controller", "json"]),
            _ => json!(["/metadata/labels/app", "json"]),
        };
        let add = |path: &str, value: Value| json!({ "op": "add", "path": path, "value": value });
        let at = field[0].as_str().unwrap_or_default().to_owned();
        match self.dice.below(9) {
            0..=2 => add(&at, field[1].clone()),
            3 => add(
                "/metadata/labels",
                json!({ "app": self.dice.pick(&["web", "db"]) }),
            ),
            4 => add("/metadata/annotations", json!({ "x.io/note": "json" })),
            5 => json!({ "op": "test", "path": "/kind", "value": kind.kind }),
            6 => json!({ "op": "replace", "path": at, "value": field[1] }),
            7 => json!({ "op": "copy", "from": "/kind", "path": "/metadata/labels" }),
            _ => json!({ "op": "remove", "path": at }),
        }
    }

    fn operation(&mut self, namespace: &str, key: &str) -> Value {
        let path = self.dice.pick(&[
            "/data/user",
            "/data/new",
            "/data",
            "/metadata/labels",
            "/metadata/labels/app",
            "/metadata/annotations/x.io~1note",
            "/metadata/finalizers/0",
            "/metadata/finalizers/-",
            "/spec/target/name",
            "/spec/data/0",
            "/spec/data/-",
            "/missing/deep",
            "/type",
            "",
            "/metadata/name",
            "/metadata",
            "no-slash",
            "/spec/holderIdentity",
            "/secrets/0/name",
        ]);
        let value = self.dice.pick_value(&[
            json!("dg=="),
            json!("x"),
            json!({ "app": "db" }),
            json!(5),
            json!(null),
            json!({ "secretKey": "k", "remoteRef": { "key": "r" } }),
            json!([]),
        ]);
        match self.dice.below(12) {
            0..=2 => json!({ "op": "add", "path": path, "value": value }),
            3 | 4 => json!({ "op": "replace", "path": path, "value": value }),
            5 | 6 => json!({ "op": "remove", "path": path }),
            7 => json!({ "op": "test", "path": path, "value": value }),
            8 => json!({ "op": "copy", "from": "/metadata/name", "path": path }),
            9 => json!({ "op": "move", "from": "/metadata/labels/app", "path": path }),
            10 => json!({ "op": "replace", "path": "/metadata/resourceVersion",
                "value": format!("{{{{rv:{key}}}}}") }),
            _ => match self.dice.below(6) {
                0 => json!({ "op": "unknown", "path": path }),
                1 => json!({ "op": "add", "path": path }),
                2 => json!({ "op": "remove" }),
                3 => json!({ "op": "test", "path": "/metadata/namespace", "value": namespace }),
                4 => json!({ "op": "move", "path": path }),
                _ => json!("no operation"),
            },
        }
    }

    pub(super) fn strategic(&mut self) -> Call {
        let (kind, namespace, _, path, _) = self.target();
        let mut patch = bodies::content(&mut self.dice, kind, namespace);
        if self.dice.chance(50) {
            patch["metadata"] = bodies::metadata(&mut self.dice, namespace);
        }
        match self.dice.below(14) {
            0 => patch["metadata"]["$deleteFromPrimitiveList/finalizers"] = json!(["x.io/hold"]),
            1 => {
                patch["metadata"]["$setElementOrder/finalizers"] = json!(["y.io/hold", "x.io/hold"])
            }
            2 => patch["secrets"] = json!([{ "$patch": "delete", "name": "s1" }]),
            3 => patch["secrets"] = json!([{ "$patch": "replace" }, { "name": "s9" }]),
            4 => patch["data"] = json!({ "$patch": "replace", "k": "dg==" }),
            5 => patch["metadata"]["labels"] = json!({ "$patch": "delete" }),
            6 => patch["data"] = json!({ "$retainKeys": ["user"], "user": "dg==" }),
            7 => patch["imagePullSecrets"] = json!([{ "noname": "x" }]),
            8 => {
                patch["metadata"]["ownerReferences"] =
                    json!([{ "$patch": "delete", "uid": "{{uid:configmaps/{{p}}n1/a}}" }])
            }
            9 => patch["data"] = json!({ "$patch": "wrong" }),
            10 => faults::spoil(&mut self.dice, &mut patch),
            _ => {}
        }
        self.patched(path, STRATEGIC, &patch)
    }

    pub(super) fn status(&mut self) -> Call {
        let (mut kind, namespace, _, mut path, mut key) = self.target();
        if !kind.status && self.dice.chance(85) {
            kind = ALL[7 + self.dice.below(2)];
            let name = self.dice.pick(&NAMES);
            (path, key) = (
                format!("{}/{name}", kind.path(namespace)),
                kind.key(namespace, name),
            );
        }
        let path = format!("{path}/status");
        let status = bodies::status(&mut self.dice, kind);
        let mut change = json!({ "status": status });
        if self.dice.chance(20) {
            change["spec"] = json!({ "ignored": true });
        }
        if self.dice.chance(20) {
            change["metadata"] = bodies::metadata(&mut self.dice, namespace);
        }
        match self.dice.below(4) {
            0 => self.shaped(Call::new("GET", path)),
            1 => {
                let mut call = self.options(Call::new("PUT", path));
                call.body = Body::Edit { key, merge: change };
                call
            }
            2 => {
                let patch = json!([{ "op": "add", "path": "/status", "value": status }]);
                self.patched(path, JSON, &patch)
            }
            _ => self.patched(path, MERGE, &change),
        }
    }

    pub(super) fn delete(&mut self) -> Call {
        let (_, _, _, path, key) = self.target();
        let mut call = self.shaped(Call::new("DELETE", path.clone()));
        if self.dice.chance(10) {
            call = call.query("dryRun", "All");
        } else if self.dice.chance(60) {
            self.unmade(&path);
        }
        if self.dice.chance(15) {
            let policy = self
                .dice
                .pick(&["Background", "Foreground", "Orphan", "Wrong"]);
            call = call.query("propagationPolicy", policy);
        }
        let mut body = json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
        match self.dice.below(10) {
            0 => body["preconditions"] = json!({ "uid": format!("{{{{uid:{key}}}}}") }),
            1 => body["preconditions"] = json!({ "uid": "00000000-4444-4555-8666-777777777777" }),
            2 => body["preconditions"] = json!({ "resourceVersion": format!("{{{{rv:{key}}}}}") }),
            3 => {
                body["preconditions"] = json!({ "resourceVersion": format!("{{{{rv-1:{key}}}}}") })
            }
            4 => {
                let policy = self
                    .dice
                    .pick(&["Background", "Foreground", "Orphan", "Wrong"]);
                body["propagationPolicy"] = policy.into();
            }
            5 => body["gracePeriodSeconds"] = self.dice.pick(&[0, 30, -1]).into(),
            6 => body["orphanDependents"] = self.dice.chance(50).into(),
            7 => body["dryRun"] = json!([self.dice.pick(&["All", "None"])]),
            8 => body["unknown"] = true.into(),
            _ => return call,
        }
        call.json(&body)
    }

    pub(super) fn delete_many(&mut self) -> Call {
        let (kind, namespace) = (self.kind(), self.namespace());
        let namespace = if self.dice.chance(5) { "" } else { namespace };
        let mut call = Call::new("DELETE", kind.path(namespace));
        if !kind.namespaced {
            // Other runs' objects are none of ours.
            call.path = NAMESPACE.path("");
        }
        self.selectors(call)
    }

    /// Takes an object's finalizers away.
    pub(super) fn unhold(&mut self) -> Call {
        let (_, _, _, path, _) = self.target();
        let patch = json!({ "metadata": { "finalizers": null } });
        self.patched(path, MERGE, &patch)
    }

    /// Lets a terminating namespace go.
    pub(super) fn finalize(&mut self) -> Call {
        let name = self.name(&NAMESPACE);
        let mut call = Call::new("PUT", format!("{}/{name}/finalize", NAMESPACE.path("")));
        let merge = json!({ "spec": { "finalizers": self.dice.pick_value(&[json!([]), json!(["x.io/a"])]) } });
        call.body = Body::Edit {
            key: NAMESPACE.key("", &name),
            merge,
        };
        call
    }

    pub(super) fn start_watch(&mut self) -> Step {
        let (kind, namespace, name, _, key) = self.target();
        let everywhere = self.dice.chance(15) || !kind.namespaced;
        let mut path = kind.path(if everywhere { "" } else { namespace });
        if self.dice.chance(5) && !everywhere {
            path = format!("{path}/{name}");
        }
        let call = Call::new("GET", path)
            .query("watch", "true")
            .query("timeoutSeconds", "3600");
        let mut call = self.selectors(call);
        match self.dice.below(10) {
            0..=4 => call = call.query("resourceVersion", format!("{{{{rv-5:{key}}}}}")),
            5 | 6 => {
                call = call
                    .query("sendInitialEvents", "true")
                    .query("resourceVersionMatch", "NotOlderThan");
                let marks = self.dice.pick(&["true", "true", "false"]);
                call = call.query("allowWatchBookmarks", marks);
            }
            7 => {
                let wrong = self.dice.pick(&["Exact", "NotOlderThan", "Wrong"]);
                call = call.query("resourceVersionMatch", wrong);
            }
            8 => call = call.query("resourceVersion", "x"),
            _ => {}
        }
        let call = self.shaped(call);
        self.count += 1;
        self.open.push(self.count);
        Step::Open(self.count, call)
    }
}
