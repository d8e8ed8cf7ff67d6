//! Pure. Random objects of every kind, right ones and broken ones.

use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::kinds::{
    CLUSTER_STORE, CONFIG_MAP, EVENT, EXTERNAL_SECRET, Kind, LEASE, NAMESPACE, NEW_EVENT, SECRET,
    SECRET_STORE, SERVICE_ACCOUNT,
};

/// RFC 7386.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    for (key, value) in patch {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key.as_str()], value);
        }
    }
}

/// A whole object, without faults.
pub fn object(dice: &mut Dice, kind: &Kind, namespace: &str, name: &str) -> Value {
    let mut object = content(dice, kind, namespace);
    object["apiVersion"] = kind.api_version().into();
    object["kind"] = kind.kind.into();
    object["metadata"] = metadata(dice, namespace);
    object["metadata"]["name"] = name.into();
    if kind.namespaced && dice.chance(40) {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}

/// Labels, annotations, finalizers and owners; each may be absent.
pub fn metadata(dice: &mut Dice, namespace: &str) -> Value {
    let mut meta = json!({});
    if dice.chance(60) {
        let app = dice.pick(&["web", "db", "Job_1", ""]);
        meta["labels"] = json!({ "app": app });
        if dice.chance(40) {
            meta["labels"]["x.io/tier"] = dice.pick(&["gold", "tin"]).into();
        }
    }
    if dice.chance(40) {
        meta["annotations"] = json!({ "x.io/note": format!("n{}", dice.below(5)) });
        if dice.chance(20) {
            meta["annotations"]["other"] = "ümläut \u{1F600} <&>".into();
        }
    }
    if dice.chance(15) {
        meta["finalizers"] = dice
            .pick(&[
                &["x.io/hold"][..],
                &["x.io/hold", "y.io/hold"],
                &["kubernetes"],
                &[],
            ])
            .into();
    }
    if dice.chance(12) {
        meta["ownerReferences"] = json!([owner(dice, namespace)]);
    }
    meta
}

fn owner(dice: &mut Dice, namespace: &str) -> Value {
    let name = dice.pick(&super::draw::NAMES);
    let mut owner = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "name": name,
        "uid": format!("{{{{uid:configmaps/{namespace}/{name}}}}}"),
    });
    if dice.chance(30) {
        owner["controller"] = dice.chance(70).into();
    }
    if dice.chance(30) {
        owner["blockOwnerDeletion"] = dice.chance(70).into();
    }
    owner
}

/// What a kind has beside its metadata.
pub fn content(dice: &mut Dice, kind: &Kind, namespace: &str) -> Value {
    if *kind == SECRET {
        secret(dice)
    } else if *kind == CONFIG_MAP {
        config_map(dice)
    } else if *kind == SERVICE_ACCOUNT {
        service_account(dice)
    } else if *kind == LEASE {
        lease(dice)
    } else if *kind == EVENT || *kind == NEW_EVENT {
        event(dice, kind, namespace)
    } else if *kind == EXTERNAL_SECRET {
        external_secret(dice)
    } else if *kind == SECRET_STORE || *kind == CLUSTER_STORE {
        store(dice)
    } else {
        assert_eq!(kind, &NAMESPACE);
        json!({})
    }
}

fn secret(dice: &mut Dice) -> Value {
    let mut data = Map::new();
    for key in ["user", "password", ".k-1_x"] {
        if dice.chance(50) {
            let value = dice.pick(&["dg==", "djI=", "", "AAEC/w==", "bG9uZ2VyLXZhbHVl"]);
            data.insert(key.into(), value.into());
        }
    }
    let mut secret = json!({ "data": data });
    let kinds = [
        "Opaque",
        "",
        "x.io/own",
        "kubernetes.io/basic-auth",
        "kubernetes.io/ssh-auth",
        "kubernetes.io/tls",
        "kubernetes.io/dockerconfigjson",
        "kubernetes.io/service-account-token",
    ];
    let some = if dice.chance(35) { kinds.len() } else { 2 };
    let kind = dice.pick(&kinds[..some]);
    if !kind.is_empty() {
        secret["type"] = kind.into();
    }
    if kind == "kubernetes.io/dockerconfigjson" && dice.chance(60) {
        let text = dice.pick(&["e30=", "e30", "eyJhIjo=", "W10="]);
        secret["data"][".dockerconfigjson"] = text.into();
    }
    if kind == "kubernetes.io/basic-auth" && dice.chance(60) {
        secret["stringData"] = json!({ "username": "u" });
    }
    if kind == "kubernetes.io/ssh-auth" && dice.chance(60) {
        secret["stringData"] = json!({ "ssh-privatekey": "k" });
    }
    if dice.chance(15) {
        secret["stringData"] = json!({ "user": format!("plain{}", dice.below(3)), "more": "" });
    }
    if dice.chance(8) {
        secret["immutable"] = dice.chance(70).into();
    }
    if dice.chance(10) {
        secret.as_object_mut().unwrap().remove("data");
    }
    secret
}

fn config_map(dice: &mut Dice) -> Value {
    let mut map = json!({ "data": { "a": format!("v{}", dice.below(4)) } });
    if dice.chance(30) {
        map["data"]["file.txt"] = "line\nline\n".into();
    }
    if dice.chance(20) {
        map["binaryData"] = json!({ dice.pick(&["b", "b", "a"]): "AAE=" });
    }
    if dice.chance(8) {
        map["immutable"] = dice.chance(70).into();
    }
    map
}

fn service_account(dice: &mut Dice) -> Value {
    let mut account = json!({});
    if dice.chance(40) {
        account["secrets"] = json!([{ "name": dice.pick(&["s1", "s2"]) }, { "name": "s3" }]);
    }
    if dice.chance(40) {
        account["imagePullSecrets"] = json!([{ "name": dice.pick(&["p1", "p2"]) }]);
    }
    if dice.chance(30) {
        account["automountServiceAccountToken"] = dice.chance(50).into();
    }
    account
}

fn lease(dice: &mut Dice) -> Value {
    let mut lease = json!({ "spec": { "holderIdentity": dice.pick(&["one", "two", ""]) } });
    if dice.chance(50) {
        lease["spec"]["leaseDurationSeconds"] = dice.pick(&[15, 30, 0, -1, 60]).into();
    }
    if dice.chance(50) {
        let time = dice.pick(&[
            "2026-01-01T00:00:00.123456Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.5+02:00",
            "yesterday",
        ]);
        lease["spec"]["renewTime"] = time.into();
    }
    if dice.chance(20) {
        lease["spec"]["leaseTransitions"] = dice.pick(&[0, 3, -2]).into();
    }
    lease
}

fn event(dice: &mut Dice, kind: &Kind, namespace: &str) -> Value {
    let about = json!({ "kind": "Secret", "name": dice.pick(&["a", "b"]), "apiVersion": "v1",
        "namespace": if dice.chance(92) { namespace } else { "elsewhere" } });
    let reason = dice.pick(&["Synced", "Failed"]);
    if *kind == NEW_EVENT || dice.chance(15) {
        let mut event = json!({ "regarding": about, "reason": reason, "type": "Normal",
            "action": "Sync", "note": dice.pick(&["words", "words", "other words"]), "eventTime": "2026-01-01T00:00:00.000001Z",
            "reportingController": "x.io/differ", "reportingInstance": "differ-1" });
        if *kind == EVENT {
            event["involvedObject"] = event["regarding"].take();
            event["message"] = event["note"].take();
            event["reportingComponent"] = event["reportingController"].take();
            event.as_object_mut().unwrap().retain(|_, v| !v.is_null());
        }
        if dice.chance(15) {
            let field = dice.pick(&["action", "reason", "reportingInstance", "type"]);
            event.as_object_mut().unwrap().remove(field);
        }
        return event;
    }
    let mut event = json!({ "involvedObject": about, "reason": reason, "message": "words",
        "type": dice.pick(&["Normal", "Warning"]), "count": dice.below(3),
        "source": { "component": "differ" },
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:07Z" });
    if dice.chance(20) {
        event.as_object_mut().unwrap().remove("source");
    }
    event
}

fn external_secret(dice: &mut Dice) -> Value {
    let mut spec = json!({});
    // What is wrong comes together, so that most objects are right.
    let wild = usize::from(dice.chance(30));
    if wild == 0 || dice.chance(80) {
        spec["secretStoreRef"] = json!({ "name": "store" });
        if dice.chance(50) {
            let kinds = ["SecretStore", "ClusterSecretStore", "Wrong"];
            let kind = dice.pick(&kinds[..2 + wild]);
            spec["secretStoreRef"]["kind"] = kind.into();
        }
    }
    if dice.chance(60) {
        spec["refreshInterval"] = dice.pick(&["1h", "1m0s", "0", "soon"]).into();
    }
    if dice.chance(60) {
        let names = ["t", "u", "T_bad", ""];
        spec["target"] = json!({ "name": dice.pick(&names[..2 + 2 * wild]) });
        if dice.chance(60) {
            let policies = ["Owner", "Orphan", "Merge", "None", "Nobody"];
            spec["target"]["creationPolicy"] = dice.pick(&policies[..4 + wild]).into();
        }
        if dice.chance(40) {
            let policies = ["Retain", "Delete", "Merge", "Other"];
            let policy = dice.pick(&policies[..3 + wild]);
            spec["target"]["deletionPolicy"] = policy.into();
        }
    }
    let entries: Vec<Value> = (0..dice.below(3))
        .map(|i| json!({ "secretKey": format!("k{i}"), "remoteRef": { "key": "remote" } }))
        .collect();
    if dice.chance(70) {
        spec["data"] = entries.into();
    }
    if dice.chance(30) {
        let lists = [
            r#"[{"extract": {"key": "all"}}]"#,
            r#"[{"find": {"name": {"regexp": ".*"}}}]"#,
            r#"[{"extract": {"key": "all"}, "rewrite": [{"regexp": {"source": "a", "target": ""}}]}]"#,
            "[]",
            r#"[{}]"#,
            r#"[{"extract": {"key": "all"}, "find": {"name": {"regexp": "a"}}}]"#,
        ];
        let list = dice.pick(&lists[..4 + 2 * wild]);
        spec["dataFrom"] = list.parse::<Value>().unwrap();
    }
    json!({ "spec": spec })
}

fn store(dice: &mut Dice) -> Value {
    let mut spec = json!({ "provider": { "fake": { "data": [
        { "key": "a", "value": "v" }, { "key": "b", "value": format!("{}", dice.below(3)) } ] } } });
    if dice.chance(20) {
        spec["refreshInterval"] = dice.pick(&[60, 0, 5]).into();
    }
    if dice.chance(20) {
        spec["controller"] = "dev".into();
    }
    if dice.chance(10) {
        spec["provider"] = json!({});
    }
    if dice.chance(10) {
        spec["provider"]["vault"] = json!({ "server": "https://v", "path": "secret" });
    }
    if dice.chance(15) {
        spec["conditions"] = json!([{ "namespaces": ["a"] }, { "namespaceRegexes": ["x.*"] }]);
    }
    json!({ "spec": spec })
}

/// A status, for kinds that have one.
pub fn status(dice: &mut Dice, kind: &Kind) -> Value {
    if *kind == NAMESPACE {
        return json!({ "phase": dice.pick(&["Active", "Terminating"]) });
    }
    let state = dice.pick(&["True", "False", "Unknown"]);
    let mut status = json!({ "conditions": [{ "type": "Ready", "status": state,
        "reason": "SecretSynced", "message": "words",
        "lastTransitionTime": "2026-01-01T00:00:00Z" }] });
    if *kind == EXTERNAL_SECRET && dice.chance(50) {
        status["refreshTime"] = "2026-01-01T00:00:00Z".into();
        status["syncedResourceVersion"] = format!("{}-x", dice.below(4)).into();
    }
    if dice.chance(10) {
        status["conditions"][0]["status"] = 5.into();
    }
    if dice.chance(10) {
        status["unknown"] = true.into();
    }
    status
}
