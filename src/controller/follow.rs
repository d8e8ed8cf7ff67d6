//! Shell. One watch, followed for ever: lists, relists and events as one simple stream.

use std::collections::BTreeSet;
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
/// After a lost watch and a new list, each of `held` that the list lacks is told as [`Seen::Gone`]:
/// `held` answers the keys that whoever handles this watch knows at that time. Errors are retried
/// with backoff and logged once per cause, with what to do about it; `dropped` hears of each.
pub async fn follow<K>(
    what: &'static str,
    api: Api<K>,
    config: watcher::Config,
    stop: CancellationToken,
    held: impl Fn() -> Vec<ObjectKey>,
    dropped: impl Fn(),
    mut handle: impl FnMut(Seen<K>),
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    K::DynamicType: Default,
{
    let mut lists = Lists::default();
    let mut logged = None;
    let stream = watcher(api, config).default_backoff();
    futures::pin_mut!(stream);
    loop {
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            next = stream.try_next() => next,
        };
        match next {
            Ok(Some(event)) => {
                logged = None;
                lists.take(event, &held, &mut handle);
            }
            Ok(None) => return,
            Err(error) => {
                dropped();
                let cause = explain(&error);
                if logged.as_ref() != Some(&cause) {
                    tracing::warn!(watch = what, error = %cause, "watch failed, retrying");
                    logged = Some(cause);
                }
            }
        }
    }
}

/// What a new list has not shown yet of what is held.
#[derive(Debug, Default)]
struct Lists {
    missing: BTreeSet<ObjectKey>,
    begun: bool,
    listed: bool,
}

impl Lists {
    fn take<K: ResourceExt>(
        &mut self,
        event: Event<K>,
        held: &impl Fn() -> Vec<ObjectKey>,
        handle: &mut impl FnMut(Seen<K>),
    ) {
        match event {
            Event::Init => {
                // Before the first list nothing is held that a list could lack.
                if self.begun {
                    self.missing = held().into_iter().collect();
                }
                self.begun = true;
            }
            Event::InitApply(object) => {
                if !self.missing.is_empty() {
                    self.missing.remove(&key_of(&object));
                }
                handle(Seen::Applied {
                    object,
                    initial: !self.listed,
                });
            }
            Event::InitDone => {
                for key in std::mem::take(&mut self.missing) {
                    handle(Seen::Gone(key));
                }
                self.listed = true;
                handle(Seen::Listed);
            }
            Event::Apply(object) => handle(Seen::Applied {
                object,
                initial: false,
            }),
            Event::Delete(object) => handle(Seen::Gone(key_of(&object))),
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

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;

    use super::*;

    fn object(name: &str) -> ConfigMap {
        let mut object = ConfigMap::default();
        object.metadata.name = Some(name.to_owned());
        object
    }

    #[test]
    fn what_a_later_list_lacks_is_gone_even_after_a_broken_first_one() {
        let (mut lists, mut told) = (Lists::default(), Vec::new());
        let held = || vec![ObjectKey::new("", "a"), ObjectKey::new("", "b")];
        let events = [
            Event::Init,
            Event::InitApply(object("a")),
            Event::InitApply(object("b")),
            // The list broke off; the next one no longer shows a.
            Event::Init,
            Event::InitApply(object("b")),
            Event::InitDone,
            Event::Delete(object("b")),
        ];
        for event in events {
            lists.take(event, &held, &mut |seen| {
                told.push(match seen {
                    Seen::Applied { object, initial } => format!("{} {initial}", object.name_any()),
                    Seen::Gone(key) => format!("gone {}", key.name),
                    Seen::Listed => "listed".to_owned(),
                });
            });
        }
        assert_eq!(
            told,
            ["a true", "b true", "b true", "gone a", "listed", "gone b"]
        );
    }
}
