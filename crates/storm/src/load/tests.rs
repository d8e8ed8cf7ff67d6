//! Pure. Tests of the load: places, keys, mounts, sizes, and the numbers it refuses.

use std::collections::HashSet;

use super::*;

fn load() -> Load {
    Load {
        run: "t1".into(),
        objects: 1000,
        namespaces: 20,
        keys: 200,
        shared: 100,
        nodes: 50,
        mounts: 10,
        refresh: Duration::from_secs(60),
        class: "c".into(),
        values: Store::Ours,
    }
}

#[test]
fn places_are_found_again() {
    let load = load();
    for object in [0, 7, 999, 1234] {
        let place = load.place(object);
        assert_eq!(load.object_at(&place.namespace, &place.name), Some(object));
    }
    assert_eq!(load.object_at("storm-t1-3", "es-4"), None);
    assert_eq!(load.object_at("storm-t2-4", "es-4"), None);
    assert_eq!(load.object_at("default", "es-4"), None);
    assert_eq!(load.key_at(&load.path(199)), Some(199));
    assert_eq!(load.key_at(&load.path(200)), None);
}

#[test]
fn every_key_is_read_and_the_shared_one_by_its_share() {
    let load = load();
    let keys: Vec<usize> = (0..load.objects).map(|object| load.key(object)).collect();
    assert_eq!(keys.iter().collect::<HashSet<_>>().len(), 200);
    assert_eq!(load.keys_read(), 200);
    assert_eq!(keys.iter().filter(|key| **key == 0).count(), 100);
    let alone = Load {
        shared: 0,
        ..load.clone()
    };
    assert_eq!(alone.keys_read(), 200);
    let one = Load { keys: 1, ..load };
    assert_eq!(one.keys_read(), 1);
}

#[test]
fn nodes_mount_different_objects_and_cover_all_evenly() {
    let mut load = load();
    load.nodes = 200;
    let mut mounted = vec![0; load.objects];
    for node in 0..load.nodes {
        let objects: HashSet<usize> = load.mounted(node).collect();
        assert_eq!(objects.len(), load.mounts);
        for object in objects {
            mounted[object] += 1;
        }
    }
    assert!(mounted.iter().all(|times| *times == 2));
}

#[test]
fn an_external_secret_takes_one_kibibyte_at_most() {
    let mut load = load();
    load.run = "x".repeat(20);
    load.objects = MAX_OBJECTS;
    load.keys = MAX_OBJECTS;
    let object = load.objects - 1;
    let body = load.external_secret(object, &load.path(load.key(object)));
    let yaml = body.to_string();
    assert!(yaml.len() <= 1024, "{} bytes", yaml.len());
    assert_eq!(body["spec"]["data"].as_array().map(Vec::len), Some(2));
}

#[test]
fn values_tell_their_generation() {
    let value = Load::value(3, 17, "a");
    assert_eq!(Load::generation(value.as_bytes()), Some(17));
    assert_eq!(Load::generation(b"17"), None);
    assert_eq!(Load::generation(b"gx.k1.a"), None);
}

#[test]
fn impossible_numbers_are_refused_by_flag() {
    let refused = |change: fn(&mut Load), flag: &str| {
        let mut load = load();
        change(&mut load);
        let told = load.check().unwrap_err().to_string();
        assert!(told.starts_with(flag), "{told}");
    };
    assert_eq!(load().check(), Ok(()));
    refused(|load| load.objects = 0, "--objects 0");
    refused(|load| load.objects = 1_000_001, "--objects");
    refused(|load| load.namespaces = 0, "--namespaces 0");
    refused(|load| load.namespaces = 1001, "--namespaces");
    refused(|load| load.keys = 1001, "--keys");
    refused(|load| load.shared = 1001, "--shared");
    refused(|load| load.mounts = 0, "--mounts 0");
    refused(|load| load.nodes = usize::MAX, "--nodes");
    refused(|load| load.refresh = Duration::from_millis(10), "--refresh");
    refused(|load| load.run = "Not DNS".into(), "--run");
    refused(|load| load.run = String::new(), "--run");
}
