//! Shell. Backups of etcd: no marker in them, nothing to read without the key, everything with it.

use std::path::Path;

use serde_json::json;

use crate::support::{Bed, MARKER, config};

const NEW: (&str, &str, u8) = ("secretbox", "new", 2);
const OLD: (&str, &str, u8) = ("aesgcm", "old", 1);
const GROUP: &str = "/apis/generators.external-secrets.io/v1alpha1";

/// Whether the marker, or its base64 at any of the three offsets, is in a file of a folder.
fn holds_marker(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let mut found = false;
    for path in entries {
        found |= if path.is_dir() {
            holds_marker(&path)
        } else {
            file_holds_marker(&path)
        };
    }
    found
}

fn file_holds_marker(path: &Path) -> bool {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD_NO_PAD;
    let mut needles = vec![MARKER.as_bytes().to_vec()];
    for skip in 0..3 {
        needles.push(
            base64
                .encode(&MARKER.as_bytes()[skip..skip + 12])
                .into_bytes(),
        );
    }
    let bytes = std::fs::read(path).unwrap();
    needles
        .iter()
        .any(|needle| bytes.windows(needle.len()).any(|window| window == needle))
}

async fn generator_states(bed: &Bed) {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "generatorstates.generators.external-secrets.io" },
        "spec": {
            "group": "generators.external-secrets.io",
            "scope": "Namespaced",
            "names": { "plural": "generatorstates", "kind": "GeneratorState",
                "listKind": "GeneratorStateList", "singular": "generatorstate" },
            "versions": [{ "name": "v1alpha1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }],
        },
    });
    let api = bed.admin();
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    api.post(path, &definition).await.unwrap().ok().unwrap();
    let state = json!({
        "apiVersion": "generators.external-secrets.io/v1alpha1",
        "kind": "GeneratorState",
        "metadata": { "name": "g" },
        "spec": { "state": { "password": MARKER } },
    });
    let path = format!("{GROUP}/namespaces/default/generatorstates");
    // A definition is served a moment after it is made.
    for _ in 0..200 {
        if api.post(&path, &state).await.unwrap().status == 201 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the definition is not served");
}

fn all_three(text: &str) -> String {
    let from = "\"secrets\",\"configmaps\"";
    assert!(text.contains(from));
    text.replace(
        from,
        &format!("{from},\"generatorstates.generators.external-secrets.io\""),
    )
}

#[tokio::test]
async fn a_snapshot_tells_nothing_without_its_key_and_everything_with_the_archived_one() {
    let bed = Bed::start(&all_three(&config(&[OLD], false))).await;
    generator_states(&bed).await;
    bed.secrets("s", 20).await;
    let map = json!({ "metadata": { "name": "m" }, "data": { "value": MARKER } });
    let maps = "/api/v1/namespaces/default/configmaps";
    bed.admin().post(maps, &map).await.unwrap().ok().unwrap();
    let report = bed.run(&["verify", "-o", "json"]).ok().json();
    let lines = report["counts"].as_array().unwrap();
    for resource in [
        "secrets",
        "configmaps",
        "generatorstates.generators.external-secrets.io",
    ] {
        assert!(
            lines.iter().any(|line| line["resource"] == resource),
            "{resource}"
        );
    }

    let before = bed.folder.path().join("before");
    bed.plane.etcd_backup(&before).await.unwrap();
    assert!(!holds_marker(&before), "the backup holds a value");

    // Rotated, and the old key dropped.
    bed.change(&all_three(&config(&[NEW, OLD], false))).await;
    bed.run(&["rewrite"]).ok();
    bed.change(&all_three(&config(&[NEW], false))).await;
    bed.run(&["verify", "--fail-on-stale"]).ok();
    let listed = bed
        .admin()
        .get("/api/v1/namespaces/default/secrets")
        .await
        .unwrap();
    assert_eq!(listed.ok().unwrap()["items"].as_array().unwrap().len(), 20);

    // The old snapshot under the new key: nothing can be read, and verify says so.
    bed.plane.etcd_restore(&before).await.unwrap();
    bed.plane
        .start_apiserver_until(&["/version"])
        .await
        .unwrap();
    let listed = bed
        .admin()
        .get("/api/v1/namespaces/default/secrets")
        .await
        .unwrap();
    let told = listed.body["message"].as_str().unwrap_or_default();
    assert!(
        listed.status >= 400 && told.contains("no matching prefix found"),
        "{}: {told}",
        listed.status
    );
    let ran = bed.run(&["verify"]).code(1);
    assert!(ran.out.contains("unknown-key"), "{}", ran.out);

    // Under the archived key everything is there.
    bed.change(&all_three(&config(&[OLD], false))).await;
    bed.run(&["verify"]).ok();
    let listed = bed
        .admin()
        .get("/api/v1/namespaces/default/secrets")
        .await
        .unwrap();
    let listed = listed.ok().unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 20);
    let state = format!("{GROUP}/namespaces/default/generatorstates/g");
    let state = bed.admin().get(&state).await.unwrap().ok().unwrap();
    assert_eq!(state["spec"]["state"]["password"], MARKER);
}

#[tokio::test]
async fn the_search_for_markers_finds_one_in_the_clear() {
    let bed = Bed::start(&config(&[], true)).await;
    bed.secrets("s", 1).await;
    let path = bed.folder.path().join("plain");
    bed.plane.etcd_backup(&path).await.unwrap();
    assert!(holds_marker(&path));
}
