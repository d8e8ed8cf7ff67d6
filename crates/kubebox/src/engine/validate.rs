//! Pure. Validation of a whole object: metadata, built-in rules, schema and CEL, with ratcheting.

use serde_json::Value;

use super::error::{ApiError, Result};
use super::event::{self, convert_event};
use super::field::{FieldError, Problem};
use super::resource::{Builtin, Resource};
use super::schema::validate;
use super::{check, meta};

/// Validates an object; on updates, what was already wrong and did not change is let through.
pub(crate) fn check_object(
    resource: &Resource,
    version: usize,
    new: &Value,
    old: Option<&Value>,
    status: bool,
) -> Result<()> {
    let mut errors = Vec::new();
    match old {
        None => check::metadata(resource, new, &mut errors),
        Some(old) => {
            // The real server asks twice on updates, and reports what it finds twice.
            check::metadata_update(resource, new, old, &mut errors);
            check::metadata_update(resource, new, old, &mut errors);
        }
    }
    if let Some(builtin) = resource.builtin {
        if builtin == Builtin::Event {
            let new_face = resource.is_new_event();
            let core = |object: &Value| {
                let mut object = object.clone();
                if new_face {
                    convert_event(&mut object, false);
                }
                object
            };
            let before = old.map(core);
            event::check(new_face, &core(new), before.as_ref(), &mut errors);
        } else if status && builtin == Builtin::Namespace {
            check::phase(new, &mut errors);
        } else if !status {
            check::builtin(builtin, new, old, &mut errors);
        }
    } else {
        custom(resource, version, new, old, status, &mut errors);
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(
        resource.named_kind(),
        meta::text(new, "name"),
        &errors,
    ))
}

/// The field's path gets its prefix, the words of the message do not.
fn below_status(mut error: FieldError) -> FieldError {
    if error.field != "<nil>" {
        error.field = super::field::child("status", &error.field);
    }
    error
}

fn custom(
    resource: &Resource,
    version: usize,
    new: &Value,
    old: Option<&Value>,
    status: bool,
    errors: &mut Vec<FieldError>,
) {
    let served = &resource.versions[version];
    let by_schema = |object: &Value| match (status, served.schema.field("status")) {
        (true, Some(schema)) => object
            .get("status")
            .map(|s| {
                validate(schema, s, "")
                    .into_iter()
                    .map(below_status)
                    .collect()
            })
            .unwrap_or_default(),
        _ => validate(&served.schema, object, ""),
    };
    let mut found = by_schema(new);
    if let Some(old) = old.filter(|_| !found.is_empty()) {
        let before = by_schema(old);
        found.retain(|e| !before.contains(e));
    }
    errors.append(&mut found);
    // Those of the metadata count too.
    let blocking = errors.iter().any(|e| {
        matches!(
            e.problem,
            Problem::NotSupported(_)
                | Problem::Required
                | Problem::TooLong
                | Problem::TooMany(_)
                | Problem::TypeInvalid(_)
        )
    });
    let Some(rules) = &served.rules else { return };
    if blocking {
        let text = "some validation rules were not checked because the object was invalid; \
                    correct the existing errors to complete validation";
        errors.push(FieldError::invalid("<nil>", Value::Null, text));
        return;
    }
    if old.is_some_and(|old| rules.passes_over(new, old)) {
        return;
    }
    let mut found = rules.check(new, old);
    if let Some(old) = old.filter(|_| !found.is_empty()) {
        // Rules over what did not change are not held against the request.
        let before = rules.check(old, Some(old));
        found.retain(|e| !before.contains(e));
    }
    errors.append(&mut found);
}
