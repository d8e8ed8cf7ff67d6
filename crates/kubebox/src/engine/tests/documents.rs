//! Pure. Tests of discovery, OpenAPI, reviews, tokens and the two faces of events.

use serde_json::{Value, json};

use super::{Api, CRDS, definition};

#[test]
fn discovery_lists_what_is_served() {
    let mut api = Api::new();
    api.post(CRDS, definition()).ok();
    let groups = api.get("/apis").ok();
    let names: Vec<_> = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| g["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "apiextensions.k8s.io",
            "authentication.k8s.io",
            "authorization.k8s.io",
            "coordination.k8s.io",
            "events.k8s.io",
            "x.io"
        ]
    );
    let core = api.get("/api/v1").ok();
    let plurals: Vec<_> = core["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        plurals,
        [
            "configmaps",
            "events",
            "namespaces",
            "namespaces/finalize",
            "namespaces/status",
            "secrets",
            "serviceaccounts",
            "serviceaccounts/token"
        ]
    );
    let own = api.get("/apis/x.io/v1").ok();
    assert_eq!(own["resources"][0]["shortNames"], json!(["wd"]));
    let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let list = api.accept("/apis", aggregated).ok();
    assert_eq!(list["items"].as_array().unwrap().len(), 6);
    let last = &list["items"][5]["versions"][0]["resources"][0];
    assert_eq!(last["responseKind"]["kind"], "Widget");
    assert_eq!(last["subresources"][0]["subresource"], "status");
    for path in [
        "/version",
        "/openapi/v2",
        "/openapi/v3",
        "/",
        "/api",
        "/apis/x.io",
    ] {
        assert_eq!(api.get(path).code, 200, "{path}");
    }
    assert_eq!(api.get("/apis/none.io").code, 404);
    assert_eq!(api.get("/livez").code, 200);
    assert_eq!(api.get("/apis/none.io/v1/things").code, 404);
    assert_eq!(api.get("/api/v1/pods").code, 404);
}

#[test]
fn openapi_shows_the_schemas_that_are_enforced() {
    let mut api = Api::new();
    let before = api.get("/openapi/v3").ok();
    assert!(before["paths"].get("apis/x.io/v1").is_none());
    api.post(CRDS, definition()).ok();
    let index = api.get("/openapi/v3").ok();
    assert!(index["paths"]["apis/x.io/v1"]["serverRelativeURL"].is_string());
    let document = api.get("/openapi/v3/apis/x.io/v1").ok();
    let schema = &document["components"]["schemas"]["io.x.v1.Widget"];
    assert_eq!(
        schema["properties"]["spec"]["properties"]["size"]["minimum"],
        1
    );
    assert_eq!(
        schema["x-kubernetes-group-version-kind"][0]["kind"],
        "Widget"
    );
    let core = api.get("/openapi/v3/api/v1").ok().to_string();
    assert!(
        !core.contains("x-kubebox"),
        "private keywords are published"
    );
    let patch = &document["paths"]["/apis/x.io/v1/namespaces/{namespace}/widgets/{name}"]["patch"];
    assert!(patch["parameters"].to_string().contains("fieldValidation"));
    let old = api.get("/openapi/v2").ok();
    assert!(old["definitions"]["io.k8s.api.core.v1.Secret"].is_object());
    let outline = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    assert_eq!(api.accept("/openapi/v2", outline).code, 200);
}

#[test]
fn everything_is_allowed() {
    let mut api = Api::new();
    let url = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let spec = json!({"resourceAttributes": {"verb": "get", "resource": "secrets"}});
    let review = api.post(url, json!({"spec": spec})).ok();
    assert_eq!(review["status"]["allowed"], true);
    assert_eq!(review["spec"], spec);
    assert_eq!(api.get(url).code, 405);
    let me = api
        .post(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            json!({}),
        )
        .ok();
    assert_eq!(me["status"]["userInfo"]["username"], "admin");
}

#[test]
fn tokens_are_issued_and_recognized_until_they_end() {
    let mut api = Api::new();
    let url = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let spec = json!({"audiences": ["vault"], "expirationSeconds": 600});
    let made = api.post(url, json!({"spec": spec})).ok();
    assert_eq!(
        made["status"]["expirationTimestamp"],
        "2026-01-01T00:10:00Z"
    );
    let token = made["status"]["token"].as_str().unwrap().to_owned();
    let review = |api: &mut Api, token: &str, audience: &str| {
        let url = "/apis/authentication.k8s.io/v1/tokenreviews";
        let spec = json!({"token": token, "audiences": [audience]});
        api.post(url, json!({"spec": spec})).ok()["status"].clone()
    };
    let good = review(&mut api, &token, "vault");
    assert_eq!(good["authenticated"], true);
    assert_eq!(
        good["user"]["username"],
        "system:serviceaccount:default:default"
    );
    assert!(
        review(&mut api, &token, "other")
            .get("authenticated")
            .is_none()
    );
    let forged = token.replacen('.', "x.", 1);
    assert_eq!(
        review(&mut api, &forged, "vault")["error"],
        "invalid bearer token"
    );
    api.now = "2026-01-01T00:10:00Z".parse().unwrap();
    let error = "service account token has expired";
    assert_eq!(review(&mut api, &token, "vault")["error"], error);
    let short = api.post(url, json!({"spec": {"expirationSeconds": 60}}));
    assert_eq!(short.code, 422);
    let none = "/api/v1/namespaces/default/serviceaccounts/none/token";
    assert_eq!(api.post(none, json!({})).code, 404);
}

#[test]
fn events_have_two_faces() {
    let mut api = Api::new();
    let new = "/apis/events.k8s.io/v1/namespaces/default/events";
    let body = json!({"metadata": {"name": "e"}, "eventTime": "2026-01-01T00:00:00.000000Z",
        "note": "hello", "reason": "Why", "type": "Normal", "action": "do",
        "reportingController": "c", "reportingInstance": "i",
        "regarding": {"kind": "Secret", "name": "s", "namespace": "default"}});
    let made = api.post(new, body).ok();
    assert_eq!(made["note"], "hello");
    let old = api.get("/api/v1/namespaces/default/events/e").ok();
    assert_eq!(old["message"], "hello");
    assert_eq!(old["involvedObject"]["name"], "s");
    assert_eq!(old["reportingComponent"], "c");
    let select = "fieldSelector=involvedObject.name%3Ds,reason%3DWhy";
    let list = api
        .get(&format!("/api/v1/namespaces/default/events?{select}"))
        .ok();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let select = "fieldSelector=regarding.name%3Dother";
    let list = api.get(&format!("{new}?{select}")).ok();
    assert_eq!(list["items"].as_array().unwrap().len(), 0);
    let url = format!("{new}/e");
    assert_eq!(api.merge(&url, json!({"note": "again"})).code, 422);
    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}});
    assert_eq!(api.merge(&url, series).ok()["series"]["count"], 2);
    let old = "/api/v1/namespaces/default/events/e";
    api.merge(old, json!({"message": "again"})).ok();
    assert_eq!(api.get(&url).ok()["note"], "again");
    let mut stray = json!({"metadata": {"name": "f"}, "regarding": {"namespace": "other"}});
    assert_eq!(api.post(new, stray.take()).code, 422);
}

#[test]
fn leases_are_created_by_put_and_held_to_their_rules() {
    let mut api = Api::new();
    let url = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    let lease = |seconds: i64, version: &Value| {
        json!({"metadata": {"name": "l", "resourceVersion": version},
        "spec": {"holderIdentity": "me", "leaseDurationSeconds": seconds}})
    };
    let version = |lease: Value| lease["metadata"]["resourceVersion"].clone();
    let first = version(api.put(url, lease(15, &Value::Null)).ok());
    assert_eq!(api.put(url, lease(16, &Value::Null)).code, 422);
    let second = version(api.put(url, lease(16, &first)).ok());
    api.put(url, lease(0, &second)).fails(
        422,
        "Invalid",
        "Lease.coordination.k8s.io \"l\" is invalid: spec.leaseDurationSeconds: Invalid value: 0: \
         must be greater than 0",
    );
}

#[test]
fn events_may_be_generated_under_the_name_of_an_object_and_a_dot() {
    let mut api = Api::new();
    let event = json!({"metadata": {"generateName": "app."}, "reason": "Created", "message": "m",
        "type": "Normal", "involvedObject": {"kind": "Secret", "name": "app", "namespace": "default"}});
    let made = api.post("/api/v1/namespaces/default/events", event).ok();
    let name = made["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("app.") && name.len() > 4, "{name}");
}
