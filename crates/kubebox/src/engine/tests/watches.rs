//! Pure. Tests of WATCH: histories, selections, initial events, bookmarks and compaction.

use serde_json::{Value, json};

use super::{Api, SECRETS, secret};
use crate::engine::Polled;

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[test]
fn a_watch_tells_the_whole_history_once() {
    let mut api = Api::new();
    let start = api.engine.store.version();
    let mut watch = api.watch(&format!("{SECRETS}?watch=true&resourceVersion={start}"));
    assert_eq!(api.events(&mut watch), []);
    api.post(SECRETS, secret("a")).ok();
    api.merge(&format!("{SECRETS}/a"), json!({"data": {"k": "bmV3"}}))
        .ok();
    assert_eq!(
        api.events(&mut watch),
        pairs(&[("ADDED", "a"), ("MODIFIED", "a")])
    );
    api.delete(&format!("{SECRETS}/a")).ok();
    assert_eq!(api.events(&mut watch), pairs(&[("DELETED", "a")]));
    assert_eq!(api.events(&mut watch), []);
    let mut again = api.watch(&format!("{SECRETS}?watch=true&resourceVersion={start}"));
    let all = pairs(&[("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]);
    assert_eq!(api.events(&mut again), all);
}

#[test]
fn objects_enter_and_leave_a_selection() {
    let mut api = Api::new();
    let start = api.engine.store.version();
    let url = format!("{SECRETS}?watch=1&resourceVersion={start}&labelSelector=on%3Dyes");
    let mut watch = api.watch(&url);
    api.post(SECRETS, secret("a")).ok();
    let label = |v: &str| json!({"metadata": {"labels": {"on": v}}});
    api.merge(&format!("{SECRETS}/a"), label("yes")).ok();
    api.merge(&format!("{SECRETS}/a"), json!({"data": {"z": ""}}))
        .ok();
    api.merge(&format!("{SECRETS}/a"), label("no")).ok();
    api.delete(&format!("{SECRETS}/a")).ok();
    let expected = pairs(&[("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]);
    assert_eq!(api.events(&mut watch), expected);
}

#[test]
fn initial_events_end_with_a_marked_bookmark() {
    let mut api = Api::new();
    api.post(SECRETS, secret("a")).ok();
    let mut legacy = api.watch(&format!("{SECRETS}?watch=true"));
    assert_eq!(api.events(&mut legacy), pairs(&[("ADDED", "a")]));
    let url = format!(
        "{SECRETS}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true\
         &resourceVersionMatch=NotOlderThan"
    );
    let mut watch = api.watch(&url);
    let Polled::Events(bytes) = api.engine.poll(&mut watch, api.now) else {
        panic!()
    };
    let text = std::str::from_utf8(&bytes).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["type"], "BOOKMARK");
    let metadata = &last["object"]["metadata"];
    assert_eq!(metadata["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(
        metadata["resourceVersion"],
        api.engine.store.version().to_string()
    );
    let wrong = api.get(&format!("{SECRETS}?watch=true&sendInitialEvents=true"));
    assert_eq!(wrong.code, 422);
}

#[test]
fn a_watch_from_before_the_compaction_is_told_so() {
    let mut api = Api::with_history(5);
    let start = api.engine.store.version();
    let mut slow = api.watch(&format!("{SECRETS}?watch=true&resourceVersion={start}"));
    for i in 0..10 {
        api.post(SECRETS, secret(&format!("s{i}"))).ok();
    }
    let events = api.events(&mut slow);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].0, "ERROR");
    assert!(
        events[0].1.starts_with("too old resource version"),
        "{}",
        events[0].1
    );
}

#[test]
fn a_quiet_namespace_survives_noise_elsewhere() {
    let mut api = Api::with_history(5);
    api.post("/api/v1/namespaces", json!({"metadata": {"name": "quiet"}}))
        .ok();
    let quiet = "/api/v1/namespaces/quiet/secrets";
    api.post(quiet, secret("a")).ok();
    let start = api.engine.store.version();
    let mut watch = api.watch(&format!("{quiet}?watch=true&resourceVersion={start}"));
    for i in 0..10 {
        api.post(SECRETS, secret(&format!("s{i}"))).ok();
    }
    assert_eq!(api.events(&mut watch), []);
    api.post(quiet, secret("b")).ok();
    assert_eq!(api.events(&mut watch), pairs(&[("ADDED", "b")]));
}

#[test]
fn tables_and_names_can_be_watched() {
    let mut api = Api::new();
    let url = format!("{SECRETS}?watch=true&resourceVersion=1&fieldSelector=metadata.name%3Da");
    let mut request = Api::request(http::Method::GET, &url, "", &Value::Null);
    request.accept = "application/json;as=Table;v=v1;g=meta.k8s.io".to_owned();
    let crate::engine::Reply::Watch(mut plan) = api.engine.handle(&request, api.now) else {
        panic!("no watch")
    };
    api.post(SECRETS, secret("b")).ok();
    api.post(SECRETS, secret("a")).ok();
    api.merge(&format!("{SECRETS}/a"), json!({"data": {"z": ""}}))
        .ok();
    let Polled::Events(bytes) = api.engine.poll(&mut plan, api.now) else {
        panic!("no events")
    };
    let events: Vec<Value> = std::str::from_utf8(&bytes)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["object"]["rows"][0]["cells"][0], "a");
    assert!(events[0]["object"]["columnDefinitions"].is_array());
    assert!(events[1]["object"]["columnDefinitions"].is_null());
}
