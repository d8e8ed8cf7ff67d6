//! Pure. How stored objects appear in answers: whole, metadata only, or as table rows.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Engine;
use super::admit::structs;
use super::event::{self, convert_event};
use super::resource::Resource;
use super::shape::{Include, Shape};
use super::store::Stored;
use super::table;

/// How one request's objects are to appear.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) version: usize,
    pub(crate) shape: Shape,
    pub(crate) now: Timestamp,
}

impl View<'_> {
    /// `"apiVersion":…,"kind":…,` for the front of an object that is stored without them.
    fn front(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"apiVersion\":\"");
        out.extend_from_slice(self.resource.api_version(self.version).as_bytes());
        out.extend_from_slice(b"\",\"kind\":\"");
        out.extend_from_slice(self.resource.kind.as_bytes());
        out.extend_from_slice(b"\",");
    }

    /// Appends an object as it appears alone or in a watch event.
    pub(crate) fn object(&self, stored: &Stored, headers: bool, out: &mut Vec<u8>) {
        match self.shape {
            Shape::Full if self.resource.is_new_event() => {
                append(out, &self.filled(stored));
            }
            Shape::Full => {
                self.front(out);
                out.extend_from_slice(&stored.json[1..]);
            }
            Shape::Partial => append(out, &partial(&stored.value())),
            Shape::Table(include) => {
                let mut table = table::empty(self, headers);
                table["metadata"] = json!({ "resourceVersion": stored.meta.version.to_string() });
                table["rows"] = json!([self.row(stored, include)]);
                append(out, &table);
            }
        }
    }

    /// Appends an object as an item of a list; items of built-in lists carry no type.
    fn item(&self, stored: &Stored, out: &mut Vec<u8>) {
        match self.shape {
            Shape::Full if self.resource.is_new_event() => {
                let mut value = self.filled(stored);
                if let Some(map) = value.as_object_mut() {
                    map.remove("apiVersion");
                    map.remove("kind");
                }
                append(out, &value);
            }
            Shape::Full if self.resource.typed() => out.extend_from_slice(&stored.json),
            Shape::Table(include) => append(out, &self.row(stored, include)),
            _ => self.object(stored, true, out),
        }
    }

    fn row(&self, stored: &Stored, include: Include) -> Value {
        let value = self.value(stored);
        let mut row = json!({ "cells": table::cells(self, &value) });
        match include {
            Include::None => {}
            Include::Metadata => row["object"] = partial(&value),
            Include::Object => row["object"] = self.filled(stored),
        }
        row
    }

    /// The decoded object in the version that the request asks for.
    pub(crate) fn value(&self, stored: &Stored) -> Value {
        typed(self.resource, self.version, stored.value())
    }

    /// The same, with the empty fields that an answer shows.
    fn filled(&self, stored: &Stored) -> Value {
        let mut value = self.value(stored);
        event::fill(self.resource, self.resource.is_new_event(), &mut value);
        value
    }

    /// Renders a list.
    pub(crate) fn list(&self, items: &[std::sync::Arc<Stored>], metadata: &Value) -> Bytes {
        let size: usize = items.iter().map(|s| s.json.len() + 96).sum();
        let mut out = Vec::with_capacity(size + 256);
        let (head, name) = match self.shape {
            Shape::Full => {
                let api = self.resource.api_version(self.version);
                let kind = &self.resource.list_kind;
                (
                    json!({ "apiVersion": api, "kind": kind, "metadata": metadata }),
                    "items",
                )
            }
            Shape::Partial => {
                let api = "meta.k8s.io/v1";
                let kind = "PartialObjectMetadataList";
                (
                    json!({ "apiVersion": api, "kind": kind, "metadata": metadata }),
                    "items",
                )
            }
            Shape::Table(_) => {
                let mut table = table::empty(self, true);
                table["metadata"] = metadata.clone();
                (table, "rows")
            }
        };
        append(&mut out, &head);
        out.pop();
        // Go prints a list that nobody ever made as null.
        if items.is_empty() && matches!(self.shape, Shape::Partial) {
            out.extend_from_slice(b",\"items\":null}\n");
            return out.into();
        }
        out.extend_from_slice(format!(",\"{name}\":[").as_bytes());
        for (i, stored) in items.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            self.item(stored, &mut out);
        }
        out.extend_from_slice(b"]}\n");
        out.into()
    }

    /// An object that carries no more than a resourceVersion, as bookmarks do.
    pub(crate) fn bookmark(&self, version: u64, end_of_initial: bool) -> Value {
        let mut metadata = json!({ "resourceVersion": version.to_string() });
        if end_of_initial {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        match self.shape {
            Shape::Table(_) => {
                let mut table = table::empty(self, false);
                table["metadata"] = json!({ "resourceVersion": version.to_string() });
                let object = json!({ "apiVersion": "meta.k8s.io/v1",
                    "kind": "PartialObjectMetadata", "metadata": metadata });
                table["rows"] = json!([{ "cells": [], "object": object }]);
                table
            }
            Shape::Partial => json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
                "metadata": metadata,
            }),
            Shape::Full => {
                let mut object = json!({
                    "apiVersion": self.resource.api_version(self.version),
                    "kind": self.resource.kind, "metadata": metadata,
                });
                event::fill(self.resource, self.resource.is_new_event(), &mut object);
                if let Some(builtin) = self.resource.builtin {
                    structs(builtin, &mut object);
                }
                object
            }
        }
    }
}

fn append(out: &mut Vec<u8>, value: &Value) {
    // Writing to a vector cannot fail.
    let _ = serde_json::to_writer(out, value);
}

fn partial(object: &Value) -> Value {
    json!({
        "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
        "metadata": object["metadata"],
    })
}

/// Gives a stored object the type of a served version.
pub(crate) fn typed(resource: &Resource, version: usize, mut object: Value) -> Value {
    object["kind"] = resource.kind.as_str().into();
    object["apiVersion"] = resource.api_version(version).into();
    event::strip(resource, false, &mut object);
    if resource.is_new_event() {
        convert_event(&mut object, true);
    }
    object
}

/// Takes the type away before storing, and gives events their stored form.
pub(crate) fn untyped(resource: &Resource, mut object: Value) -> Value {
    if resource.is_new_event() {
        convert_event(&mut object, false);
    }
    if let Some(map) = object.as_object_mut() {
        map.remove("apiVersion");
        map.remove("kind");
    }
    object
}

impl Engine {
    /// Stores an object under the next resourceVersion.
    pub(crate) fn commit(&mut self, resource: &Resource, object: Value) -> std::sync::Arc<Stored> {
        let stored = self.encode(resource, object);
        self.store.put(resource.table, stored)
    }

    /// Encodes an object at the next resourceVersion, without storing it.
    pub(crate) fn encode(&self, resource: &Resource, mut object: Value) -> Stored {
        let version = self.store.next_version();
        super::meta::set(&mut object, "resourceVersion", version.to_string());
        self.encode_unstored(resource, object)
    }

    /// Encodes an object as a dry run shows it: at the version it already has, if any.
    pub(crate) fn encode_unstored(&self, resource: &Resource, object: Value) -> Stored {
        let mut object = untyped(resource, object);
        event::fill(resource, false, &mut object);
        let version = super::meta::text(&object, "resourceVersion")
            .parse()
            .unwrap_or(0);
        Stored::encode(&object, version, &resource.indexed)
    }
}
