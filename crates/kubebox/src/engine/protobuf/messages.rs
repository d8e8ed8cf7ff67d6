//! Pure. Field numbers of the messages that clients may send, from the published API definitions.

/// How a field is encoded, and what it becomes in JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    Texts,
    Int,
    /// An integer whose zero is left out.
    Count,
    Bool,
    /// Whole seconds.
    Time,
    /// Microseconds.
    Micro,
    /// JSON in bytes.
    Fields,
    TextMap,
    BytesMap,
    One(&'static str),
    Many(&'static str),
}

use Kind::{Bool, BytesMap, Count, Fields, Int, Many, Micro, One, Text, TextMap, Texts, Time};

type Message = &'static [(u64, &'static str, Kind)];

/// The fields of a message by the name of its kind; `NewEvent` is that of events.k8s.io.
pub(crate) fn fields(name: &str) -> Option<Message> {
    Some(match name {
        "Namespace" => &[META, (2, "spec", One("NamespaceSpec"))],
        "NamespaceSpec" => &[(1, "finalizers", Texts)],
        "Secret" => &[
            META,
            (2, "data", BytesMap),
            (3, "type", Text),
            (4, "stringData", TextMap),
            (5, "immutable", Bool),
        ],
        "ConfigMap" => &[
            META,
            (2, "data", TextMap),
            (3, "binaryData", BytesMap),
            (4, "immutable", Bool),
        ],
        "ServiceAccount" => &[
            META,
            (2, "secrets", Many("ObjectReference")),
            (3, "imagePullSecrets", Many("LocalObjectReference")),
            (4, "automountServiceAccountToken", Bool),
        ],
        "LocalObjectReference" => &[(1, "name", Text)],
        "Lease" => &[META, (2, "spec", One("LeaseSpec"))],
        "LeaseSpec" => &[
            (1, "holderIdentity", Text),
            (2, "leaseDurationSeconds", Int),
            (3, "acquireTime", Micro),
            (4, "renewTime", Micro),
            (5, "leaseTransitions", Int),
            (6, "strategy", Text),
            (7, "preferredHolder", Text),
        ],
        _ => return meta(name).or_else(|| event(name)).or_else(|| review(name)),
    })
}

const META: (u64, &str, Kind) = (1, "metadata", One("ObjectMeta"));

fn meta(name: &str) -> Option<Message> {
    Some(match name {
        "ObjectMeta" => &[
            (1, "name", Text),
            (2, "generateName", Text),
            (3, "namespace", Text),
            (4, "selfLink", Text),
            (5, "uid", Text),
            (6, "resourceVersion", Text),
            (7, "generation", Count),
            (8, "creationTimestamp", Time),
            (9, "deletionTimestamp", Time),
            (10, "deletionGracePeriodSeconds", Int),
            (11, "labels", TextMap),
            (12, "annotations", TextMap),
            (13, "ownerReferences", Many("OwnerReference")),
            (14, "finalizers", Texts),
            (17, "managedFields", Many("ManagedFieldsEntry")),
        ],
        "OwnerReference" => &[
            (1, "kind", Text),
            (3, "name", Text),
            (4, "uid", Text),
            (5, "apiVersion", Text),
            (6, "controller", Bool),
            (7, "blockOwnerDeletion", Bool),
        ],
        "ManagedFieldsEntry" => &[
            (1, "manager", Text),
            (2, "operation", Text),
            (3, "apiVersion", Text),
            (4, "time", Time),
            (6, "fieldsType", Text),
            (7, "fieldsV1", Fields),
            (8, "subresource", Text),
        ],
        "DeleteOptions" => &[
            (1, "gracePeriodSeconds", Int),
            (2, "preconditions", One("Preconditions")),
            (3, "orphanDependents", Bool),
            (4, "propagationPolicy", Text),
            (5, "dryRun", Texts),
        ],
        "Preconditions" => &[(1, "uid", Text), (2, "resourceVersion", Text)],
        "ObjectReference" => &[
            (1, "kind", Text),
            (2, "namespace", Text),
            (3, "name", Text),
            (4, "uid", Text),
            (5, "apiVersion", Text),
            (6, "resourceVersion", Text),
            (7, "fieldPath", Text),
        ],
        _ => return None,
    })
}

fn event(name: &str) -> Option<Message> {
    Some(match name {
        "Event" => &[
            META,
            (2, "involvedObject", One("ObjectReference")),
            (3, "reason", Text),
            (4, "message", Text),
            (5, "source", One("EventSource")),
            (6, "firstTimestamp", Time),
            (7, "lastTimestamp", Time),
            (8, "count", Count),
            (9, "type", Text),
            (10, "eventTime", Micro),
            (11, "series", One("EventSeries")),
            (12, "action", Text),
            (13, "related", One("ObjectReference")),
            (14, "reportingComponent", Text),
            (15, "reportingInstance", Text),
        ],
        "NewEvent" => &[
            META,
            (2, "eventTime", Micro),
            (3, "series", One("EventSeries")),
            (4, "reportingController", Text),
            (5, "reportingInstance", Text),
            (6, "action", Text),
            (7, "reason", Text),
            (8, "regarding", One("ObjectReference")),
            (9, "related", One("ObjectReference")),
            (10, "note", Text),
            (11, "type", Text),
            (12, "deprecatedSource", One("EventSource")),
            (13, "deprecatedFirstTimestamp", Time),
            (14, "deprecatedLastTimestamp", Time),
            (15, "deprecatedCount", Count),
        ],
        "EventSource" => &[(1, "component", Text), (2, "host", Text)],
        "EventSeries" => &[(1, "count", Count), (2, "lastObservedTime", Micro)],
        _ => return None,
    })
}

fn review(name: &str) -> Option<Message> {
    Some(match name {
        "SelfSubjectReview" => &[META],
        "SelfSubjectAccessReview" | "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            &[META, (2, "spec", One("AccessReviewSpec"))]
        }
        "AccessReviewSpec" => &[
            (1, "resourceAttributes", One("ResourceAttributes")),
            (2, "nonResourceAttributes", One("NonResourceAttributes")),
            (3, "user", Text),
            (4, "groups", Texts),
            (6, "uid", Text),
        ],
        "ResourceAttributes" => &[
            (1, "namespace", Text),
            (2, "verb", Text),
            (3, "group", Text),
            (4, "version", Text),
            (5, "resource", Text),
            (6, "subresource", Text),
            (7, "name", Text),
        ],
        "NonResourceAttributes" => &[(1, "path", Text), (2, "verb", Text)],
        "SelfSubjectRulesReview" => &[META, (2, "spec", One("RulesReviewSpec"))],
        "RulesReviewSpec" => &[(1, "namespace", Text)],
        "TokenReview" => &[META, (2, "spec", One("TokenReviewSpec"))],
        "TokenReviewSpec" => &[(1, "token", Text), (2, "audiences", Texts)],
        "TokenRequest" => &[META, (2, "spec", One("TokenRequestSpec"))],
        "TokenRequestSpec" => &[
            (1, "audiences", Texts),
            (3, "boundObjectRef", One("BoundObjectReference")),
            (4, "expirationSeconds", Int),
        ],
        "BoundObjectReference" => &[
            (1, "kind", Text),
            (2, "apiVersion", Text),
            (3, "name", Text),
            (4, "uid", Text),
        ],
        _ => return None,
    })
}
