//! Pure. The ExternalSecret: what a team declares, and its status.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::crd::{rules, shape};
use crate::{Condition, Data, DataFrom, GoDuration, Template};

/// What a team declares: which values, from which store, into which Secret.
#[derive(Debug, Clone, Default, PartialEq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "ExternalSecret",
    plural = "externalsecrets",
    namespaced,
    status = "ExternalSecretStatus",
    shortname = "es",
    category = "external-secrets",
    label("external-secrets.io/component", "controller"),
    selectable = ".spec.secretStoreRef.name",
    selectable = ".spec.secretStoreRef.kind",
    selectable = ".spec.target.name",
    selectable = ".spec.refreshInterval",
    printcolumn = r#"{"name":"StoreType","type":"string","jsonPath":".spec.secretStoreRef.kind"}"#,
    printcolumn = r#"{"name":"Store","type":"string","jsonPath":".spec.secretStoreRef.name"}"#,
    printcolumn = r#"{"name":"Refresh Interval","type":"string","jsonPath":".spec.refreshInterval"}"#,
    printcolumn = r#"{"name":"Status","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status"}"#,
    printcolumn = r#"{"name":"Last Sync","type":"date","jsonPath":".status.refreshTime"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(
    transform = |schema: &mut Schema| shape::default_of(schema, "target", rules::default_target()),
)]
pub struct ExternalSecretSpec {
    /// The store that entries without their own `sourceRef` read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_store_ref: Option<StoreRef>,
    /// The Secret to keep.
    #[serde(default)]
    #[schemars(extend("x-kubernetes-validations" = rules::target()))]
    pub target: Target,
    /// When to read again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_policy: Option<RefreshPolicy>,
    /// How often; zero switches it off.
    #[serde(default = "one_hour")]
    pub refresh_interval: GoDuration,
    /// When periodic refreshes may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_windows: Option<SyncWindows>,
    /// Single values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Data>,
    /// Whole maps of values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_from: Vec<DataFrom>,
}

fn one_hour() -> GoDuration {
    GoDuration(Duration::from_secs(3600))
}

/// Which kind of store.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum StoreKind {
    /// In the namespace of its users.
    #[default]
    SecretStore,
    /// For all namespaces that its conditions allow.
    ClusterSecretStore,
}

/// A reference to a store.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct StoreRef {
    /// Name of the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = shape::object_name)]
    pub name: Option<String>,
    /// Kind of the store; none means SecretStore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<StoreKind>,
}

/// The Secret to keep.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Its name; none means the ExternalSecret's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(transform = shape::object_name)]
    pub name: Option<String>,
    /// Who owns it and whether it is made.
    #[serde(default)]
    pub creation_policy: CreationPolicy,
    /// What happens when the backend no longer has the value.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// How it is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
    /// A target of another kind than Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<TargetManifest>,
    /// Whether the Secret is made immutable.
    #[serde(default)]
    #[schemars(skip_serializing_if = "shape::no_default")]
    pub immutable: bool,
}

/// Kind of a generic target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetManifest {
    /// API version.
    #[schemars(length(min = 1))]
    pub api_version: String,
    /// Kind.
    #[schemars(length(min = 1))]
    pub kind: String,
}

/// Who owns the target and whether it is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CreationPolicy {
    /// Made and owned.
    #[default]
    Owner,
    /// Made and not owned.
    Orphan,
    /// Merged into a Secret that somebody else makes.
    Merge,
    /// Nothing is written.
    None,
    /// Made when absent, merged otherwise; not owned.
    CreateOrMerge,
}

/// What happens when the backend no longer has the value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The Secret goes when nothing is left.
    Delete,
    /// The key goes, the Secret stays.
    Merge,
    /// Everything stays.
    #[default]
    Retain,
}

/// When to read again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RefreshPolicy {
    /// Once.
    CreatedOnce,
    /// At every interval.
    #[default]
    Periodic,
    /// When the ExternalSecret changes.
    OnChange,
}

/// When periodic refreshes may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncWindows {
    /// Whether the windows allow or deny.
    pub kind: SyncWindowKind,
    /// The windows.
    #[schemars(length(min = 1))]
    pub windows: Vec<SyncWindow>,
}

/// Whether windows allow or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyncWindowKind {
    /// Refreshes run inside windows only.
    Allow,
    /// Refreshes run outside windows only.
    Deny,
}

/// One window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncWindow {
    /// Five cron fields or a descriptor such as `@daily`, in UTC.
    #[schemars(length(min = 1), extend("pattern" = shape::SCHEDULE))]
    pub schedule: String,
    /// How long it stays open after each firing.
    pub duration: GoDuration,
}

/// What the controller tells about an ExternalSecret.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSecretStatus {
    /// When the values were last read, within the heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_time: Option<Time>,
    /// Generation, labels and annotations that were last synced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synced_resource_version: Option<String>,
    /// The conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(transform = shape::condition_types)]
    pub conditions: Vec<Condition>,
    /// The Secret, as Service Binding's provisioned services name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
}

/// Name of the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct Binding {
    /// The name.
    #[serde(default)]
    pub name: String,
}
