//! Pure. Tests of custom resources: definitions, schemas, status, CEL, selectable fields.

use serde_json::json;

use super::{Api, CRDS, SECRETS, WIDGETS, definition, names, secret, widget};

fn api() -> Api {
    let mut api = Api::new();
    let made = api.post(CRDS, definition()).ok();
    assert_eq!(made["status"]["conditions"][1]["type"], "Established");
    assert_eq!(made["spec"]["names"]["listKind"], "WidgetList");
    api
}

#[test]
fn a_definition_is_served_at_once_and_until_it_goes() {
    let mut api = Api::new();
    assert_eq!(api.get(WIDGETS).code, 404);
    api.post(CRDS, definition()).ok();
    let made = api.post(WIDGETS, widget("w")).ok();
    assert_eq!(made["spec"], json!({"size": 1, "color": "red"}));
    assert_eq!(made["metadata"]["generation"], 1);
    let list = api.get(WIDGETS).ok();
    assert_eq!(
        (list["kind"].as_str(), names(&list)),
        (Some("WidgetList"), vec!["w"])
    );
    assert_eq!(list["items"][0]["kind"], "Widget");
    api.delete(&format!("{CRDS}/widgets.x.io")).ok();
    assert_eq!(api.get(WIDGETS).code, 404);
    api.post(CRDS, definition()).ok();
    assert_eq!(names(&api.get(WIDGETS).ok()), [""; 0]);
}

#[test]
fn violations_are_refused_with_every_cause() {
    let mut api = api();
    let mut bad = widget("w");
    bad["spec"] = json!({"mode": "c", "color": 1});
    api.post(WIDGETS, bad).fails(
        422,
        "Invalid",
        "Widget.x.io \"w\" is invalid: [spec.color: Invalid value: \"integer\": spec.color in body \
         must be of type string: \"integer\", spec.mode: Unsupported value: \"c\": supported \
         values: \"a\", \"b\", spec.size: Required value, <nil>: Invalid value: null: \
         some validation rules were not checked because the object was invalid; correct the \
         existing errors to complete validation]",
    );
}

#[cfg(feature = "cel")]
#[test]
fn cel_rules_are_evaluated() {
    let mut api = api();
    let mut bad = widget("w");
    bad["spec"]["size"] = json!(100);
    let got = api.post(WIDGETS, bad);
    assert_eq!(got.code, 422);
    let text = got.body["message"].as_str().unwrap();
    assert!(
        text.contains("spec: Invalid value: \"object\": too big"),
        "{text}"
    );
}

#[test]
fn status_and_spec_are_written_apart() {
    let mut api = api();
    let mut body = widget("w");
    body["status"] = json!({"phase": "ignored"});
    let made = api.post(WIDGETS, body).ok();
    assert!(made.get("status").is_none());
    let url = format!("{WIDGETS}/w");
    let mut next = made.clone();
    next["status"] = json!({"phase": "Up"});
    next["spec"]["size"] = json!(50);
    let status = api.put(&format!("{url}/status"), next.clone()).ok();
    assert_eq!(status["status"]["phase"], "Up");
    assert_eq!(status["spec"]["size"], 1);
    assert_eq!(status["metadata"]["generation"], 1);
    let entry = status["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["subresource"] == "status")
        .unwrap();
    assert_eq!(
        entry["fieldsV1"],
        json!({"f:status": {".": {}, "f:phase": {}}})
    );
    let spec = api
        .merge(
            &url,
            json!({"spec": {"size": 2}, "status": {"phase": "no"}}),
        )
        .ok();
    assert_eq!(spec["metadata"]["generation"], 2);
    assert_eq!(spec["status"]["phase"], "Up");
    api.merge(&url, json!({"metadata": {"labels": {"a": "b"}}}))
        .ok();
    assert_eq!(api.get(&url).ok()["metadata"]["generation"], 2);
}

#[test]
fn unconditional_puts_and_strategic_patches_are_refused() {
    let mut api = api();
    api.post(WIDGETS, widget("w")).ok();
    let url = format!("{WIDGETS}/w");
    api.put(&url, widget("w")).fails(
        422,
        "Invalid",
        "widgets.x.io \"w\" is invalid: metadata.resourceVersion: Invalid value: 0: must be \
         specified for an update",
    );
    let media = "application/strategic-merge-patch+json";
    assert_eq!(
        api.call(http::Method::PATCH, &url, media, json!({})).code,
        415
    );
    api.post(WIDGETS, json!({"metadata": {"name": "x"}})).fails(
        400,
        "BadRequest",
        "the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing",
    );
}

#[test]
fn what_was_wrong_before_may_stay_when_the_schema_tightens() {
    let mut api = api();
    api.post(WIDGETS, widget("w")).ok();
    let url = format!("{CRDS}/widgets.x.io");
    let mut tighter = api.get(&url).ok();
    let size = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/size";
    tighter.pointer_mut(size).unwrap()["minimum"] = json!(10);
    api.put(&url, tighter).ok();
    api.merge(
        &format!("{WIDGETS}/w"),
        json!({"metadata": {"labels": {"a": "b"}}}),
    )
    .ok();
    let got = api.merge(&format!("{WIDGETS}/w"), json!({"spec": {"size": 2}}));
    assert_eq!(got.code, 422);
}

#[test]
fn selectable_fields_select_and_columns_show() {
    let mut api = api();
    api.post(WIDGETS, widget("a")).ok();
    let mut blue = widget("b");
    blue["spec"]["color"] = json!("blue");
    api.post(WIDGETS, blue).ok();
    let list = api
        .get(&format!("{WIDGETS}?fieldSelector=spec.color%3Dblue"))
        .ok();
    assert_eq!(names(&list), ["b"]);
    assert_eq!(
        api.get(&format!("{WIDGETS}?fieldSelector=spec.size%3D1"))
            .code,
        400
    );
    let table = api
        .accept(WIDGETS, "application/json;as=Table;v=v1;g=meta.k8s.io")
        .ok();
    assert_eq!(table["rows"][1]["cells"], json!(["b", 1]));
}

#[test]
fn a_custom_owner_takes_its_secret_with_it() {
    let mut api = api();
    let owner = api.post(WIDGETS, widget("w")).ok();
    let mut body = secret("s");
    body["metadata"]["ownerReferences"] = json!([{"apiVersion": "x.io/v1", "kind": "Widget",
        "name": "w", "uid": owner["metadata"]["uid"], "controller": true}]);
    api.post(SECRETS, body).ok();
    api.delete(&format!("{WIDGETS}/w")).ok();
    assert_eq!(api.get(&format!("{SECRETS}/s")).code, 404);
}

#[test]
fn a_definition_waits_for_the_finalizers_of_its_objects() {
    let mut api = api();
    let mut held = widget("w");
    held["metadata"]["finalizers"] = json!(["x.io/hold"]);
    api.post(WIDGETS, held).ok();
    api.post(WIDGETS, widget("free")).ok();
    let url = format!("{CRDS}/widgets.x.io");
    let marked = api.delete(&url).ok();
    let cleanup = "customresourcecleanup.apiextensions.k8s.io";
    assert_eq!(marked["metadata"]["finalizers"], json!([cleanup]));
    assert_eq!(names(&api.get(WIDGETS).ok()), ["w"]);
    api.post(WIDGETS, widget("late")).fails(
        405,
        "MethodNotAllowed",
        "create not allowed while custom resource definition is terminating",
    );
    api.merge(
        &format!("{WIDGETS}/w"),
        json!({"metadata": {"finalizers": null}}),
    )
    .ok();
    assert_eq!(api.get(&url).code, 404);
    assert_eq!(api.get(WIDGETS).code, 404);
}

#[test]
fn broken_definitions_are_refused() {
    let mut api = Api::new();
    let mut bad = definition();
    bad["metadata"]["name"] = json!("other.x.io");
    api.post(CRDS, bad).fails(
        422,
        "Invalid",
        "CustomResourceDefinition.apiextensions.k8s.io \"other.x.io\" is invalid: metadata.name: \
         Invalid value: \"other.x.io\": must be spec.names.plural+\".\"+spec.group",
    );
    let mut bad = definition();
    bad["spec"]["scope"] = json!("Galaxy");
    bad["spec"]["versions"][0]["storage"] = json!(false);
    let got = api.post(CRDS, bad);
    assert_eq!(got.code, 422);
    assert_eq!(got.body["details"]["causes"].as_array().unwrap().len(), 2);
}
