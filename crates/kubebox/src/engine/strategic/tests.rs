//! Pure. Tests of strategic merge patches, by what a real 1.34 server makes of them.

use serde_json::{Value, json};

use super::{Refusal, apply};
use crate::engine::registry::Registry;

fn patched(object: Value, patch: &Value) -> Result<Value, Refusal> {
    let registry = Registry::builtin();
    let schema = &registry.get("", "serviceaccounts").unwrap().versions[0].schema;
    let mut object = object;
    let patch = patch.as_object().unwrap().clone();
    apply(schema, "ServiceAccount", &mut object, patch).map(|()| object)
}

fn check(object: Value, patch: Value, expected: Value) {
    assert_eq!(patched(object, &patch), Ok(expected), "{patch}");
}

fn owners(uids: &[&str]) -> Value {
    let list = uids.iter().map(|u| json!({"uid": u, "name": "n"}));
    json!({"metadata": {"ownerReferences": list.collect::<Vec<_>>()}})
}

fn finalizers(list: &[&str]) -> Value {
    json!({"metadata": {"finalizers": list}})
}

#[test]
fn lists_are_merged_by_their_key() {
    check(owners(&["a"]), owners(&["b"]), owners(&["b", "a"]));
    let three = owners(&["a", "b", "c"]);
    check(three.clone(), owners(&["c"]), three);
    check(
        owners(&["a", "b"]),
        json!({"metadata": {"ownerReferences": [{"$patch": "delete", "uid": "a"}]}}),
        owners(&["b"]),
    );
    check(
        owners(&["a"]),
        json!({"metadata": {"ownerReferences": [{"uid": "a", "name": "m"}]}}),
        json!({"metadata": {"ownerReferences": [{"uid": "a", "name": "m"}]}}),
    );
    check(
        json!({"imagePullSecrets": [{"name": "a"}]}),
        json!({"imagePullSecrets": [{"name": "b"}]}),
        json!({"imagePullSecrets": [{"name": "b"}]}),
    );
    check(
        json!({"secrets": [{"name": "a"}]}),
        json!({"secrets": [{"$patch": "replace"}, {"name": "c"}, {"name": "b"}]}),
        json!({"secrets": [{"name": "c"}, {"name": "b"}]}),
    );
}

#[test]
fn scalars_are_a_set_in_the_order_of_the_patch() {
    let order = |list: &[&str]| json!({"metadata": {"$setElementOrder/finalizers": list}});
    check(
        finalizers(&["a"]),
        finalizers(&["b", "a"]),
        finalizers(&["b", "a"]),
    );
    check(
        finalizers(&["a", "b"]),
        order(&["b", "a"]),
        finalizers(&["b", "a"]),
    );
    let patch = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}});
    check(finalizers(&["a", "b"]), patch, finalizers(&["b"]));
}

#[test]
fn maps_are_merged_replaced_or_cut() {
    let labels = |map: Value| json!({"metadata": {"labels": map}});
    let two = || labels(json!({"a": "1", "b": "2"}));
    check(
        two(),
        labels(json!({"a": null, "c": "3"})),
        labels(json!({"b": "2", "c": "3"})),
    );
    check(
        two(),
        labels(json!({"$patch": "replace", "c": "3"})),
        labels(json!({"c": "3"})),
    );
    check(
        two(),
        labels(json!({"$patch": "delete"})),
        labels(json!({})),
    );
    let retained = json!({"$retainKeys": ["a", "c"], "c": "3"});
    check(two(), labels(retained), labels(json!({"a": "1", "c": "3"})));
    // What carries a directive but meets nothing is dropped whole.
    check(
        json!({}),
        labels(json!({"$patch": "replace", "c": "3"})),
        json!({"metadata": {}}),
    );
    check(
        json!({}),
        labels(json!({"c": "3", "d": null})),
        labels(json!({"c": "3"})),
    );
}

#[test]
fn what_does_not_apply_is_refused_in_the_real_servers_words() {
    let refused = |object: Value, patch: Value, expected: &str| {
        let found = match patched(object, &patch) {
            Err(Refusal::Form(what)) => format!("400 {what}"),
            Err(Refusal::Other(text)) => text,
            Ok(value) => panic!("{patch} made {value}"),
        };
        assert_eq!(found, expected);
    };
    let meta = |map: Value| json!({ "metadata": map });
    let two = || meta(json!({"labels": {"a": "1"}, "finalizers": ["a"]}));
    refused(
        two(),
        meta(json!({"labels": {"$patch": "wrong", "a": "2"}})),
        "unknown patch type: wrong in map: map[$patch:wrong a:2]",
    );
    refused(
        json!({"secrets": [{"name": "a"}]}),
        json!({"secrets": [{"noname": "x", "b": [1, null]}]}),
        "map: map[b:[1 <nil>] noname:x] does not contain declared merge key: name",
    );
    refused(
        meta(json!({"finalizers": []})),
        meta(json!({"$setElementOrder/finalizers": ["a"], "finalizers": []})),
        "no elements in any of the given slices",
    );
    refused(
        two(),
        meta(json!({"$setElementOrder/finalizers": ["a"], "finalizers": ["b"]})),
        "The order in patch list:\n[b]\n doesn't match $setElementOrder list:\n[a]\n",
    );
    refused(
        two(),
        meta(json!({"$setElementOrder/finalizers": "a"})),
        "expected a []interface {}, but received a string",
    );
    refused(
        two(),
        meta(json!({"$setElementOrder/nothing": ["a"]})),
        "unable to find api field in struct ObjectMeta for the json field \"nothing\"",
    );
    refused(
        two(),
        meta(json!({"finalizers": [{"a": 1}]})),
        "list element types are not identical: [[a] [map[a:1]]]",
    );
    let form = |map: Value, what: &str| refused(two(), meta(map), what);
    form(json!({"labels": {"$retainKeys": "a"}}), "400 retainKeys");
    form(
        json!({"labels": {"$retainKeys": ["a"], "b": "2"}}),
        "400 retainKeys",
    );
    form(
        json!({"$deleteFromPrimitiveList": ["a"]}),
        "400 primitive list",
    );
    form(
        json!({"$setElementOrder": ["a"]}),
        "400 setElementOrder list",
    );
}
