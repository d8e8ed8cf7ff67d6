//! Shell. One watch, followed for ever: lists, relists and events as one simple stream.

use std::collections::HashSet;
use std::fmt::Debug;

use futures::TryStreamExt;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tidegate_stages::ObjectKey;
use tokio_util::sync::CancellationToken;

/// What a watch tells.
#[derive(Debug)]
pub enum Seen<K> {
    /// The object is there, as shown. `initial` during the first list.
    Applied {
        /// The object.
        object: K,
        /// Whether it was part of the first list since start-up.
        initial: bool,
    },
    /// The object is gone, or no longer matches the selector.
    Gone(ObjectKey),
    /// A list is complete: everything that was there has been shown.
    Listed,
}

/// Namespace and name of anything.
#[must_use]
pub fn key_of<K: ResourceExt>(object: &K) -> ObjectKey {
    ObjectKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

/// Follows `api` until `stop`, telling `handle` what is seen, in order.
///
/// # Guarantees
/// After a lost watch and a new list, what vanished in between is told as [`Seen::Gone`]. Errors
/// are retried with backoff and logged once per cause, with what to do about it.
pub async fn follow<K>(
    what: &'static str,
    api: Api<K>,
    config: watcher::Config,
    stop: CancellationToken,
    mut handle: impl FnMut(Seen<K>),
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    let mut known = Known::default();
    let mut logged = None;
    let stream = watcher(api, config).default_backoff();
    futures::pin_mut!(stream);
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => return,
            next = stream.try_next() => next,
        };
        match next {
            Ok(Some(event)) => {
                logged = None;
                known.take(event, &mut handle);
            }
            Ok(None) => return,
            Err(error) => {
                let cause = explain(&error);
                if logged.as_ref() != Some(&cause) {
                    tracing::warn!(watch = what, error = %cause, "watch failed, retrying");
                    logged = Some(cause);
                }
            }
        }
    }
}

/// The keys that a watch has shown, to tell what a new list lacks.
#[derive(Debug, Default)]
struct Known {
    present: HashSet<ObjectKey>,
    listing: HashSet<ObjectKey>,
    listed: bool,
}

impl Known {
    fn take<K: ResourceExt>(&mut self, event: Event<K>, handle: &mut impl FnMut(Seen<K>)) {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(object) => {
                let key = key_of(&object);
                self.present.insert(key.clone());
                self.listing.insert(key);
                handle(Seen::Applied {
                    object,
                    initial: !self.listed,
                });
            }
            Event::InitDone => {
                let gone: Vec<ObjectKey> =
                    self.present.difference(&self.listing).cloned().collect();
                for key in gone {
                    self.present.remove(&key);
                    handle(Seen::Gone(key));
                }
                self.listing = HashSet::new();
                self.listed = true;
                handle(Seen::Listed);
            }
            Event::Apply(object) => {
                self.present.insert(key_of(&object));
                handle(Seen::Applied {
                    object,
                    initial: false,
                });
            }
            Event::Delete(object) => {
                let key = key_of(&object);
                self.present.remove(&key);
                handle(Seen::Gone(key));
            }
        }
    }
}

/// One stable line: cause and cure.
fn explain(error: &watcher::Error) -> String {
    let (watcher::Error::InitialListFailed(cause)
    | watcher::Error::WatchStartFailed(cause)
    | watcher::Error::WatchFailed(cause)) = error
    else {
        return error.to_string();
    };
    match cause {
        kube::Error::Api(status) if status.is_not_found() => {
            "the API server does not serve it; install the CRDs: tidegate crds | kubectl apply -f -"
                .to_owned()
        }
        kube::Error::Api(status) if status.is_forbidden() => {
            format!("{}; apply manifests/install/20-rbac.yaml", status.message)
        }
        _ => cause.to_string(),
    }
}
