//! Pure. CEL rules of a CRD (`x-kubernetes-validations`), by the `kube-cel` crate.

#[cfg(feature = "cel")]
mod enabled {
    use serde_json::Value;

    use crate::engine::field::FieldError;

    /// The compiled rules of one version.
    #[derive(Debug)]
    pub(crate) struct Rules {
        schema: kube_cel::CompiledSchema,
        /// Whether a rule looks at more than one top-level field, or at what a status write
        /// changes.
        wide: bool,
    }

    impl Rules {
        /// Compiles a schema's rules; `None` when it has none.
        pub(crate) fn compile(raw: &Value) -> Option<Self> {
            let status = raw.pointer("/properties/status");
            has_rules(raw, 0).then(|| Self {
                schema: kube_cel::compile_schema(raw),
                wide: is_ruled(raw) || status.is_some_and(|raw| has_rules(raw, 0)),
            })
        }

        /// Whether no rule can find anything new: nothing but metadata and status changed, and no
        /// rule looks there. Most writes of a cluster are such.
        pub(crate) fn passes_over(&self, new: &Value, old: &Value) -> bool {
            let (Some(new), Some(old)) = (new.as_object(), old.as_object()) else {
                return false;
            };
            let watched = |name: &&String| !matches!(name.as_str(), "metadata" | "status");
            let mut names = new.keys().chain(old.keys()).filter(watched);
            !self.wide && names.all(|name| new.get(name) == old.get(name))
        }

        /// Gives the violations of an object, or of its change.
        pub(crate) fn check(&self, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
            match kube_cel::validate_compiled(&self.schema, new, old) {
                Ok(()) => Vec::new(),
                Err(errors) => errors
                    .into_vec()
                    .into_iter()
                    .map(|e| field_error(new, e))
                    .collect(),
            }
        }
    }

    fn field_error(new: &Value, error: kube_cel::ValidationError) -> FieldError {
        let value = at_path(new, &error.field_path);
        match error.reason.as_deref() {
            Some("FieldValueRequired") => FieldError::required(error.field_path, error.message),
            Some("FieldValueForbidden") => FieldError::forbidden(error.field_path, error.message),
            Some("FieldValueDuplicate") => {
                let mut duplicate = FieldError::duplicate(error.field_path, value);
                duplicate.detail = error.message;
                duplicate
            }
            _ => FieldError::invalid(error.field_path, value, error.message),
        }
    }

    /// Objects and lists are named by their type, as the real server does.
    fn at_path(new: &Value, path: &str) -> Value {
        let mut at = new;
        for part in path.split(['.', '[', ']']).filter(|p| !p.is_empty()) {
            let next = match part.parse::<usize>() {
                Ok(i) if at.is_array() => at.get(i),
                _ => at.get(part),
            };
            let Some(next) = next else { return Value::Null };
            at = next;
        }
        match at {
            Value::Object(_) => "object".into(),
            Value::Array(_) => "array".into(),
            other => other.clone(),
        }
    }

    fn is_ruled(raw: &Value) -> bool {
        raw.get("x-kubernetes-validations")
            .is_some_and(Value::is_array)
    }

    fn has_rules(raw: &Value, depth: usize) -> bool {
        depth < crate::engine::schema::MAX_DEPTH
            && match raw {
                Value::Object(map) => {
                    is_ruled(raw) || map.values().any(|v| has_rules(v, depth + 1))
                }
                Value::Array(items) => items.iter().any(|v| has_rules(v, depth + 1)),
                _ => false,
            }
    }
}

#[cfg(not(feature = "cel"))]
mod disabled {
    use serde_json::Value;

    use crate::engine::field::FieldError;

    /// No rules: this build accepts them unread.
    #[derive(Debug)]
    pub(crate) struct Rules;

    impl Rules {
        pub(crate) fn compile(_: &Value) -> Option<Self> {
            None
        }

        pub(crate) fn passes_over(&self, _: &Value, _: &Value) -> bool {
            true
        }

        pub(crate) fn check(&self, _: &Value, _: Option<&Value>) -> Vec<FieldError> {
            Vec::new()
        }
    }
}

#[cfg(not(feature = "cel"))]
pub(crate) use disabled::Rules;
#[cfg(feature = "cel")]
pub(crate) use enabled::Rules;

#[cfg(all(test, feature = "cel"))]
mod tests {
    use serde_json::{Value, json};

    use super::Rules;

    #[test]
    fn only_what_no_rule_looks_at_is_passed_over() {
        let ruled = || json!({ "x-kubernetes-validations": [{ "rule": "true", "message": "m" }] });
        let deep = json!({ "properties": { "spec": { "properties": { "a": ruled() } } } });
        let status = json!({ "properties": { "spec": ruled(), "status": ruled() } });
        let object = |spec: u8, status: u8| json!({ "metadata": { "generation": spec }, "spec": { "a": spec }, "status": status });
        let check = |schema: &Value, new: &Value, expected: bool| {
            let rules = Rules::compile(schema).unwrap();
            assert_eq!(
                rules.passes_over(new, &object(1, 1)),
                expected,
                "{schema} {new}"
            );
        };
        check(&deep, &object(1, 2), true);
        check(&deep, &object(2, 1), false);
        check(&deep, &json!({ "metadata": {} }), false);
        check(&deep, &json!({ "spec": { "a": 1 }, "other": 1 }), false);
        check(&status, &object(1, 2), false);
        check(&ruled(), &object(1, 2), false);
    }
}
