//! Pure. Validation of metadata and of the built-in kinds, in the real server's words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::field::{FieldError, index};
use super::meta;
use super::names;
use super::resource::{Builtin, Resource};

/// Largest content of a Secret or ConfigMap, and of all annotations, in bytes.
const MAX_DATA: u64 = 1024 * 1024;
const MAX_ANNOTATIONS: usize = 256 * 1024;
const IMMUTABLE: &str = "field is immutable";
const IMMUTABLE_DATA: &str = "field is immutable when `immutable` is set";

/// Validates the metadata of a new object.
pub(crate) fn metadata(resource: &Resource, object: &Value, out: &mut Vec<FieldError>) {
    let labels = matches!(resource.builtin, Some(Builtin::Namespace));
    let problems = |name: &str| {
        if labels {
            names::label_problems(name)
        } else {
            names::subdomain_problems(name)
        }
    };
    let prefix = meta::text(object, "generateName");
    // Core events may have any name that fits into a path.
    let free = resource.builtin == Some(Builtin::Event) && !resource.is_new_event();
    if !prefix.is_empty() && !free {
        let masked = prefix
            .strip_suffix('-')
            .map_or(prefix.to_owned(), |p| format!("{p}a"));
        for text in problems(&masked) {
            out.push(FieldError::invalid("metadata.generateName", prefix, text));
        }
    }
    let name = meta::text(object, "name");
    if name.is_empty() {
        out.push(FieldError::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else if !free {
        for text in problems(name) {
            out.push(FieldError::invalid("metadata.name", name, text));
        }
    }
    let namespace = meta::text(object, "namespace");
    if resource.namespaced {
        for text in names::label_problems(namespace) {
            out.push(FieldError::invalid("metadata.namespace", namespace, text));
        }
    } else if !namespace.is_empty() {
        out.push(FieldError::forbidden(
            "metadata.namespace",
            "not allowed on this type",
        ));
    }
    let generation = meta::generation(object);
    if generation < 0 {
        let text = "must be greater than or equal to 0";
        out.push(FieldError::invalid("metadata.generation", generation, text));
    }
    maps(object, out);
    finalizers(resource, object, out);
}

fn finalizers(resource: &Resource, object: &Value, out: &mut Vec<FieldError>) {
    let at = "metadata.finalizers";
    for (i, finalizer) in meta::finalizers(object).into_iter().enumerate() {
        for text in names::qualified_problems(finalizer) {
            out.push(FieldError::invalid(at, finalizer, text));
        }
        let standard = matches!(finalizer, "orphan" | "foregroundDeletion" | "kubernetes");
        let core = matches!(
            resource.builtin,
            Some(
                Builtin::Secret | Builtin::ConfigMap | Builtin::ServiceAccount | Builtin::Namespace
            )
        );
        if core && !finalizer.contains('/') && !standard {
            let text = "name is neither a standard finalizer name nor is it fully qualified";
            out.push(FieldError::invalid(index(at, i), finalizer, text));
        }
    }
}

fn maps(object: &Value, out: &mut Vec<FieldError>) {
    for (key, value) in meta::strings(object, "labels") {
        for text in names::qualified_problems(key) {
            out.push(FieldError::invalid("metadata.labels", key, text));
        }
        for text in names::label_value_problems(value) {
            out.push(FieldError::invalid("metadata.labels", value, text));
        }
    }
    let mut size = 0;
    for (key, value) in meta::strings(object, "annotations") {
        for text in names::qualified_problems(&key.to_lowercase()) {
            out.push(FieldError::invalid("metadata.annotations", key, text));
        }
        size += key.len() + value.len();
    }
    if size > MAX_ANNOTATIONS {
        out.push(FieldError::too_long(
            "metadata.annotations",
            MAX_ANNOTATIONS as u64,
        ));
    }
    let mut controller: Option<String> = None;
    for (i, owner) in meta::owners(object).enumerate() {
        let at = index("metadata.ownerReferences", i);
        // The real server does not number the references either.
        let at = at.trim_end_matches(|c: char| c != 's');
        let empty = [
            ("apiVersion", owner.api_version, "version must not be empty"),
            ("kind", owner.kind, "must not be empty"),
            ("name", owner.name, "must not be empty"),
            ("uid", owner.uid, "must not be empty"),
        ];
        for (field, value, text) in empty {
            if value.is_empty() {
                out.push(FieldError::invalid(format!("{at}.{field}"), "", text));
            }
        }
        let reference = &object["metadata"]["ownerReferences"][i];
        if owner.kind == "Event" && matches!(owner.api_version, "v1" | "events.k8s.io/v1") {
            let group = owner.api_version.strip_suffix("/v1").unwrap_or_default();
            let text = format!("{group}/v1, Kind=Event is disallowed from being an owner");
            out.push(FieldError::invalid(at, reference.clone(), text));
        }
        if reference["controller"] == true {
            let this = format!("{}/{}", owner.kind, owner.name);
            if let Some(first) = &controller {
                let text = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in \
                     references for {first} and {this}"
                );
                let all = object["metadata"]["ownerReferences"].clone();
                out.push(FieldError::invalid(at, all, text));
            } else {
                controller = Some(this);
            }
        }
    }
}

/// Validates what a change of metadata may not do.
pub(crate) fn metadata_update(
    resource: &Resource,
    new: &Value,
    old: &Value,
    out: &mut Vec<FieldError>,
) {
    if meta::terminating(old) {
        let before = meta::finalizers(old);
        let mut added: Vec<&str> = meta::finalizers(new);
        added.retain(|f| !before.contains(f));
        if !added.is_empty() {
            added.sort_unstable();
            let list: Vec<String> = added.iter().map(|f| super::field::quote(f)).collect();
            let text = format!(
                "no new finalizers can be added if the object is being deleted, found new \
                 finalizers []string{{{}}}",
                list.join(", ")
            );
            out.push(FieldError::forbidden("metadata.finalizers", text));
        }
    }
    let (uid, own) = (meta::text(new, "uid"), meta::text(old, "uid"));
    if uid != own {
        out.push(FieldError::invalid("metadata.uid", uid, IMMUTABLE));
    }
    let gone = "deletionTimestamp";
    if meta::text(new, gone) != meta::text(old, gone) {
        let at = format!("metadata.{gone}");
        out.push(FieldError::invalid(at, meta::text(new, gone), IMMUTABLE));
    }
    let grace = "deletionGracePeriodSeconds";
    let (sent, own) = (new["metadata"].get(grace), old["metadata"].get(grace));
    if sent != own {
        let sent = sent.cloned().unwrap_or_default();
        out.push(FieldError::invalid(
            format!("metadata.{grace}"),
            sent,
            IMMUTABLE,
        ));
    }
    maps(new, out);
    finalizers(resource, new, out);
}

/// Validates a built-in object.
pub(crate) fn builtin(kind: Builtin, new: &Value, old: Option<&Value>, out: &mut Vec<FieldError>) {
    match kind {
        Builtin::Secret => {
            if let Some(old) = old {
                if new["type"] != old["type"] {
                    out.push(FieldError::invalid("type", new["type"].clone(), IMMUTABLE));
                }
                immutable(new, old, &["data"], out);
            }
            secret(new, out);
        }
        Builtin::ConfigMap => {
            if let Some(old) = old {
                immutable(new, old, &["data", "binaryData"], out);
            }
            config_map(new, out);
        }
        Builtin::Lease => lease(new, out),
        // Looked at by their own rules, since those differ by version.
        Builtin::Event => {}
        Builtin::Crd => super::crd::check(new, old, out),
        Builtin::Namespace | Builtin::ServiceAccount => {}
    }
}

/// Validates the phase of a namespace that its `status` subresource sets.
pub(crate) fn phase(object: &Value, out: &mut Vec<FieldError>) {
    let phase = object["status"]["phase"].as_str().unwrap_or_default();
    let text = match (meta::terminating(object), phase) {
        (true, "Terminating") | (false, "Active") => return,
        (true, _) => "may only be 'Terminating' if `deletionTimestamp` is not empty",
        (false, _) => "may only be 'Active' if `deletionTimestamp` is empty",
    };
    out.push(FieldError::invalid("status.Phase", phase, text));
}

fn immutable(new: &Value, old: &Value, fields: &[&str], out: &mut Vec<FieldError>) {
    if old["immutable"] != true {
        return;
    }
    if new["immutable"] != true {
        out.push(FieldError::forbidden("immutable", IMMUTABLE_DATA));
    }
    for field in fields {
        if new[*field] != old[*field] {
            out.push(FieldError::forbidden(*field, IMMUTABLE_DATA));
        }
    }
}

fn keys(object: &Value, field: &str, out: &mut Vec<FieldError>) {
    for key in object[field].as_object().into_iter().flat_map(|m| m.keys()) {
        for text in names::data_key_problems(key) {
            out.push(FieldError::invalid(index(field, key), key.as_str(), text));
        }
    }
}

fn decoded(object: &Value, field: &str, key: &str) -> Option<Vec<u8>> {
    STANDARD.decode(object[field].get(key)?.as_str()?).ok()
}

fn size(object: &Value, field: &str, bytes: bool) -> u64 {
    let values = object[field]
        .as_object()
        .into_iter()
        .flat_map(|m| m.values());
    values
        .filter_map(Value::as_str)
        .map(|text| {
            let padding = text.bytes().rev().take(2).filter(|b| *b == b'=').count();
            let length = if bytes {
                text.len() / 4 * 3 - padding
            } else {
                text.len()
            };
            length as u64
        })
        .sum()
}

fn secret(object: &Value, out: &mut Vec<FieldError>) {
    keys(object, "data", out);
    if size(object, "data", true) > MAX_DATA {
        out.push(FieldError::too_long("data", MAX_DATA));
    }
    let has = |key: &str| object["data"].get(key).is_some();
    let mut need = |key: &str| out.push(FieldError::required(index("data", key), ""));
    match object["type"].as_str().unwrap_or_default() {
        "kubernetes.io/service-account-token" => {
            let key = "kubernetes.io/service-account.name";
            let named = object["metadata"]["annotations"][key].as_str();
            if named.unwrap_or_default().is_empty() {
                out.push(FieldError::required(index("metadata.annotations", key), ""));
            }
        }
        "kubernetes.io/dockercfg" => json_entry(object, ".dockercfg", out),
        "kubernetes.io/dockerconfigjson" => json_entry(object, ".dockerconfigjson", out),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            need("username");
            need("password");
        }
        "kubernetes.io/ssh-auth"
            if decoded(object, "data", "ssh-privatekey").is_none_or(|key| key.is_empty()) =>
        {
            need("ssh-privatekey");
        }
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"].into_iter().filter(|k| !has(k)) {
                need(key);
            }
        }
        _ => {}
    }
}

fn json_entry(object: &Value, key: &str, out: &mut Vec<FieldError>) {
    let Some(bytes) = decoded(object, "data", key) else {
        out.push(FieldError::required(index("data", key), ""));
        return;
    };
    let parsed: Result<Value, _> = serde_json::from_slice(&bytes);
    let text = match &parsed {
        Ok(Value::Object(_) | Value::Null) => return,
        Ok(other) => super::patch::go_mismatch(other, "map[string]interface {}"),
        Err(error) if error.is_eof() => "unexpected end of JSON input".to_owned(),
        Err(error) => {
            format!(
                "invalid JSON at line {} column {}",
                error.line(),
                error.column()
            )
        }
    };
    let shown = "<secret contents redacted>";
    out.push(FieldError::invalid(index("data", key), shown, text));
}

fn config_map(object: &Value, out: &mut Vec<FieldError>) {
    keys(object, "data", out);
    for key in object["data"]
        .as_object()
        .into_iter()
        .flat_map(|m| m.keys())
    {
        if object["binaryData"].get(key).is_some() {
            let text = "duplicate of key present in binaryData";
            out.push(FieldError::invalid(index("data", key), key.as_str(), text));
        }
    }
    keys(object, "binaryData", out);
    if size(object, "data", false) + size(object, "binaryData", true) > MAX_DATA {
        out.push(FieldError::too_long("", MAX_DATA));
    }
}

fn lease(object: &Value, out: &mut Vec<FieldError>) {
    let spec = &object["spec"];
    if let Some(n) = spec["leaseDurationSeconds"].as_i64().filter(|n| *n <= 0) {
        out.push(FieldError::invalid(
            "spec.leaseDurationSeconds",
            n,
            "must be greater than 0",
        ));
    }
    if let Some(n) = spec["leaseTransitions"].as_i64().filter(|n| *n < 0) {
        let text = "must be greater than or equal to 0";
        out.push(FieldError::invalid("spec.leaseTransitions", n, text));
    }
}
