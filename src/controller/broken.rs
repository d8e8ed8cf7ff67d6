//! Shell. ExternalSecrets that do not decode: told in their condition, otherwise left alone.

use std::time::Duration;

use serde_json::json;
use tidegate_api::names;
use tidegate_queue::Lane;
use tidegate_stages::{ObjectKey, Trigger};

use super::context::Context;
use super::subject_of;
use crate::patch::permits::Class;
use crate::report::gate::{About, Event};

/// Tells what does not decode about `key`; nothing else is done, and its Secret stays as it is.
pub fn look(ctx: &Context, key: &ObjectKey) -> Option<(Lane, Duration, Trigger)> {
    let broken = ctx.seen().broken(key)?;
    ctx.unsubscribe(key);
    let message = format!(
        "{}: the ExternalSecret does not decode: {}; retried when it changes",
        names::MSG_GET_DATA,
        broken.cause
    );
    tracing::warn!(namespace = %key.namespace, name = %key.name, cause = %broken.cause,
        "the ExternalSecret does not decode");
    let now = ctx.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let status = json!({ "conditions": [{
        "type": names::READY,
        "status": "False",
        "reason": names::SECRET_SYNCED_ERROR,
        "message": message,
        "lastTransitionTime": now,
    }]});
    ctx.reporter.status(subject_of(key), &status, Class::Status);
    ctx.metrics.failed(key, "undecodable");
    ctx.metrics.ready(key, false);
    let about = About {
        kind: "ExternalSecret",
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        uid: broken.uid,
    };
    let reason = names::EVENT_UPDATE_FAILED;
    ctx.reporter.event(Event {
        about,
        warning: true,
        reason,
        message,
    });
    None
}
