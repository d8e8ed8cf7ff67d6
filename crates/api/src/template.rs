//! Pure. The `target.template` of an ExternalSecret.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DecodingStrategy;
use crate::crd::shape;

/// What the target is rendered from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Type of the Secret.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Always `v2`.
    #[serde(default = "engine_v2")]
    #[schemars(extend("enum" = ["v2"]))]
    pub engine_version: String,
    /// Labels, annotations and finalizers of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// Whether provider keys stay beside the rendered ones.
    #[serde(default)]
    pub merge_policy: TemplateMergePolicy,
    /// Templates by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, String>,
    /// Templates that stand elsewhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub template_from: Vec<TemplateFrom>,
}

fn engine_v2() -> String {
    "v2".to_owned()
}

/// Labels, annotations and finalizers of a target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateMetadata {
    /// Annotation templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Label templates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Finalizers, added and never removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<String>,
}

/// Whether provider keys stay beside the rendered ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TemplateMergePolicy {
    /// Rendered keys only.
    #[default]
    Replace,
    /// Rendered keys over provider keys.
    Merge,
}

/// A template that stands in a ConfigMap, a Secret or a literal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateFrom {
    /// From a ConfigMap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<TemplateRef>,
    /// From a Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<TemplateRef>,
    /// The text itself, rendered to a YAML map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub literal: Option<String>,
    /// `Data`, `Annotations`, `Labels`, or a path in generic targets.
    #[serde(default = "target_data")]
    pub target: String,
    /// How rendered values are decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_decoding_strategy: Option<DecodingStrategy>,
}

fn target_data() -> String {
    "Data".to_owned()
}

/// Keys of a ConfigMap or Secret that hold templates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateRef {
    /// Name of the object, in the ExternalSecret's namespace.
    #[schemars(transform = shape::object_name)]
    pub name: String,
    /// The keys.
    pub items: Vec<TemplateItem>,
}

/// One key that holds a template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateItem {
    /// The key.
    #[schemars(transform = shape::data_key)]
    pub key: String,
    /// Whether it gives one value or a map of them.
    #[serde(default)]
    pub template_as: TemplateScope,
}

/// Whether a template gives one value or a YAML map of keys and values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TemplateScope {
    /// One value, under the template's key.
    #[default]
    Values,
    /// A YAML map.
    KeysAndValues,
}
