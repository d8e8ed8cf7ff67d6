//! Pure. Tests of LIST: order, pages, selectors, resource versions, and the other shapes.

use serde_json::json;

use super::{Api, SECRETS, names, secret};

fn filled(count: usize) -> Api {
    let mut api = Api::with_history(20);
    for i in 0..count {
        let mut body = secret(&format!("s{i}"));
        body["metadata"]["labels"] = json!({"even": (i % 2 == 0).to_string()});
        api.post(SECRETS, body).ok();
    }
    api
}

#[test]
fn pages_show_one_snapshot_until_it_is_compacted() {
    let mut api = filled(5);
    let first = api.get(&format!("{SECRETS}?limit=2")).ok();
    assert_eq!(names(&first), ["s0", "s1"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    let version = first["metadata"]["resourceVersion"].clone();
    api.delete(&format!("{SECRETS}/s3")).ok();
    api.post(SECRETS, secret("s22")).ok();
    let token = first["metadata"]["continue"].as_str().unwrap();
    let url = format!("{SECRETS}?limit=10&continue={token}");
    let second = api.get(&url).ok();
    assert_eq!(names(&second), ["s2", "s3", "s4"]);
    assert_eq!(second["metadata"]["resourceVersion"], version);
    assert!(second["metadata"].get("continue").is_none());
    let now = api.engine.store.version();
    api.engine.store.compact(now);
    let expired = api.get(&url);
    assert_eq!(
        (expired.code, expired.body["reason"].as_str()),
        (410, Some("Expired"))
    );
    let token = expired.body["metadata"]["continue"].as_str().unwrap();
    let rest = api.get(&format!("{SECRETS}?continue={token}")).ok();
    assert_eq!(names(&rest), ["s2", "s22", "s4"]);
}

#[test]
fn old_versions_are_read_exactly_or_refused() {
    let mut api = filled(3);
    let version = api.engine.store.version();
    api.delete(&format!("{SECRETS}/s0")).ok();
    let exact = format!("{SECRETS}?resourceVersionMatch=Exact&resourceVersion={version}");
    assert_eq!(names(&api.get(&exact).ok()), ["s0", "s1", "s2"]);
    let newer = format!("{SECRETS}?resourceVersionMatch=NotOlderThan&resourceVersion={version}");
    assert_eq!(names(&api.get(&newer).ok()), ["s1", "s2"]);
    let now = api.engine.store.version();
    api.engine.store.compact(now);
    assert_eq!(api.get(&exact).code, 410);
    let future = api.get(&format!("{SECRETS}?resourceVersion=9999"));
    assert_eq!(future.code, 504);
    assert_eq!(
        future.body["details"]["causes"][0]["reason"],
        "ResourceVersionTooLarge"
    );
    let bad = api.get(&format!("{SECRETS}?resourceVersionMatch=Exact"));
    assert_eq!(bad.code, 422);
    assert_eq!(api.get(&format!("{SECRETS}?resourceVersion=x")).code, 400);
}

#[test]
fn selectors_choose_objects() {
    let mut api = filled(4);
    let by = |api: &mut Api, query: &str| {
        let list = api.get(&format!("{SECRETS}?{query}")).ok();
        names(&list)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(by(&mut api, "labelSelector=even%3Dtrue"), ["s0", "s2"]);
    assert_eq!(by(&mut api, "fieldSelector=metadata.name%3Ds1"), ["s1"]);
    assert_eq!(by(&mut api, "fieldSelector=type%3DOpaque&limit=1"), ["s0"]);
    assert_eq!(by(&mut api, "fieldSelector=type%21%3DOpaque"), [""; 0]);
    assert_eq!(
        api.get(&format!("{SECRETS}?fieldSelector=data%3D1")).code,
        400
    );
    assert_eq!(names(&api.get("/api/v1/secrets").ok()).len(), 4);
}

#[test]
fn metadata_only_and_tables_by_accept_header() {
    let mut api = filled(1);
    let meta = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = api.accept(SECRETS, meta).ok();
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"][0]["kind"], "PartialObjectMetadata");
    assert!(list["items"][0].get("data").is_none());
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let shown = api.accept(SECRETS, table).ok();
    assert_eq!(shown["kind"], "Table");
    assert_eq!(shown["rows"][0]["cells"], json!(["s0", "Opaque", 1, "0s"]));
    assert_eq!(shown["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let headings: Vec<_> = shown["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["name"].as_str().unwrap())
        .collect();
    assert_eq!(headings, ["Name", "Type", "Data", "Age"]);
    let one = api.accept(&format!("{SECRETS}/s0"), table).ok();
    assert_eq!(one["rows"].as_array().unwrap().len(), 1);
    assert_eq!(
        api.accept(SECRETS, "application/vnd.kubernetes.protobuf")
            .code,
        406
    );
}

#[test]
fn collections_are_deleted_by_selector() {
    let mut api = filled(4);
    let gone = api
        .delete(&format!("{SECRETS}?labelSelector=even%3Dtrue"))
        .ok();
    assert_eq!(names(&gone), ["s0", "s2"]);
    assert_eq!(names(&api.get(SECRETS).ok()), ["s1", "s3"]);
    assert_eq!(api.delete("/api/v1/secrets").code, 405);
}
