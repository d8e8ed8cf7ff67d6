//! Pure. What the API serves: resources, their versions, and the table that stores each.

use std::sync::Arc;

use serde_json::Value;

use super::cel::Rules;
use super::error::Named;
use super::schema::Schema;

/// Index of the table that stores a resource's objects.
pub(crate) type TableId = usize;

/// The built-in kinds, where behaviour differs from a custom resource's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    Namespace,
    Secret,
    ConfigMap,
    ServiceAccount,
    /// core/v1 and events.k8s.io/v1 events; one table.
    Event,
    Lease,
    Crd,
}

/// One printed column of a custom resource.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) format: String,
    pub(crate) description: String,
    pub(crate) priority: i64,
    pub(crate) path: String,
}

/// One version of a resource.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) name: String,
    pub(crate) served: bool,
    pub(crate) schema: Arc<Schema>,
    /// The schema as published by `/openapi`.
    pub(crate) raw: Arc<Value>,
    pub(crate) status: bool,
    pub(crate) columns: Vec<Column>,
    /// JSON paths that field selectors may name, beside name and namespace.
    pub(crate) selectable: Vec<String>,
    /// Text of the `Warning` header of every answer.
    pub(crate) warning: Option<String>,
    pub(crate) rules: Option<Arc<Rules>>,
}

/// One resource, in every version.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) kind: String,
    pub(crate) list_kind: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    pub(crate) builtin: Option<Builtin>,
    /// Whether its definition is being deleted.
    pub(crate) terminating: bool,
    pub(crate) versions: Vec<Version>,
    /// Paths of the fields that are indexed for selectors: those that any version declares.
    pub(crate) indexed: Vec<String>,
    pub(crate) table: TableId,
}

impl Resource {
    /// The resource as error texts name it.
    pub(crate) fn named(&self) -> Named<'_> {
        Named {
            group: &self.group,
            name: &self.plural,
        }
    }

    /// The kind as error texts name it; events are stored, and thus named, as the core kind.
    pub(crate) fn named_kind(&self) -> Named<'_> {
        let group = if self.is_new_event() {
            ""
        } else {
            self.group.as_str()
        };
        Named {
            group,
            name: &self.kind,
        }
    }

    /// `group/version`, or `v1` for the core group.
    pub(crate) fn api_version(&self, version: usize) -> String {
        let version = self.versions.get(version).map_or("", |v| v.name.as_str());
        api_version(&self.group, version)
    }

    /// Whether objects pass through Go structs on a real server (no field of a custom resource
    /// does, its metadata aside).
    pub(crate) fn typed(&self) -> bool {
        self.builtin.is_some()
    }

    /// Whether this is the second face of a table that another resource names.
    pub(crate) fn is_new_event(&self) -> bool {
        self.builtin == Some(Builtin::Event) && !self.group.is_empty()
    }
}

/// `group/version`, or the version alone for the core group.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}
