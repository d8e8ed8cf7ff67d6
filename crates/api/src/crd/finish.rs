//! Pure. What concerns a definition as a whole: nulls, what is required at the top, old versions.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, CustomResourceSubresourceStatus,
    CustomResourceSubresources, CustomResourceValidation, JSONSchemaProps, JSONSchemaPropsOrArray,
    JSONSchemaPropsOrBool,
};

/// The version before v1: objects stored as such are still read, nobody is served it.
const OLD_VERSION: &str = "v1beta1";

/// Brings a derived definition into its final shape.
pub(crate) fn finish(crd: &mut CustomResourceDefinition) {
    for version in &mut crd.spec.versions {
        let schema = version
            .schema
            .as_mut()
            .and_then(|s| s.open_api_v3_schema.as_mut());
        if let Some(schema) = schema {
            // An absent spec is a rule's matter, with a message of its own.
            schema.required = None;
            visit(schema, &mut String::new(), &mut |path, node| {
                // The API server drops a null unless it is told to keep it; only a time that is
                // not yet known is kept, as ESO has it.
                node.nullable = (path == ".status.refreshTime").then_some(true);
            });
        }
    }
    crd.spec.versions.push(old_version());
}

/// Shows every schema within `node`, itself first, with its path of properties.
fn visit(
    node: &mut JSONSchemaProps,
    path: &mut String,
    see: &mut impl FnMut(&str, &mut JSONSchemaProps),
) {
    see(path, node);
    let here = path.len();
    for (name, property) in node.properties.iter_mut().flatten() {
        path.push('.');
        path.push_str(name);
        visit(property, path, see);
        path.truncate(here);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut node.items {
        path.push_str("[]");
        visit(items, path, see);
        path.truncate(here);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut node.additional_properties {
        path.push_str("{}");
        visit(values, path, see);
        path.truncate(here);
    }
}

fn old_version() -> CustomResourceDefinitionVersion {
    let open = JSONSchemaProps {
        type_: Some("object".to_owned()),
        x_kubernetes_preserve_unknown_fields: Some(true),
        ..JSONSchemaProps::default()
    };
    CustomResourceDefinitionVersion {
        name: OLD_VERSION.to_owned(),
        served: false,
        storage: false,
        deprecated: Some(true),
        schema: Some(CustomResourceValidation {
            open_api_v3_schema: Some(open),
        }),
        subresources: Some(CustomResourceSubresources {
            status: Some(CustomResourceSubresourceStatus(serde_json::json!({}))),
            ..CustomResourceSubresources::default()
        }),
        ..CustomResourceDefinitionVersion::default()
    }
}
