//! Pure. Shapes of fields that recur: names, keys, defaults.

use schemars::Schema;
use serde_json::{Map, Value, json};

/// A DNS subdomain, as objects are named.
const OBJECT_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// A DNS label, as namespaces are named.
const NAMESPACE_NAME: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// A key of a Secret or ConfigMap.
const DATA_KEY: &str = "^[-._a-zA-Z0-9]+$";
/// A descriptor, or five fields of cron.
pub(crate) const SCHEDULE: &str = r"^(@(annually|yearly|monthly|weekly|daily|midnight|hourly)|@every [^\s]+.*|[^\s]+( [^\s]+){4})$";

/// The kinds a generatorRef may name.
pub(crate) const GENERATOR_KINDS: [&str; 18] = [
    "ACRAccessToken",
    "BeyondtrustWorkloadCredentialsDynamicSecret",
    "ClusterGenerator",
    "CloudsmithAccessToken",
    "ECRAuthorizationToken",
    "Fake",
    "GCRAccessToken",
    "GithubAccessToken",
    "GitlabDeployToken",
    "QuayAccessToken",
    "Password",
    "SSHKey",
    "STSSessionToken",
    "UUID",
    "VaultDynamicSecret",
    "Webhook",
    "Grafana",
    "MFA",
];

/// Name of an object.
pub(crate) fn object_name(schema: &mut Schema) {
    text(schema, OBJECT_NAME, 253);
}

/// Name of a namespace.
pub(crate) fn namespace_name(schema: &mut Schema) {
    text(schema, NAMESPACE_NAME, 63);
}

/// Names of namespaces.
pub(crate) fn namespace_names(schema: &mut Schema) {
    if let Some(items) = at(schema, "/items") {
        items.insert("pattern".to_owned(), NAMESPACE_NAME.into());
        items.insert("minLength".to_owned(), 1.into());
        items.insert("maxLength".to_owned(), 63.into());
    }
}

/// Key within an object.
pub(crate) fn data_key(schema: &mut Schema) {
    text(schema, DATA_KEY, 253);
}

fn text(schema: &mut Schema, pattern: &str, longest: u32) {
    schema.insert("pattern".to_owned(), pattern.into());
    schema.insert("minLength".to_owned(), 1.into());
    schema.insert("maxLength".to_owned(), longest.into());
}

/// As `skip_serializing_if` of a field that has a default in Rust and none in the schema.
pub(crate) fn no_default<T>(_: &T) -> bool {
    true
}

/// Gives a property a default other than the Rust type's.
pub(crate) fn default_of(schema: &mut Schema, property: &str, default: Value) {
    if let Some(property) = at(schema, &format!("/properties/{property}")) {
        property.insert("default".to_owned(), default);
    }
}

/// Demands a property; one with a default is filled in before anybody looks.
pub(crate) fn require(schema: &mut Schema, property: &str) {
    let required = schema
        .ensure_object()
        .entry("required")
        .or_insert_with(|| json!([]));
    if let Value::Array(required) = required {
        required.push(property.into());
    }
}

/// An integer or a string.
pub(crate) fn int_or_string(schema: &mut Schema) {
    let description = schema.get("description").cloned();
    let mut bare = Map::new();
    bare.insert("x-kubernetes-int-or-string".to_owned(), true.into());
    bare.extend(description.map(|text| ("description".to_owned(), text)));
    *schema = bare.into();
}

/// A label selector is replaced whole when objects are merged.
pub(crate) fn atomic_selector(schema: &mut Schema) {
    let list = "x-kubernetes-list-type";
    for (place, what) in [
        ("", "x-kubernetes-map-type"),
        ("/properties/matchExpressions", list),
        ("/properties/matchExpressions/items/properties/values", list),
    ] {
        if let Some(found) = at(schema, place) {
            found.insert(what.to_owned(), "atomic".into());
        }
    }
}

/// The condition types of an ExternalSecret.
pub(crate) fn condition_types(schema: &mut Schema) {
    if let Some(types) = at(schema, "/items/properties/type") {
        types.insert("enum".to_owned(), json!(["Ready", "Deleted"]));
    }
}

fn at<'a>(schema: &'a mut Schema, pointer: &str) -> Option<&'a mut Map<String, Value>> {
    if pointer.is_empty() {
        return Some(schema.ensure_object());
    }
    schema.pointer_mut(pointer)?.as_object_mut()
}
