//! Pure. CEL rules of a CRD (`x-kubernetes-validations`), by the `kube-cel` crate.

#[cfg(feature = "cel")]
mod enabled {
    use serde_json::Value;

    use crate::engine::field::FieldError;

    /// The compiled rules of one version.
    #[derive(Debug)]
    pub(crate) struct Rules(kube_cel::CompiledSchema);

    impl Rules {
        /// Compiles a schema's rules; `None` when it has none.
        pub(crate) fn compile(raw: &Value) -> Option<Self> {
            has_rules(raw, 0).then(|| Self(kube_cel::compile_schema(raw)))
        }

        /// Gives the violations of an object, or of its change.
        pub(crate) fn check(&self, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
            match kube_cel::validate_compiled(&self.0, new, old) {
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

    fn has_rules(raw: &Value, depth: usize) -> bool {
        depth < crate::engine::schema::MAX_DEPTH
            && match raw {
                Value::Object(map) => {
                    map.get("x-kubernetes-validations")
                        .is_some_and(Value::is_array)
                        || map.values().any(|v| has_rules(v, depth + 1))
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

        pub(crate) fn check(&self, _: &Value, _: Option<&Value>) -> Vec<FieldError> {
            Vec::new()
        }
    }
}

#[cfg(not(feature = "cel"))]
pub(crate) use disabled::Rules;
#[cfg(feature = "cel")]
pub(crate) use enabled::Rules;
