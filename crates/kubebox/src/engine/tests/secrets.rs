//! Pure. Tests of writes on Secrets: semantics, errors, concurrency, patches, dry runs.

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Api, SECRETS, secret};

#[test]
fn a_secret_lives_through_create_update_and_delete() {
    let mut api = Api::new();
    let mut body = secret("s");
    body["stringData"] = json!({"t": "text"});
    let made = api.post(SECRETS, body).ok();
    assert_eq!(made["data"], json!({"k": "dg==", "t": "dGV4dA=="}));
    assert_eq!(made["type"], "Opaque");
    assert!(made.get("stringData").is_none());
    assert_eq!(
        made["metadata"]["creationTimestamp"],
        "2026-01-01T00:00:00Z"
    );
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "tester");
    let url = format!("{SECRETS}/s");
    let mut next = made.clone();
    next["data"]["k"] = json!("bmV3");
    let updated = api.put(&url, next.clone()).ok();
    assert_ne!(
        updated["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
    assert_eq!(updated["metadata"]["uid"], made["metadata"]["uid"]);
    api.put(&url, next).fails(
        409,
        "Conflict",
        "Operation cannot be fulfilled on secrets \"s\": the object has been modified; please \
         apply your changes to the latest version and try again",
    );
    let gone = api.delete(&url).ok();
    assert_eq!(gone["status"], "Success");
    assert_eq!(gone["details"]["uid"], made["metadata"]["uid"]);
    api.get(&url)
        .fails(404, "NotFound", "secrets \"s\" not found");
}

#[test]
fn a_write_that_changes_nothing_gets_no_new_version() {
    let mut api = Api::new();
    let made = api.post(SECRETS, secret("s")).ok();
    api.now = "2026-02-01T00:00:00Z".parse().unwrap();
    let same = api
        .merge(&format!("{SECRETS}/s"), json!({"data": {"k": "dg=="}}))
        .ok();
    assert_eq!(same, made);
}

#[test]
fn refusals_have_the_real_servers_code_reason_and_words() {
    let mut api = Api::new();
    api.post(SECRETS, secret("s")).ok();
    api.post(SECRETS, secret("s"))
        .fails(409, "AlreadyExists", "secrets \"s\" already exists");
    api.post("/api/v1/namespaces/none/secrets", secret("s"))
        .fails(404, "NotFound", "namespaces \"none\" not found");
    let mut bad = secret("s2");
    bad["data"]["k"] = json!("*");
    api.post(SECRETS, bad).fails(
        400,
        "BadRequest",
        "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input \
         byte 0",
    );
    let mut bad = secret("s2");
    bad["data"]["a/b"] = json!("");
    let got = api.post(SECRETS, bad);
    assert_eq!(got.code, 422);
    assert_eq!(got.body["details"]["kind"], "Secret");
    assert_eq!(got.body["details"]["causes"][0]["field"], "data[a/b]");
    assert_eq!(
        got.body["details"]["causes"][0]["reason"],
        "FieldValueInvalid"
    );
    let mut bad = secret("s2");
    bad["type"] = json!("kubernetes.io/tls");
    api.post(SECRETS, bad).fails(
        422,
        "Invalid",
        "Secret \"s2\" is invalid: [data[tls.crt]: Required value, data[tls.key]: Required value]",
    );
    let mut other = secret("s2");
    other["metadata"]["namespace"] = json!("other");
    api.post(SECRETS, other).fails(
        400,
        "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request",
    );
    api.post(SECRETS, json!({"metadata": {}})).fails(
        422,
        "Invalid",
        "Secret \"\" is invalid: metadata.name: Required value: name or generateName is required",
    );
}

#[test]
fn content_over_one_mebibyte_is_refused() {
    let mut api = Api::new();
    let encode = |n: usize| base64::engine::general_purpose::STANDARD.encode(vec![0u8; n]);
    let mut body = secret("s");
    body["data"] = json!({"a": encode(1 << 20)});
    assert_eq!(api.post(SECRETS, body.clone()).code, 201);
    body["metadata"]["name"] = json!("t");
    body["data"]["b"] = json!(encode(1));
    api.post(SECRETS, body).fails(
        422,
        "Invalid",
        "Secret \"t\" is invalid: data: Too long: may not be more than 1048576 bytes",
    );
}

#[test]
fn immutable_secrets_and_types_stay() {
    let mut api = Api::new();
    let mut body = secret("s");
    body["immutable"] = json!(true);
    api.post(SECRETS, body).ok();
    let url = format!("{SECRETS}/s");
    api.merge(&url, json!({"data": {"k": "bmV3"}})).fails(
        422,
        "Invalid",
        "Secret \"s\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
    );
    api.merge(&url, json!({"type": "x"})).fails(
        422,
        "Invalid",
        "Secret \"s\" is invalid: type: Invalid value: \"x\": field is immutable",
    );
    api.merge(&url, json!({"metadata": {"labels": {"a": "b"}}}))
        .ok();
}

#[test]
fn json_patches_are_guarded_by_the_resource_version() {
    let mut api = Api::new();
    let made = api.post(SECRETS, secret("s")).ok();
    let url = format!("{SECRETS}/s");
    let patch = |version: &Value| {
        json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/data", "value": {"n": "bmV3"}},
        ])
    };
    let media = "application/json-patch+json";
    let stale = made["metadata"]["resourceVersion"].clone();
    let done = api
        .call(http::Method::PATCH, &url, media, patch(&stale))
        .ok();
    assert_eq!(done["data"], json!({"n": "bmV3"}));
    assert_eq!(
        api.call(http::Method::PATCH, &url, media, patch(&stale))
            .code,
        409
    );
    let apply = "application/apply-patch+yaml";
    let refused = api.call(http::Method::PATCH, &url, apply, json!({}));
    assert_eq!(refused.code, 415);
    assert!(
        refused.body["message"]
            .as_str()
            .unwrap()
            .contains("no server-side apply")
    );
}

#[test]
fn dry_runs_change_nothing() {
    let mut api = Api::new();
    let before = api.engine.store.version();
    api.post(&format!("{SECRETS}?dryRun=All"), secret("s")).ok();
    assert_eq!(api.engine.store.version(), before);
    assert_eq!(api.get(&format!("{SECRETS}/s")).code, 404);
    api.post(SECRETS, secret("s")).ok();
    let url = format!("{SECRETS}/s?dryRun=All");
    let seen = api.merge(&url, json!({"data": {"k": "bmV3"}})).ok();
    assert_eq!(seen["data"]["k"], "bmV3");
    api.delete(&url).ok();
    assert_eq!(api.get(&format!("{SECRETS}/s")).ok()["data"]["k"], "dg==");
}

#[test]
fn unknown_fields_warn_or_fail_as_asked() {
    let mut api = Api::new();
    let mut body = secret("s");
    body["foo"] = json!(1);
    body["metadata"]["bar"] = json!(1);
    let strict = api.post(&format!("{SECRETS}?fieldValidation=Strict"), body.clone());
    strict.fails(
        400,
        "BadRequest",
        "Secret in version \"v1\" cannot be handled as a Secret: strict decoding error: unknown \
         field \"foo\", unknown field \"metadata.bar\"",
    );
    let warned = api.post(SECRETS, body);
    assert_eq!(
        warned.warnings,
        ["unknown field \"foo\"", "unknown field \"metadata.bar\""]
    );
    assert!(warned.ok().get("foo").is_none());
}

#[test]
fn names_are_generated_from_a_prefix() {
    let mut api = Api::new();
    let body = json!({"metadata": {"generateName": "tok-"}});
    let one = api.post(SECRETS, body.clone()).ok();
    let two = api.post(SECRETS, body).ok();
    let name = one["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("tok-") && name.len() == 9, "{name}");
    assert_ne!(one["metadata"]["name"], two["metadata"]["name"]);
}

#[test]
fn ownership_follows_the_field_manager() {
    let mut api = Api::new();
    api.post(&format!("{SECRETS}?fieldManager=one"), secret("s"))
        .ok();
    let url = format!("{SECRETS}/s?fieldManager=two");
    let patched = api
        .merge(&url, json!({"data": {"k": "bmV3", "l": "bmV3"}}))
        .ok();
    let entries = patched["metadata"]["managedFields"].as_array().unwrap();
    let owned = |name: &str| {
        let entry = entries.iter().find(|e| e["manager"] == name).unwrap();
        entry["fieldsV1"]["f:data"].clone()
    };
    assert_eq!(owned("one"), json!({}));
    assert_eq!(owned("two"), json!({"f:k": {}, "f:l": {}}));
}
