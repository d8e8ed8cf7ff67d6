//! Pure. `/openapi/v2` and `/openapi/v3`, made from the very schemas that requests are held to.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::error::Result;
use super::resource::{Builtin, Resource};
use super::{Answer, Engine};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
/// Rendered documents, kept until the registry changes.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    revision: u64,
    by_path: BTreeMap<String, Bytes>,
}

const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// OpenAPI v2 in protobuf, without definitions. kubectl asks for it before it sends a list or a
/// kind that is unknown, and leaves validation to the server where it finds none.
fn v2_outline() -> Vec<u8> {
    let field = |number: u8, text: &[u8]| {
        // Tag (number, length-delimited), length (all here are below 128), bytes.
        let mut out = vec![number << 3 | 2, u8::try_from(text.len()).unwrap_or(0)];
        out.extend_from_slice(text);
        out
    };
    let info = [field(1, b"kubebox"), field(2, b"v1")].concat();
    [field(1, b"2.0"), field(2, &info), field(8, b"")].concat()
}

impl Engine {
    fn cached(&mut self, path: &str, make: impl FnOnce(&Self) -> Value) -> Bytes {
        if self.documents.revision != self.registry.revision {
            self.documents = Documents {
                revision: self.registry.revision,
                by_path: BTreeMap::new(),
            };
        }
        if let Some(bytes) = self.documents.by_path.get(path) {
            return bytes.clone();
        }
        let bytes: Bytes = make(self).to_string().into();
        self.documents
            .by_path
            .insert(path.to_owned(), bytes.clone());
        bytes
    }

    pub(crate) fn openapi_v2(&mut self, accept: &str) -> Result<Answer> {
        let protobuf_only = accept.contains("protobuf") && !accept.contains("application/json");
        if protobuf_only {
            return Ok(Answer {
                media: V2_PROTOBUF,
                ..Answer::bytes(200, v2_outline().into())
            });
        }
        let body = self.cached("v2", |engine| {
            let mut definitions = engine.shared_schemas();
            let mut paths = Map::new();
            for resource in engine.registry.all() {
                for at in 0..resource.versions.len() {
                    engine.describe(resource, at, "#/definitions/", &mut definitions);
                    add_paths(resource, at, false, &mut paths);
                }
            }
            json!({ "swagger": "2.0", "info": { "title": "kubebox", "version": "v1" },
                "paths": paths, "definitions": definitions })
        });
        Ok(Answer::bytes(200, body))
    }

    pub(crate) fn openapi_v3_index(&self) -> Answer {
        let mut paths = Map::new();
        let groups = std::iter::once(String::new()).chain(self.groups());
        for group in groups {
            for version in self.group_versions(&group) {
                let path = version_path(&group, &version);
                let url = format!("/openapi/v3/{path}?hash={}", self.registry.revision);
                paths.insert(path, json!({ "serverRelativeURL": url }));
            }
        }
        Answer::json(200, &json!({ "paths": paths }))
    }

    pub(crate) fn openapi_v3(&mut self, path: &str) -> Result<Answer> {
        let parts: Vec<&str> = path.split('/').collect();
        let (group, version) = match parts.as_slice() {
            ["api", version] => ("", *version),
            ["apis", group, version] => (*group, *version),
            _ => return Ok(Answer::text(404, "404 page not found\n")),
        };
        if !self.group_versions(group).iter().any(|v| v == version) {
            return Ok(Answer::text(404, "404 page not found\n"));
        }
        let (group, version) = (group.to_owned(), version.to_owned());
        let body = self.cached(path, |engine| {
            let mut schemas = engine.shared_schemas();
            let mut paths = Map::new();
            for resource in engine.registry.all().filter(|r| r.group == group) {
                let at = resource
                    .versions
                    .iter()
                    .position(|v| v.served && v.name == version);
                if let Some(at) = at {
                    engine.describe(resource, at, "#/components/schemas/", &mut schemas);
                    add_paths(resource, at, true, &mut paths);
                }
            }
            json!({ "openapi": "3.0.0", "info": { "title": "kubebox", "version": "v1" },
                "paths": paths, "components": { "schemas": schemas } })
        });
        Ok(Answer::bytes(200, body))
    }

    fn shared_schemas(&self) -> Map<String, Value> {
        let mut schemas = Map::new();
        schemas.insert(META.to_owned(), published(&self.registry.raw_meta, 0));
        let list = json!({ "type": "object", "description": "Metadata of a list.", "properties": {
            "continue": { "type": "string", "description": "Where the list goes on." },
            "remainingItemCount": { "type": "integer", "format": "int64",
                "description": "How many items follow." },
            "resourceVersion": { "type": "string", "description": "Version of the list." },
            "selfLink": { "type": "string", "description": "Deprecated and always empty." },
        } });
        schemas.insert(LIST_META.to_owned(), list);
        schemas
    }

    /// Adds the schemas of a resource and its list.
    fn describe(
        &self,
        resource: &Resource,
        at: usize,
        prefix: &str,
        schemas: &mut Map<String, Value>,
    ) {
        let version = &resource.versions[at];
        if !version.served {
            return;
        }
        let name = schema_name(resource, &version.name);
        let mut schema = published(&version.raw, 0);
        let reference = |name: &str| json!({ "$ref": format!("{prefix}{name}") });
        schema["properties"]["metadata"] = reference(META);
        for (key, text) in [
            ("apiVersion", "Version of this representation."),
            ("kind", "Kind of this object."),
        ] {
            schema["properties"][key] = json!({ "type": "string", "description": text });
        }
        let gvk = |kind: &str| {
            let (group, version) = (&resource.group, &version.name);
            json!([{ "group": group, "version": version, "kind": kind }])
        };
        schema["x-kubernetes-group-version-kind"] = gvk(&resource.kind);
        let list = json!({
            "type": "object", "description": format!("A list of {}.", resource.kind),
            "required": ["items"], "x-kubernetes-group-version-kind": gvk(&resource.list_kind),
            "properties": {
                "apiVersion": { "type": "string", "description": "Version of the list." },
                "kind": { "type": "string", "description": "Kind of the list." },
                "items": { "type": "array", "items": reference(&name),
                    "description": "The objects." },
                "metadata": reference(LIST_META),
            },
        });
        schemas.insert(format!("{name}List"), list);
        schemas.insert(name, schema);
    }
}

fn version_path(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

/// The name of a kind's schema: of Go packages for the built-in ones, else of the group reversed.
fn schema_name(resource: &Resource, version: &str) -> String {
    let kind = &resource.kind;
    match (resource.builtin, resource.group.as_str()) {
        (Some(Builtin::Crd), _) => {
            format!("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.{version}.{kind}")
        }
        (Some(_), "") => format!("io.k8s.api.core.{version}.{kind}"),
        (Some(_), group) => {
            let short = group.split('.').next().unwrap_or(group);
            format!("io.k8s.api.{short}.{version}.{kind}")
        }
        (None, group) => {
            let reversed: Vec<&str> = group.rsplit('.').collect();
            format!("{}.{version}.{kind}", reversed.join("."))
        }
    }
}

/// A schema without what only this crate reads.
fn published(raw: &Value, depth: usize) -> Value {
    match raw {
        Value::Object(map) if depth < super::schema::MAX_DEPTH * 2 => map
            .iter()
            .filter(|(key, _)| !key.starts_with("x-kubebox"))
            .map(|(key, value)| (key.clone(), published(value, depth + 1)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(list) if depth < super::schema::MAX_DEPTH * 2 => {
            list.iter().map(|v| published(v, depth + 1)).collect()
        }
        other => other.clone(),
    }
}

/// Adds the paths of a resource, with the parameters that clients look for.
fn add_paths(resource: &Resource, at: usize, v3: bool, paths: &mut Map<String, Value>) {
    let version = &resource.versions[at];
    if !version.served {
        return;
    }
    let base = version_path(&resource.group, &version.name);
    let scope = if resource.namespaced {
        "/namespaces/{namespace}"
    } else {
        ""
    };
    let collection = format!("/{base}{scope}/{}", resource.plural);
    let parameter = |name: &str| {
        if v3 {
            json!({ "name": name, "in": "query", "schema": { "type": "string" } })
        } else {
            json!({ "name": name, "in": "query", "type": "string" })
        }
    };
    let write = json!([
        parameter("dryRun"),
        parameter("fieldManager"),
        parameter("fieldValidation")
    ]);
    let operation = |action: &str, parameters: &Value| {
        json!({
            "description": format!("{action} {}", resource.kind),
            "parameters": parameters, "x-kubernetes-action": action,
            "responses": { "200": { "description": "OK" } },
            "x-kubernetes-group-version-kind": {
                "group": resource.group, "version": version.name, "kind": resource.kind },
        })
    };
    let none = json!([]);
    let item = json!({
        "get": operation("get", &none), "put": operation("put", &write),
        "patch": operation("patch", &write), "delete": operation("delete", &none),
    });
    let many = json!({
        "get": operation("list", &none), "post": operation("post", &write),
        "delete": operation("deletecollection", &none),
    });
    if resource.namespaced {
        let all = format!("/{base}/{}", resource.plural);
        paths.insert(all, json!({ "get": operation("list", &none) }));
    }
    paths.insert(format!("{collection}/{{name}}"), item);
    paths.insert(collection, many);
}
