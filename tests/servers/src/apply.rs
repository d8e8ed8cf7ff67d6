//! Shell. Creates the objects of manifests, as `kubectl apply` does the first time.

use serde_json::Value;

use crate::error::ServerError;
use crate::http::Http;

/// Kinds whose plural is not the kind in lower case with an `s`.
const PLURALS: [(&str, &str); 1] = [("NetworkPolicy", "networkpolicies")];

impl Http {
    /// Creates `object`; one that exists already stays as it is.
    ///
    /// # Errors
    /// [`ServerError::Answer`] when the API server refuses it, which for an object without kind or
    /// version means a path that does not exist.
    pub async fn apply(&self, object: &Value) -> Result<(), ServerError> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let kind = text("/kind").unwrap_or_default();
        let plural = PLURALS.iter().find(|(known, _)| *known == kind);
        let plural = plural.map_or_else(
            || format!("{}s", kind.to_lowercase()),
            |(_, p)| (*p).to_owned(),
        );
        let root = match text("/apiVersion") {
            Some("v1") | None => "/api/v1".to_owned(),
            Some(version) => format!("/apis/{version}"),
        };
        let scope = text("/metadata/namespace");
        let scope = scope.map_or_else(String::new, |name| format!("/namespaces/{name}"));
        let answer = self
            .post(&format!("{root}{scope}/{plural}"), object)
            .await?;
        if answer.status == 409 {
            Ok(())
        } else {
            answer.ok().map(drop)
        }
    }
}
