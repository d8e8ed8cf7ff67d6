//! Pure. Builders of test objects: one small sentence for each situation.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, Time};
use serde_json::{Value, json};
use tidegate_api::{Condition, ExternalSecret, ExternalSecretStatus, StoreKind, names};
use tidegate_contract::{ErrorKind, RemoteSecret, SecretValue};

use crate::diff::field_manager;
use crate::{
    Env, FetchFailure, Memory, NamespaceView, ObjectKey, Observed, Plan, ReadPlan, Rendered, Seed,
    StoreKey, StoreView, SyncError, TargetDigest, TargetView, UpdateSecret, plan, render, revision,
};

/// Noon of the tests.
pub(crate) fn env() -> Env {
    Env {
        now: at("2026-11-23T12:00:00Z"),
        rng: 0,
    }
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An ExternalSecret `team/app` that was never synced, with the stores `vault`, `fake` and the
/// ClusterSecretStore `shared`. `secretStoreRef` is `vault` unless the spec says otherwise.
pub(crate) fn observed(mut spec: Value) -> Observed {
    let store_ref = json!({ "name": "vault", "kind": "SecretStore" });
    (spec.as_object_mut().unwrap().entry("secretStoreRef")).or_insert(store_ref);
    let mut object: ExternalSecret = serde_json::from_value(json!({
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": {
            "namespace": "team", "name": "app", "uid": "uid-of-app", "generation": 1,
            "labels": { "team": "blue" }, "annotations": { "note": "hello" },
        },
        "spec": spec,
    }))
    .unwrap();
    object.status = None;
    let vault = json!({ "provider": { "vault": { "server": "https://vault" } } });
    let fake = json!({ "provider": { "fake": { "data": [] } } });
    Observed {
        key: ObjectKey::new("team", "app"),
        object: Arc::new(object),
        stores: BTreeMap::from([
            store(StoreKind::SecretStore, "vault", vault.clone()),
            store(StoreKind::SecretStore, "fake", fake),
            store(StoreKind::ClusterSecretStore, "shared", vault),
        ]),
        namespace: NamespaceView::default(),
        target: TargetView::Absent,
        orphans: Vec::new(),
        memory: Memory::default(),
        config: Arc::default(),
        templates: BTreeMap::new(),
    }
}

/// One value `password` of the remote key `db`, under the target and policies of `target`.
pub(crate) fn simple(target: Value) -> Observed {
    observed(json!({
        "target": target,
        "data": [{ "secretKey": "password", "remoteRef": { "key": "db", "property": "password" } }],
    }))
}

pub(crate) fn store(kind: StoreKind, name: &str, spec: Value) -> (StoreKey, StoreView) {
    let view = StoreView::Present {
        spec: Arc::new(serde_json::from_value(spec).unwrap()),
        usable: Ok(()),
    };
    (store_key(kind, name), view)
}

pub(crate) fn store_key(kind: StoreKind, name: &str) -> StoreKey {
    StoreKey {
        kind,
        name: name.into(),
    }
}

impl Observed {
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut ExternalSecret)) {
        change(Arc::make_mut(&mut self.object));
    }

    /// As after a good sync at `time`, whose Secret held `data`.
    pub(crate) fn synced(mut self, time: &str, data: &[(&str, &str)]) -> Self {
        let status = ExternalSecretStatus {
            refresh_time: Some(Time(at(time))),
            synced_resource_version: Some(revision(&self.object)),
            conditions: vec![condition("True", names::SECRET_SYNCED, names::MSG_SYNCED)],
            binding: None,
        };
        self.edit(|object| object.status = Some(status));
        let secret = written(&self, data);
        self.target = TargetView::Present(Arc::new(TargetDigest::from_secret(&secret)));
        self
    }

    pub(crate) fn found(mut self, secret: &Secret) -> Self {
        self.target = TargetView::Present(Arc::new(TargetDigest::from_secret(secret)));
        self
    }
}

pub(crate) fn condition(status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        type_: names::READY.to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(Time(at("2026-11-23T10:00:00Z"))),
    }
}

/// The Secret that this ExternalSecret writes, as the API server would hold it afterwards.
pub(crate) fn written(observed: &Observed, data: &[(&str, &str)]) -> Secret {
    let data = (data.iter())
        .map(|(key, value)| ((*key).to_owned(), SecretValue::from(*value)))
        .collect();
    let desired = crate::Desired {
        data,
        ..crate::Desired::default()
    };
    let intent = crate::Intent::new(&desired, observed);
    let secret = serde_json::from_slice(intent.create_body().expose()).unwrap();
    stored(secret, &field_manager(&observed.key.name))
}

/// Adds what the API server adds, with every field owned by `manager`.
pub(crate) fn stored(secret: Secret, manager: &str) -> Secret {
    stored_with(secret, manager, &|_| true)
}

/// As [`stored`], with those fields owned by `manager` whose name `owns` takes.
pub(crate) fn stored_with(
    mut secret: Secret,
    manager: &str,
    owns: &dyn Fn(&str) -> bool,
) -> Secret {
    let fields = |names: Vec<&String>| -> Value {
        (names.into_iter().filter(|name| owns(name)))
            .map(|name| (format!("f:{name}"), json!({})))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let meta = &mut secret.metadata;
    let labels = meta.labels.iter().flatten().map(|(key, _)| key).collect();
    let annotations = meta.annotations.iter().flatten();
    let entry = ManagedFieldsEntry {
        manager: Some(manager.to_owned()),
        operation: Some("Update".to_owned()),
        fields_v1: Some(FieldsV1(json!({
            "f:data": fields(secret.data.iter().flatten().map(|(key, _)| key).collect()),
            "f:metadata": {
                "f:labels": fields(labels),
                "f:annotations": fields(annotations.map(|(key, _)| key).collect()),
            },
        }))),
        ..ManagedFieldsEntry::default()
    };
    meta.managed_fields = Some(vec![entry]);
    meta.uid = Some("uid-of-secret".to_owned());
    meta.resource_version = Some("41".to_owned());
    secret
}

/// A Secret `team/app` that somebody made by hand.
pub(crate) fn handmade(data: &[(&str, &str)]) -> Secret {
    let data: BTreeMap<&str, k8s_openapi::ByteString> = (data.iter())
        .map(|(key, value)| (*key, k8s_openapi::ByteString(value.as_bytes().to_vec())))
        .collect();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "namespace": "team", "name": "app", "labels": { "made": "by-hand" } },
        "data": data,
    });
    stored(serde_json::from_value(secret).unwrap(), "kubectl-create")
}

pub(crate) fn owned_by(mut secret: Secret, kind: &str, api_version: &str, name: &str) -> Secret {
    secret.metadata.owner_references = Some(vec![
        serde_json::from_value(json!({
            "apiVersion": api_version, "kind": kind, "name": name, "uid": "uid-of-other",
            "controller": true,
        }))
        .unwrap(),
    ]);
    secret
}

/// What the API server holds after the patch: the real rules of RFC 6902.
pub(crate) fn patched(secret: &Secret, update: &UpdateSecret) -> Secret {
    let mut document = serde_json::to_value(secret).unwrap();
    let body = update.patch_body();
    let patch: json_patch::Patch = serde_json::from_slice(body.expose()).unwrap();
    json_patch::patch(&mut document, &patch).unwrap();
    serde_json::from_value(document).unwrap()
}

/// The data of a Secret as text.
pub(crate) fn data(secret: &Secret) -> BTreeMap<String, String> {
    (secret.data.iter().flatten())
        .map(|(key, value)| (key.clone(), String::from_utf8(value.0.clone()).unwrap()))
        .collect()
}

pub(crate) type Answer = Result<RemoteSecret, FetchFailure>;

pub(crate) fn answer(text: &str) -> Answer {
    Ok(RemoteSecret {
        value: text.into(),
        version: None,
    })
}

pub(crate) fn failure(kind: ErrorKind, public: &str) -> Answer {
    Err(FetchFailure {
        kind,
        public: public.into(),
        confirmed: false,
    })
}

pub(crate) fn absent(confirmed: bool) -> Answer {
    Err(FetchFailure {
        kind: ErrorKind::NotFound,
        public: "Secret does not exist".into(),
        confirmed,
    })
}

/// The reads of an object, whether they are due or not.
pub(crate) fn reads(observed: &Observed) -> ReadPlan {
    let never = observed.clone().with(|observed| {
        observed.edit(|object| object.status = None);
        observed.memory = Memory::default();
    });
    match plan(&never, &env()) {
        Plan::Read(reads) => reads,
        other => panic!("nothing to read: {other:?}"),
    }
}

pub(crate) fn rendered(observed: &Observed, answers: Vec<Answer>) -> Result<Rendered, SyncError> {
    render(
        observed,
        &reads(observed),
        answers,
        &env(),
        Seed::new([7; 32]),
    )
}
