//! Pure. Bytes of writes.

use serde_json::{Value, json};

use crate::diff::{Action, diff};
use crate::testing::*;
use crate::{Desired, Rendered};

fn wish(value: &str) -> Rendered {
    Rendered::Secret(Desired {
        data: [("password".to_owned(), value.into())].into(),
        ..Desired::default()
    })
}

#[test]
fn a_create_holds_everything() {
    let Action::Create(intent) = diff(&wish("hunter2"), &simple(json!({}))).action else {
        panic!("no create");
    };
    let body = intent.create_body();
    let got: Value = serde_json::from_slice(body.expose()).unwrap();
    let hash = intent.hash().to_string();
    assert_eq!(
        got,
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "app",
                "namespace": "team",
                "labels": {
                    "team": "blue",
                    "reconcile.external-secrets.io/managed": "true",
                    "reconcile.external-secrets.io/created-by":
                        crate::text_hash("team/app").to_string(),
                },
                "annotations": {
                    "note": "hello",
                    "reconcile.external-secrets.io/data-hash": hash,
                },
                "ownerReferences": [{
                    "apiVersion": "external-secrets.io/v1",
                    "kind": "ExternalSecret",
                    "name": "app",
                    "uid": "uid-of-app",
                    "controller": true,
                    "blockOwnerDeletion": true,
                }],
            },
            "data": { "password": "aHVudGVyMg==" },
        })
    );
}

#[test]
fn an_update_replaces_data_whole_and_is_guarded() {
    let observed = simple(json!({}));
    let live = written(&observed, &[("password", "old")]);
    let Action::Update(update) = diff(&wish("new"), &observed.found(&live)).action else {
        panic!("no update");
    };
    let body = update.patch_body();
    let got: Value = serde_json::from_slice(body.expose()).unwrap();
    assert_eq!(
        got,
        json!([
            { "op": "replace", "path": "/metadata/resourceVersion", "value": "41" },
            { "op": "add", "path": "/data", "value": { "password": "bmV3" } },
            {
                "op": "add",
                "path": "/metadata/annotations/reconcile.external-secrets.io~1data-hash",
                "value": update.hash.to_string(),
            },
        ])
    );
}

#[test]
fn nothing_of_a_value_is_printed() {
    let marker = "MARKER-7f3a";
    let observed = simple(json!({}));
    let live = written(&observed, &[("password", "old")]);
    let rendered = wish(marker);
    let create = diff(&rendered, &observed);
    let update = diff(&rendered, &observed.clone().found(&live));
    let Action::Create(intent) = &create.action else {
        panic!("no create");
    };
    let encoded = "TUFSS0VSLTdmM2E=";
    let body = intent.create_body();
    assert!(String::from_utf8_lossy(body.expose()).contains(encoded));
    for text in [
        format!("{rendered:?}"),
        format!("{create:?}"),
        format!("{update:?}"),
        format!("{body:?}"),
    ] {
        assert!(!text.contains(marker) && !text.contains(encoded), "{text}");
    }
}
