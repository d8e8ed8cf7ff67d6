//! Pure. The types: what is filled in, what is written back, what does not decode.

#![cfg(test)]

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tidegate_api::vault::{KvVersion, VaultAuth, VaultProvider};
use tidegate_api::vault_cloud::{VaultGcpAuth, VaultIamAuth};
use tidegate_api::{
    CreationPolicy, DeletionPolicy, ExternalSecret, ExternalSecretSpec, GoDuration, IntOrDuration,
    RefreshPolicy, SecretStoreSpec, StoreKind, Template, TemplateMergePolicy, TemplateScope,
};

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Reads a value and demands that the very same is written.
#[track_caller]
fn round_trip<T: DeserializeOwned + Serialize>(value: Value) {
    let read: T = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), value);
}

#[test]
fn an_empty_spec_has_esos_defaults() {
    let spec: ExternalSecretSpec = read(json!({}));
    assert_eq!(spec.refresh_interval, GoDuration(Duration::from_secs(3600)));
    assert_eq!(spec.target.creation_policy, CreationPolicy::Owner);
    assert_eq!(spec.target.deletion_policy, DeletionPolicy::Retain);
    assert!(!spec.target.immutable);
    assert_eq!(spec.refresh_policy, None);
    assert_eq!(RefreshPolicy::default(), RefreshPolicy::Periodic);
    assert_eq!(StoreKind::default(), StoreKind::SecretStore);
    let template: Template = read(json!({ "templateFrom": [{ "literal": "x" }] }));
    assert_eq!(template.engine_version, "v2");
    assert_eq!(template.merge_policy, TemplateMergePolicy::Replace);
    assert_eq!(template.template_from[0].target, "Data");
    assert_eq!(TemplateScope::default(), TemplateScope::Values);
}

#[test]
fn logins_have_the_methods_own_mounts() {
    let vault: VaultProvider = read(json!({ "server": "https://vault" }));
    assert_eq!((vault.version, vault.auth), (KvVersion::V2, None));
    let auth: VaultAuth = read(json!({
        "appRole": { "secretRef": {} },
        "kubernetes": { "role": "r" },
        "jwt": {},
        "cert": {},
        "ldap": { "username": "u" },
    }));
    assert_eq!(auth.app_role.unwrap().path, "approle");
    assert_eq!(auth.kubernetes.unwrap().mount_path, "kubernetes");
    assert_eq!(auth.jwt.unwrap().path, "jwt");
    assert_eq!(auth.cert.unwrap().path, "cert");
    // The definition fills this one in; two methods share the type.
    assert_eq!(auth.ldap.unwrap().path, "");
    assert_eq!(read::<VaultGcpAuth>(json!({ "role": "r" })).path, "gcp");
}

fn data() -> Value {
    json!([{
        "secretKey": "k",
        "remoteRef": {
            "key": "r",
            "property": "p",
            "version": "1",
            "metadataPolicy": "Fetch",
            "conversionStrategy": "Unicode",
            "decodingStrategy": "Auto",
            "nullBytePolicy": "Fail",
        },
    }])
}

fn data_from() -> Value {
    json!([{
        "find": { "path": "p", "name": { "regexp": ".*" }, "tags": { "a": "b" } },
        "rewrite": [
            { "regexp": { "source": "a", "target": "b" } },
            { "transform": { "template": "t" } },
            { "merge": {
                "into": "x",
                "priority": ["p"],
                "priorityPolicy": "IgnoreNotFound",
                "conflictPolicy": "Ignore",
                "strategy": "JSON",
            } },
        ],
    }, {
        "sourceRef": { "generatorRef": {
            "apiVersion": "generators.external-secrets.io/v1alpha1",
            "kind": "UUID",
            "name": "u",
        } },
    }])
}

#[test]
fn what_is_read_is_written() {
    round_trip::<ExternalSecret>(json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": { "name": "a", "namespace": "b" },
        "spec": {
            "secretStoreRef": { "name": "s", "kind": "ClusterSecretStore" },
            "refreshPolicy": "OnChange",
            "refreshInterval": "1h30m0s",
            "syncWindows": {
                "kind": "deny",
                "windows": [{ "schedule": "@daily", "duration": "8h0m0s" }],
            },
            "target": {
                "name": "t",
                "creationPolicy": "CreateOrMerge",
                "deletionPolicy": "Merge",
                "immutable": true,
                "manifest": { "apiVersion": "v1", "kind": "ConfigMap" },
                "template": {
                    "type": "Opaque",
                    "engineVersion": "v2",
                    "mergePolicy": "Merge",
                    "data": { "k": "v" },
                    "templateFrom": [{
                        "secret": {
                            "name": "x",
                            "items": [{ "key": "k", "templateAs": "KeysAndValues" }],
                        },
                        "target": "Labels",
                        "valuesDecodingStrategy": "Base64URL",
                    }],
                },
            },
            "data": data(),
            "dataFrom": data_from(),
        },
        "status": {
            "refreshTime": "2026-11-23T12:00:00Z",
            "syncedResourceVersion": "1-abc",
            "binding": { "name": "t" },
            "conditions": [{
                "type": "Ready",
                "status": "True",
                "reason": "SecretSynced",
                "message": "secret synced",
                "lastTransitionTime": "2026-11-23T12:00:00Z",
            }],
        },
    }));
}

#[test]
fn stores_keep_sections_that_are_not_served() {
    for interval in [json!(60), json!("1h")] {
        round_trip::<SecretStoreSpec>(json!({
            "controller": "c",
            "provider": { "aws": { "service": "SecretsManager", "region": "eu-1" } },
            "retrySettings": { "maxRetries": 5, "retryInterval": "10s" },
            "refreshInterval": interval,
            "conditions": [{ "namespaces": ["a"], "namespaceRegexes": ["b.*"] }],
        }));
    }
    let spec: SecretStoreSpec =
        read(json!({ "provider": { "fake": { "data": [] }, "chef": {} }, "refreshInterval": -1 }));
    assert_eq!(spec.refresh_interval, Some(IntOrDuration::Seconds(-1)));
    assert_eq!(spec.provider.other.keys().collect::<Vec<_>>(), ["chef"]);
    assert!(spec.provider.fake.is_some() && spec.provider.vault.is_none());
}

#[test]
fn cloud_logins_keep_esos_spelling() {
    round_trip::<VaultIamAuth>(json!({
        "path": "aws",
        "region": "eu-1",
        "role": "arn",
        "vaultRole": "r",
        "externalID": "e",
        "vaultAwsIamServerID": "s",
        "secretRef": {
            "accessKeyIDSecretRef": { "name": "n", "key": "k" },
            "secretAccessKeySecretRef": { "name": "n", "key": "k" },
            "sessionTokenSecretRef": { "name": "n", "key": "k" },
        },
        "jwt": { "serviceAccountRef": { "name": "sa", "audiences": ["a"] } },
    }));
    round_trip::<VaultGcpAuth>(json!({
        "path": "gcp",
        "role": "r",
        "projectID": "p",
        "location": "l",
        "secretRef": { "secretAccessKeySecretRef": { "name": "n", "key": "k" } },
        "workloadIdentity": {
            "serviceAccountRef": { "name": "sa" },
            "clusterLocation": "l",
            "clusterName": "c",
            "clusterProjectID": "p",
        },
        "serviceAccountRef": { "name": "sa", "namespace": "ns" },
    }));
}

#[test]
fn what_does_not_decode_says_where() {
    for (spec, what) in [
        (json!({ "refreshInterval": "1d" }), "not a duration"),
        (json!({ "refreshInterval": 60 }), "invalid type: integer"),
        (
            json!({ "target": { "creationPolicy": "owner" } }),
            "unknown variant `owner`",
        ),
        (
            json!({ "data": [{ "secretKey": "k" }] }),
            "missing field `remoteRef`",
        ),
        (
            json!({ "data": [{ "secretKey": "k", "remoteRef": {} }] }),
            "missing field `key`",
        ),
    ] {
        let error = serde_json::from_value::<ExternalSecretSpec>(spec).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}
