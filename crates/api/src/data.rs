//! Pure. The `data` of an ExternalSecret: single values, and where they stand.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::StoreRef;
use crate::crd::shape;

/// One value of the backend under one key of the Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// Key in the Secret.
    #[schemars(transform = shape::data_key)]
    pub secret_key: String,
    /// Where the value stands.
    pub remote_ref: RemoteRef,
    /// Another store than `spec.secretStoreRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// Where a value stands in the backend.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteRef {
    /// Path or name.
    pub key: String,
    /// Property within the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// Version or stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Value or metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_policy: Option<MetadataPolicy>,
    /// How keys are made valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion_strategy: Option<ConversionStrategy>,
    /// How values are decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoding_strategy: Option<DecodingStrategy>,
    /// Whether a NUL byte is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null_byte_policy: Option<NullBytePolicy>,
}

/// Value or metadata.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MetadataPolicy {
    /// The value.
    #[default]
    None,
    /// The metadata.
    Fetch,
}

/// How keys are made valid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ConversionStrategy {
    /// Invalid characters become `_`.
    #[default]
    Default,
    /// Invalid characters become `_U<hex>_`.
    Unicode,
}

/// How values are decoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DecodingStrategy {
    /// Base64, else Base64URL, else unchanged.
    Auto,
    /// Standard alphabet, padded.
    Base64,
    /// URL alphabet, padded.
    #[serde(rename = "Base64URL")]
    Base64Url,
    /// Unchanged.
    #[default]
    None,
}

/// Whether a NUL byte is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NullBytePolicy {
    /// It is not.
    #[default]
    Ignore,
    /// It is.
    Fail,
}

/// Another source than `spec.secretStoreRef`: exactly one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct SourceRef {
    /// A store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_ref: Option<StoreRef>,
    /// A generator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_ref: Option<GeneratorRef>,
}

/// A reference to a generator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorRef {
    /// API version.
    #[serde(default = "generators_v1alpha1")]
    pub api_version: String,
    /// Kind.
    #[schemars(extend("enum" = shape::GENERATOR_KINDS))]
    pub kind: String,
    /// Name.
    #[schemars(transform = shape::object_name)]
    pub name: String,
}

fn generators_v1alpha1() -> String {
    "generators.external-secrets.io/v1alpha1".to_owned()
}
