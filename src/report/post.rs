//! Shell. Sends one event to the API server.

use serde_json::json;

use super::Inner;
use super::gate::Event;
use crate::patch::api::percent;
use crate::patch::json_request;
use crate::patch::permits::Class;

impl Inner {
    /// Sends one event; a lost one is not repeated, the condition tells the same.
    pub(super) async fn post(&self, event: &Event, count: u32) {
        let about = &event.about;
        let namespace = if about.namespace.is_empty() {
            "default"
        } else {
            &*about.namespace
        };
        let now = self
            .api
            .clock()
            .now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string();
        let version = "external-secrets.io/v1";
        let body = json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "generateName": format!("{}.", about.name), "namespace": namespace },
            "involvedObject": {
                "apiVersion": version, "kind": about.kind, "name": &*about.name,
                "namespace": &*about.namespace, "uid": &*about.uid,
            },
            "type": if event.warning { "Warning" } else { "Normal" },
            "reason": event.reason,
            "message": clip(&event.message),
            "count": count,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": { "component": source_of(about.kind) },
            "reportingComponent": source_of(about.kind),
        });
        let path = format!("/api/v1/namespaces/{}/events", percent(namespace));
        let request = json_request("POST", &path, serde_json::to_vec(&body).unwrap_or_default());
        if let Err(refusal) = self
            .api
            .send_into::<serde::de::IgnoredAny>(namespace, Class::Event, request)
            .await
        {
            tracing::debug!(reason = event.reason, %refusal, "event not written");
        }
    }
}

/// ESO's event sources, which alerting rules select by.
fn source_of(kind: &str) -> &'static str {
    match kind {
        "SecretStore" => "secret-store",
        "ClusterSecretStore" => "cluster-secret-store",
        _ => "external-secrets",
    }
}

/// The API server takes 1024 bytes of message.
fn clip(message: &str) -> &str {
    let mut end = message.len().min(1024);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}
