//! Shell. `manifests/crds` is what the types say; `UPDATE_CRDS=1` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tidegate_api::crd::{crd_yaml, crds, crds_yaml};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/crds")
}

/// File name and content of every definition.
fn files() -> Vec<(String, String)> {
    let file = |crd: &_| {
        let value: Value = serde_json::to_value(crd).unwrap();
        let plural = value["spec"]["names"]["plural"]
            .as_str()
            .unwrap()
            .to_owned();
        let group = value["spec"]["group"].as_str().unwrap().to_owned();
        (format!("{group}_{plural}.yaml"), crd_yaml(crd))
    };
    crds().iter().map(file).collect()
}

#[test]
fn the_manifests_are_what_the_types_say() {
    let folder = folder();
    if std::env::var_os("UPDATE_CRDS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for (name, content) in files() {
            fs::write(folder.join(name), content).unwrap();
        }
    }
    let expected: Vec<String> = files().into_iter().map(|(name, _)| name).collect();
    let mut found: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, expected);
    for (name, content) in files() {
        let found = fs::read_to_string(folder.join(&name)).unwrap();
        assert!(found == content, "{name} is stale: run with UPDATE_CRDS=1");
    }
}

#[test]
fn the_yaml_says_what_the_definitions_say() {
    let stream = crds_yaml();
    let read: Vec<Value> = serde_saphyr::from_multiple(&stream).unwrap();
    let made: Vec<Value> = crds()
        .iter()
        .map(|crd| serde_json::to_value(crd).unwrap())
        .collect();
    assert_eq!(read, made);
    assert_eq!(stream, crds_yaml());
    assert!(
        stream.lines().all(|line| line.trim_end() == line),
        "space at a line's end"
    );
}

#[test]
fn names_columns_and_labels_are_those_users_know() {
    let store = "AGE=date:.metadata.creationTimestamp \
        Status=string:.status.conditions[?(@.type==\"Ready\")].reason \
        Capabilities=string:.status.capabilities \
        Ready=string:.status.conditions[?(@.type==\"Ready\")].status";
    let secret = "StoreType=string:.spec.secretStoreRef.kind \
        Store=string:.spec.secretStoreRef.name \
        Refresh Interval=string:.spec.refreshInterval \
        Status=string:.status.conditions[?(@.type==\"Ready\")].reason \
        Ready=string:.status.conditions[?(@.type==\"Ready\")].status \
        Last Sync=date:.status.refreshTime";
    let selectable = ".spec.secretStoreRef.name .spec.secretStoreRef.kind .spec.target.name \
        .spec.refreshInterval";
    let expected = [
        ("clustersecretstores", "Cluster", "css", store, ""),
        ("externalsecrets", "Namespaced", "es", secret, selectable),
        ("secretstores", "Namespaced", "ss", store, ""),
    ];
    for (crd, (plural, scope, short, columns, selectable)) in crds().into_iter().zip(expected) {
        assert_eq!(
            crd.metadata.name,
            Some(format!("{plural}.external-secrets.io"))
        );
        let label = crd.metadata.labels.unwrap()["external-secrets.io/component"].clone();
        assert_eq!(label, "controller");
        assert_eq!(crd.spec.scope, scope);
        assert_eq!(crd.spec.names.short_names, Some(vec![short.to_owned()]));
        assert_eq!(
            crd.spec.names.categories,
            Some(vec!["external-secrets".to_owned()])
        );
        assert_eq!(crd.spec.conversion, None);
        let [v1, old] = &crd.spec.versions[..] else {
            panic!("{plural} has other versions")
        };
        assert_eq!(
            (v1.name.as_str(), v1.served, v1.storage),
            ("v1", true, true)
        );
        assert_eq!(
            (old.name.as_str(), old.served, old.storage),
            ("v1beta1", false, false)
        );
        assert_eq!((v1.deprecated, old.deprecated), (None, Some(true)));
        assert!(v1.subresources.as_ref().unwrap().status.is_some());
        let found: Vec<String> = v1
            .additional_printer_columns
            .iter()
            .flatten()
            .inspect(|column| assert_eq!(column.priority, None))
            .map(|column| format!("{}={}:{}", column.name, column.type_, column.json_path))
            .collect();
        assert_eq!(found.join(" "), columns);
        let found = v1
            .selectable_fields
            .iter()
            .flatten()
            .map(|field| field.json_path.as_str());
        assert_eq!(found.collect::<Vec<_>>().join(" "), selectable);
    }
}
