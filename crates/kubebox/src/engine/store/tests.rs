//! Pure. Tests of the store: snapshots of the past, compaction, bounded history.

use super::*;
use serde_json::json;

fn put(store: &mut Store, name: &str, body: u64) -> u64 {
    let version = store.next_version();
    let object = json!({"metadata": {"namespace": "ns", "name": name, "uid": name}, "x": body});
    store.put(0, Stored::encode(&object, version, &[]));
    version
}

fn seen(store: &Store, after: &str, at: u64) -> Vec<(String, u64)> {
    let mut out = Vec::new();
    store.table(0).scan("ns/", after, at, |s| {
        out.push((s.meta.name.to_string(), s.value()["x"].as_u64().unwrap()));
        true
    });
    out
}

#[test]
fn a_scan_sees_the_past_until_it_is_compacted() {
    let mut store = Store::new(100);
    store.reserve(1);
    put(&mut store, "a", 1);
    let past = put(&mut store, "c", 2);
    put(&mut store, "b", 3);
    put(&mut store, "a", 4);
    let version = store.next_version();
    let object = json!({"metadata": {"namespace": "ns", "name": "c", "uid": "c"}});
    store.remove(0, Stored::encode(&object, version, &[]));
    assert_eq!(seen(&store, "", past), [("a".into(), 1), ("c".into(), 2)]);
    assert_eq!(seen(&store, "ns/a", past), [("c".into(), 2)]);
    assert_eq!(
        seen(&store, "", version),
        [("a".into(), 4), ("b".into(), 3)]
    );
    assert_eq!(store.table(0).since(past).count(), 3);
    store.compact(past + 1);
    assert_eq!(store.table(0).compacted(), past + 1);
    assert_eq!(store.table(0).since(past + 1).count(), 2);
}

#[test]
fn history_is_bounded() {
    let mut store = Store::new(3);
    store.reserve(1);
    for i in 0..10 {
        put(&mut store, "a", i);
    }
    assert_eq!(store.table(0).since(0).count(), 3);
    assert_eq!(store.table(0).compacted(), store.version() - 3);
}
