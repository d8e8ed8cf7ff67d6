//! Pure. Tests of managedFields: entries as a real server writes them.

use serde_json::{Value, json};

use super::{Write, track};
use crate::engine::registry::Registry;

fn secret(old: Option<&Value>, mut new: Value, manager: &str, time: &str) -> Value {
    let registry = Registry::builtin();
    let schema = &registry.get("", "secrets").unwrap().versions[0].schema;
    let write = Write {
        manager,
        api_version: "v1",
        subresource: "",
        time,
    };
    track(
        schema,
        &crate::engine::schema::Schema::default(),
        old,
        &mut new,
        &write,
    );
    new
}

fn fields(object: &Value, manager: &str) -> Value {
    let list = object["metadata"]["managedFields"].as_array();
    let entry = list.into_iter().flatten().find(|e| e["manager"] == manager);
    entry.map_or(Value::Null, |e| e["fieldsV1"].clone())
}

fn base() -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "s", "namespace": "n", "uid": "u", "labels": {"a": "b"}},
        "data": {"k": "dg==", "l": "dg=="}})
}

#[test]
fn a_created_secret_is_owned_whole() {
    let made = secret(None, base(), "tidegate", "2026-01-01T00:00:00Z");
    let entry = &made["metadata"]["managedFields"][0];
    assert_eq!(
        *entry,
        json!({
            "manager": "tidegate", "operation": "Update", "apiVersion": "v1",
            "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:data": {".": {}, "f:k": {}, "f:l": {}},
                "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
                "f:type": {},
            },
        })
    );
}

#[test]
fn a_second_manager_takes_only_what_it_changes() {
    let first = secret(None, base(), "one", "2026-01-01T00:00:00Z");
    let mut next = first.clone();
    next["data"]["k"] = json!("bmV3");
    next["data"]["m"] = json!("bmV3");
    next["data"].as_object_mut().unwrap().remove("l");
    let second = secret(Some(&first), next, "two", "2026-01-02T00:00:00Z");
    assert_eq!(
        fields(&second, "two"),
        json!({"f:data": {"f:k": {}, "f:m": {}}})
    );
    assert_eq!(
        fields(&second, "one"),
        json!({
            "f:data": {},
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
            "f:type": {},
        })
    );
    let times: Vec<_> = second["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["time"].as_str().unwrap()[..10].to_owned())
        .collect();
    assert_eq!(times, ["2026-01-01", "2026-01-02"]);
}

#[test]
fn owner_references_and_finalizers_are_owned_by_item() {
    let mut object = base();
    object["metadata"]["finalizers"] = json!(["x.io/y"]);
    object["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "K", "name": "n", "uid": "1-2"}]);
    let made = secret(None, object, "m", "t");
    assert_eq!(
        fields(&made, "m")["f:metadata"],
        json!({
            "f:finalizers": {".": {}, "v:\"x.io/y\"": {}},
            "f:labels": {".": {}, "f:a": {}},
            "f:ownerReferences": {".": {}, "k:{\"uid\":\"1-2\"}": {}},
        })
    );
}

#[test]
fn a_client_may_reset_tracking_and_it_stays_off() {
    let first = secret(None, base(), "one", "t");
    let mut next = first.clone();
    next["metadata"]["managedFields"] = json!([]);
    let reset = secret(Some(&first), next, "two", "t");
    assert!(reset["metadata"].get("managedFields").is_none());
    let mut later = reset.clone();
    later["data"]["k"] = json!("bmV3");
    let later = secret(Some(&reset), later, "two", "t");
    assert!(later["metadata"].get("managedFields").is_none());
}

#[test]
fn a_write_that_changes_nothing_moves_no_time() {
    let first = secret(None, base(), "one", "2026-01-01T00:00:00Z");
    let again = secret(Some(&first), first.clone(), "one", "2026-02-02T00:00:00Z");
    assert_eq!(again, first);
}

#[test]
fn the_oldest_of_many_managers_are_merged() {
    let mut object = secret(None, base(), "m00", "2026-01-01T00:00:00Z");
    for i in 1..15 {
        let mut next = object.clone();
        next["data"][format!("n{i}")] = json!("dg==");
        let time = format!("2026-01-01T00:00:{i:02}Z");
        object = secret(Some(&object), next, &format!("m{i:02}"), &time);
    }
    let list = object["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(list.len(), 10);
    assert_eq!(list[0]["manager"], "ancient-changes");
    let merged = &list[0]["fieldsV1"]["f:data"];
    assert!(merged["f:k"].is_object() && merged["f:n5"].is_object());
}
