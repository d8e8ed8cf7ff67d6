//! Pure. Tables of plans: admission rules, stores, the order of reads, deletion.

use serde_json::{Value, json};
use tidegate_api::{StoreKind, names};

use super::{DATA, RECENT, check};
use crate::plan::*;
use crate::testing::*;
use crate::{Retry, StoreFault};

#[test]
fn admission_rules_are_checked_again() {
    let data = json!([{ "secretKey": "a", "remoteRef": { "key": "k" } }]);
    let twice = json!([
        { "secretKey": "a", "remoteRef": { "key": "k" } },
        { "secretKey": "a", "remoteRef": { "key": "l" } },
    ]);
    let policies = |deletion: &str, creation: &str| {
        let target = json!({ "deletionPolicy": deletion, "creationPolicy": creation });
        json!({ "target": target, "data": data })
    };
    let from = |from: Value| json!({ "dataFrom": [from] });
    for (spec, expected) in [
        (
            policies("Delete", "Merge"),
            "deletionPolicy=Delete must not be used with creationPolicy=Merge",
        ),
        (
            policies("Merge", "None"),
            "deletionPolicy=Merge must not be used with creationPolicy=None",
        ),
        (json!({}), "spec needs data or dataFrom"),
        (
            json!({ "data": twice }),
            "duplicate secretKey \"a\" in spec.data",
        ),
        (
            from(json!({})),
            "spec.dataFrom[0] needs extract, find or sourceRef.generatorRef",
        ),
        (
            from(json!({ "extract": { "key": "k" }, "find": {} })),
            "spec.dataFrom[0] may have only one of extract, find and sourceRef.generatorRef",
        ),
        (
            from(json!({ "find": {} })),
            "spec.dataFrom[0].find is not served by this version",
        ),
        (
            from(json!({ "extract": { "key": "k" }, "rewrite": [{}] })),
            "spec.dataFrom[0].rewrite[0] needs exactly one of regexp, transform and merge",
        ),
        (
            from(json!({ "sourceRef": { "generatorRef": { "kind": "Password", "name": "p" } } })),
            "spec.dataFrom[0].sourceRef.generatorRef is not served by this version",
        ),
        (
            from(json!({ "extract": { "key": "k" }, "sourceRef": {} })),
            "spec.dataFrom[0].sourceRef needs storeRef or generatorRef",
        ),
    ] {
        let expected = format!("refuse: could not update secret: {expected}");
        check("admission", &observed(spec), &expected);
    }
    let allowed = json!({ "target": { "deletionPolicy": "Merge" }, "data": twice });
    check(
        "duplicates without Retain",
        &observed(allowed),
        "NeverSynced",
    );
}

#[test]
fn templates_are_no_way_to_somebody_elses_token() {
    let at = "spec.target.template";
    let account = "kubernetes.io/service-account-token";
    let annotated = json!({ "annotations": { "kubernetes.io/service-account.name": "x" } });
    let into = |target: &str| json!([{ "literal": "a: b", "target": target }]);
    let denied = format!(
        "{at}.type {account} is not allowed with the annotation \
         kubernetes.io/service-account.name, nor with templateFrom into annotations"
    );
    for (template, expected) in [
        (
            json!({ "type": "bootstrap.kubernetes.io/token" }),
            format!("{at}.type bootstrap.kubernetes.io/token is not allowed"),
        ),
        (
            json!({ "type": account, "metadata": annotated }),
            denied.clone(),
        ),
        (
            json!({ "type": account, "templateFrom": into("aNNotations") }),
            denied,
        ),
        (
            json!({ "engineVersion": "v1" }),
            format!("{at}.engineVersion must be v2"),
        ),
        (
            json!({ "templateFrom": into("spec.x") }),
            format!(
                "{at}.templateFrom[0].target \"spec.x\" is none of Data, Annotations and Labels"
            ),
        ),
    ] {
        let expected = format!("refuse: could not update secret: {expected}");
        check(
            "template",
            &simple(json!({ "template": template })),
            &expected,
        );
    }
    for template in [
        json!({}),
        json!({ "type": account }),
        json!({ "metadata": annotated }),
        json!({ "type": account, "templateFrom": into("LABELS") }),
    ] {
        check(
            "template",
            &simple(json!({ "template": template })),
            "NeverSynced",
        );
    }
}

#[test]
fn generic_targets_are_not_served() {
    let data = json!([{ "secretKey": "a", "remoteRef": { "key": "k" } }]);
    let manifest = json!({ "apiVersion": "v1", "kind": "ConfigMap" });
    let generic = json!({ "target": { "manifest": manifest }, "data": data });
    check(
        "generic",
        &observed(generic),
        "refuse: invalid generic target: spec.target.manifest is not served by this version",
    );
}

#[test]
fn stores_are_judged_before_anything_is_read() {
    let lead = "refuse: could not get secret data from provider: \
                error processing spec.data[0] (key: db), err: ";
    let view = |change: &dyn Fn(&mut StoreView)| {
        simple(json!({})).with(|o| {
            change(
                o.stores
                    .get_mut(&store_key(StoreKind::SecretStore, "vault"))
                    .unwrap(),
            );
        })
    };
    let faulty = |view: &mut StoreView| {
        if let StoreView::Present { usable, .. } = view {
            *usable = Err(StoreFault {
                public: "is not ready".into(),
                retry: Retry::OnChange,
            });
        }
    };
    check(
        "missing",
        &view(&|v| *v = StoreView::Missing),
        &format!("{lead}SecretStore \"vault\" does not exist"),
    );
    check(
        "faulty",
        &view(&faulty),
        &format!("{lead}SecretStore \"vault\": is not ready"),
    );
    check(
        "unnamed",
        &simple(json!({})).with(|o| o.edit(|es| es.spec.secret_store_ref = None)),
        &format!("{lead}no store is named"),
    );
    let class = |name: &str| {
        let spec = json!({ "controller": name, "provider": { "fake": { "data": [] } } });
        simple(json!({})).with(|o| {
            o.stores
                .extend([store(StoreKind::SecretStore, "vault", spec)]);
        })
    };
    check("another class", &class("other"), "foreign");
    check("our class", &class("default"), "NeverSynced");
    check("no class", &class(""), "NeverSynced");
}

#[test]
fn cluster_stores_let_in_whom_they_list() {
    let shared = |namespaces: Value| {
        let reference = json!({ "name": "shared", "kind": "ClusterSecretStore" });
        let spec = json!({
            "secretStoreRef": reference,
            "data": [{ "secretKey": "a", "remoteRef": { "key": "k" } }],
        });
        let store_spec = json!({
            "provider": { "vault": { "server": "https://vault" } },
            "conditions": [{ "namespaces": namespaces }],
        });
        observed(spec).with(|o| {
            o.stores
                .extend([store(StoreKind::ClusterSecretStore, "shared", store_spec)]);
        })
    };
    check("listed", &shared(json!(["other", "team"])), "NeverSynced");
    check(
        "not listed",
        &shared(json!(["other"])),
        "refuse: could not get secret data from provider: error processing spec.data[0] (key: k), \
         err: using ClusterSecretStore \"shared\" is not allowed from namespace \"team\": \
         denied by spec.condition",
    );
}

#[test]
fn reads_come_in_the_order_of_eso() {
    let observed = observed(json!({
        "data": [
            { "secretKey": "a", "remoteRef": { "key": "k", "version": "3", "property": "p" } },
            { "secretKey": "b", "remoteRef": { "key": "k", "metadataPolicy": "Fetch" },
              "sourceRef": { "storeRef": { "name": "fake" } } },
        ],
        "dataFrom": [{ "extract": { "key": "all", "version": "" } }],
    }));
    let got: Vec<String> = (planned_reads(&observed).unwrap().iter())
        .map(|read| format!("{:?} {} {}", read.entry, read.store.name, read.key))
        .collect();
    assert_eq!(
        got,
        [
            "Extract(0) vault all",
            "Data(0) vault k@3",
            "Data(1) fake k (metadata)"
        ]
    );
}

#[test]
fn deletion_drops_the_finalizer_of_eso_and_deletes_only_what_is_ours() {
    let deleting = |policy: &str, finalizer: bool, uid: &str| {
        simple(json!({ "deletionPolicy": policy }))
            .synced(RECENT, &DATA)
            .with(|o| {
                o.edit(|es| {
                    es.metadata.deletion_timestamp = Some(
                        k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(env().now),
                    );
                    es.metadata.uid = Some(uid.to_owned());
                    es.metadata.resource_version = Some("7".to_owned());
                    es.metadata.finalizers = finalizer.then(|| {
                        vec![
                            "other/finalizer".to_owned(),
                            names::ESO_FINALIZER.to_owned(),
                        ]
                    });
                });
            })
    };
    let cleanup = |observed: &Observed| match plan(observed, &env()) {
        Plan::Cleanup(cleanup) => (cleanup.delete.is_some(), cleanup.drop_finalizer),
        other => panic!("{other:?}"),
    };
    let dropped = DropFinalizer {
        position: 1,
        resource_version: "7".into(),
    };
    let drop = Some(dropped.clone());
    assert_eq!(
        cleanup(&deleting("Delete", true, "uid-of-app")),
        (true, drop.clone())
    );
    assert_eq!(
        cleanup(&deleting("Delete", true, "another-uid")),
        (false, drop.clone())
    );
    assert_eq!(
        cleanup(&deleting("Delete", false, "uid-of-app")),
        (true, None)
    );
    assert_eq!(
        cleanup(&deleting("Retain", true, "uid-of-app")),
        (false, drop.clone())
    );
    check(
        "nothing of ours",
        &deleting("Retain", false, "uid-of-app"),
        "Deleting",
    );
    assert_eq!(
        dropped.patch(),
        json!([
            { "op": "replace", "path": "/metadata/resourceVersion", "value": "7" },
            { "op": "test", "path": "/metadata/finalizers/1", "value": names::ESO_FINALIZER },
            { "op": "remove", "path": "/metadata/finalizers/1" },
        ])
    );
}

#[test]
fn a_terminating_namespace_is_left_alone() {
    let observed = simple(json!({})).with(|o| o.namespace.terminating = true);
    check("terminating", &observed, "NamespaceTerminating");
}

#[test]
fn revisions_are_those_of_eso() {
    let bare = simple(json!({})).with(|o| {
        o.edit(|es| {
            es.metadata.labels = None;
            es.metadata.annotations = None;
        });
    });
    assert_eq!(
        revision(&bare.object),
        "1-f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2"
    );
}
