//! Pure. Tests of finalizers, garbage collection and namespaces.

use http::Method;
use serde_json::{Value, json};

use super::{Api, SECRETS, names, secret};

fn owned(name: &str, owner: &Value) -> Value {
    let mut body = secret(name);
    body["metadata"]["ownerReferences"] = json!([{"apiVersion": "v1", "kind": "Secret",
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": true}]);
    body
}

fn listed(api: &mut Api) -> Vec<String> {
    let list = api.get(SECRETS).ok();
    names(&list).into_iter().map(str::to_owned).collect()
}

#[test]
fn finalizers_hold_an_object_until_they_are_gone() {
    let mut api = Api::new();
    let mut body = secret("s");
    body["metadata"]["finalizers"] = json!(["x.io/hold"]);
    api.post(SECRETS, body).ok();
    let url = format!("{SECRETS}/s");
    let held = api.delete(&url).ok();
    assert_eq!(
        held["metadata"]["deletionTimestamp"],
        "2026-01-01T00:00:00Z"
    );
    let again = api.delete(&url).ok();
    assert_eq!(
        again["metadata"]["resourceVersion"],
        held["metadata"]["resourceVersion"]
    );
    let more = json!({"metadata": {"finalizers": ["x.io/hold", "x.io/new"]}});
    api.merge(&url, more).fails(
        422,
        "Invalid",
        "Secret \"s\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added \
         if the object is being deleted, found new finalizers []string{\"x.io/new\"}",
    );
    api.merge(&url, json!({"metadata": {"finalizers": null}}))
        .ok();
    assert_eq!(api.get(&url).code, 404);
}

#[test]
fn dependents_follow_their_owner() {
    let mut api = Api::new();
    let owner = api.post(SECRETS, secret("owner")).ok();
    let child = api.post(SECRETS, owned("child", &owner)).ok();
    api.post(SECRETS, owned("grandchild", &child)).ok();
    api.post(SECRETS, secret("free")).ok();
    api.delete(&format!("{SECRETS}/owner")).ok();
    assert_eq!(listed(&mut api), ["free"]);
}

#[test]
fn orphans_stay_and_lose_their_reference() {
    let mut api = Api::new();
    let owner = api.post(SECRETS, secret("owner")).ok();
    api.post(SECRETS, owned("child", &owner)).ok();
    let options = json!({"propagationPolicy": "Orphan"});
    api.call(
        Method::DELETE,
        &format!("{SECRETS}/owner"),
        "application/json",
        options,
    )
    .ok();
    assert_eq!(listed(&mut api), ["child"]);
    let child = api.get(&format!("{SECRETS}/child")).ok();
    assert!(child["metadata"].get("ownerReferences").is_none());
}

#[test]
fn foreground_deletion_waits_for_dependents() {
    let mut api = Api::new();
    let owner = api.post(SECRETS, secret("owner")).ok();
    let mut child = owned("child", &owner);
    child["metadata"]["finalizers"] = json!(["x.io/hold"]);
    api.post(SECRETS, child).ok();
    let url = format!("{SECRETS}/owner?propagationPolicy=Foreground");
    let marked = api.delete(&url).ok();
    assert_eq!(
        marked["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    assert_eq!(listed(&mut api), ["child", "owner"]);
    api.merge(
        &format!("{SECRETS}/child"),
        json!({"metadata": {"finalizers": []}}),
    )
    .ok();
    assert_eq!(listed(&mut api), [""; 0]);
}

#[test]
fn owners_in_a_circle_go_too() {
    let mut api = Api::new();
    let first = api.post(SECRETS, secret("first")).ok();
    let mut second = owned("second", &first);
    second["metadata"]["ownerReferences"][0]["blockOwnerDeletion"] = json!(false);
    let second = api.post(SECRETS, second).ok();
    let mut back = owned("first", &second)["metadata"]["ownerReferences"].clone();
    back[0]["blockOwnerDeletion"] = json!(false);
    let url = format!("{SECRETS}/first");
    api.merge(&url, json!({"metadata": {"ownerReferences": back}}))
        .ok();
    api.delete(&format!("{url}?propagationPolicy=Foreground"))
        .ok();
    assert_eq!(listed(&mut api), [""; 0]);
}

#[test]
fn an_object_whose_owner_never_was_is_collected() {
    let mut api = Api::new();
    let ghost = json!({"metadata": {"name": "ghost", "uid": "0-0"}});
    api.post(SECRETS, owned("child", &ghost)).ok();
    assert_eq!(listed(&mut api), [""; 0]);
    let mut unknown = owned("other", &ghost);
    unknown["metadata"]["ownerReferences"][0]["kind"] = json!("Nothing");
    api.post(SECRETS, unknown).ok();
    assert_eq!(listed(&mut api), ["other"]);
}

#[test]
fn one_owner_left_is_enough() {
    let mut api = Api::new();
    let one = api.post(SECRETS, secret("one")).ok();
    let two = api.post(SECRETS, secret("two")).ok();
    let mut child = owned("child", &one);
    let second = owned("child", &two)["metadata"]["ownerReferences"][0].clone();
    child["metadata"]["ownerReferences"]
        .as_array_mut()
        .unwrap()
        .push(second);
    api.post(SECRETS, child).ok();
    api.delete(&format!("{SECRETS}/one")).ok();
    let child = api.get(&format!("{SECRETS}/child")).ok();
    let owners = child["metadata"]["ownerReferences"].as_array().unwrap();
    assert_eq!(owners.len(), 1);
    assert_eq!(owners[0]["name"], "two");
}

#[test]
fn a_namespace_goes_with_all_that_is_in_it() {
    let mut api = Api::new();
    let made = api
        .post("/api/v1/namespaces", json!({"metadata": {"name": "n"}}))
        .ok();
    assert_eq!(made["status"]["phase"], "Active");
    assert_eq!(
        made["metadata"]["labels"]["kubernetes.io/metadata.name"],
        "n"
    );
    assert_eq!(
        api.get("/api/v1/namespaces/n/serviceaccounts/default").code,
        200
    );
    let inside = "/api/v1/namespaces/n/secrets";
    let mut held = secret("held");
    held["metadata"]["finalizers"] = json!(["x.io/hold"]);
    api.post(inside, held).ok();
    api.post(inside, secret("plain")).ok();
    let marked = api.delete("/api/v1/namespaces/n").ok();
    assert_eq!(marked["status"]["phase"], "Terminating");
    assert_eq!(names(&api.get(inside).ok()), ["held"]);
    let refused = api.post(inside, secret("late"));
    refused.fails(
        403,
        "Forbidden",
        "secrets \"late\" is forbidden: unable to create new content in namespace n because it \
         is being terminated",
    );
    assert_eq!(
        refused.body["details"]["causes"][0]["reason"],
        "NamespaceTerminating"
    );
    api.merge(
        &format!("{inside}/held"),
        json!({"metadata": {"finalizers": null}}),
    )
    .ok();
    assert_eq!(api.get("/api/v1/namespaces/n").code, 404);
    api.delete("/api/v1/namespaces/default").fails(
        403,
        "Forbidden",
        "namespaces \"default\" is forbidden: this namespace may not be deleted",
    );
}

#[test]
fn deletions_can_be_guarded() {
    let mut api = Api::new();
    let made = api.post(SECRETS, secret("s")).ok();
    let url = format!("{SECRETS}/s");
    let mut with = |preconditions: Value| {
        let body = json!({"preconditions": preconditions});
        api.call(Method::DELETE, &url, "application/json", body)
            .code
    };
    assert_eq!(with(json!({"uid": "other"})), 409);
    assert_eq!(with(json!({"resourceVersion": "1"})), 409);
    assert_eq!(with(json!({"uid": made["metadata"]["uid"]})), 200);
}
