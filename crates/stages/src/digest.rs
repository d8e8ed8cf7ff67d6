//! Pure. What is kept of a Secret after its data is dropped: hash, names, owners, field managers.

mod fields;
#[cfg(test)]
mod tests;

use std::fmt;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use sha3::{Digest, Sha3_224};
use tidegate_api::names;

use crate::diff::DataHash;
pub use fields::Managers;
use fields::OwnedFields;

/// A Secret without its data: what the watch keeps of each managed Secret.
///
/// # Guarantees
/// No value of the data and no value of an annotation is in it: annotations may quote a whole
/// Secret (kubectl's last-applied), so their values are kept as digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetDigest {
    /// Its name.
    pub name: Box<str>,
    /// Its UID.
    pub uid: Box<str>,
    /// The version of the object that was digested.
    pub resource_version: Box<str>,
    /// Its type; `None` is `Opaque`.
    pub type_: Option<Box<str>>,
    /// Whether its data may no longer change.
    pub immutable: bool,
    /// Hash of the data as it is.
    pub hash: DataHash,
    /// What the data-hash annotation says.
    pub annotated: Annotated,
    /// Whether the managed label is set.
    pub managed: bool,
    /// What the created-by label says.
    pub created_by: Annotated,
    /// Whether there is any label at all.
    pub has_labels: bool,
    /// Whether there is any annotation at all.
    pub has_annotations: bool,
    /// Whether there is a `data` map at all.
    pub has_data: bool,
    /// Names of the data's keys, sorted.
    pub keys: Box<[Field]>,
    /// Labels beside ours, sorted by name.
    pub labels: Box<[Labelled]>,
    /// Annotations beside ours, sorted by name.
    pub annotations: Box<[Labelled]>,
    /// Its owners, in order.
    pub owners: Box<[OwnerRef]>,
    /// Its finalizers, in order.
    pub finalizers: Box<[Box<str>]>,
    /// The field managers that `owners` masks of the fields refer to.
    pub managers: Managers,
}

/// A name, and which field managers own it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name.
    pub name: Box<str>,
    /// One bit for each of [`Managers`].
    pub owners: u32,
}

/// A label or annotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// Its name and owners.
    pub field: Field,
    /// Its value.
    pub value: ValueHash,
}

/// The first 16 bytes of the SHA3-224 of a label's or annotation's value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ValueHash([u8; 16]);

impl ValueHash {
    /// Hashes a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let full = Sha3_224::digest(text.as_bytes());
        let mut short = [0; 16];
        short.copy_from_slice(&full[..16]);
        Self(short)
    }
}

impl fmt::Debug for ValueHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}{:02x}…", self.0[0], self.0[1])
    }
}

/// A label or annotation of ours that holds a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Annotated {
    /// It is not set.
    Absent,
    /// It holds this hash.
    Hash(DataHash),
    /// It holds something else.
    Other,
}

impl Annotated {
    fn of(text: Option<&String>) -> Self {
        match text {
            None => Self::Absent,
            Some(text) => DataHash::parse(text).map_or(Self::Other, Self::Hash),
        }
    }
}

/// What owns a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerRef {
    /// `None` for an ExternalSecret, else kind and group such as `Deployment.apps`.
    pub kind: Option<Box<str>>,
    /// Name of the owner.
    pub name: Box<str>,
    /// UID of the owner.
    pub uid: Box<str>,
    /// Whether it is the controller.
    pub controller: bool,
}

impl OwnerRef {
    fn of(owner: &OwnerReference) -> Self {
        let group = owner.api_version.rsplit_once('/').map_or("", |(g, _)| g);
        let ours = owner.kind == "ExternalSecret" && group == names::GROUP;
        Self {
            kind: (!ours).then(|| match group {
                "" => owner.kind.as_str().into(),
                group => format!("{}.{group}", owner.kind).into(),
            }),
            name: owner.name.as_str().into(),
            uid: owner.uid.as_str().into(),
            controller: owner.controller.unwrap_or_default(),
        }
    }
}

impl TargetDigest {
    /// Digests a Secret; the caller drops the Secret afterwards.
    ///
    /// Of the field managers that carry the prefix of target writes it follows the first 32: a
    /// Secret has more than one only when several ExternalSecrets merge into it, and those are
    /// read again before a write ([`crate::merge`]).
    #[must_use]
    pub fn from_secret(secret: &Secret) -> Self {
        Self::digest(secret, &|name| {
            name.starts_with(names::FIELD_MANAGER_PREFIX)
        })
    }

    /// As [`TargetDigest::from_secret`], following `manager` alone.
    pub(crate) fn for_manager(secret: &Secret, manager: &str) -> Self {
        Self::digest(secret, &|name| name == manager)
    }

    fn digest(secret: &Secret, follows: &dyn Fn(&str) -> bool) -> Self {
        let meta = &secret.metadata;
        let owned = OwnedFields::of(meta.managed_fields.iter().flatten(), follows);
        let labels = meta.labels.as_ref();
        let annotations = meta.annotations.as_ref();
        let data = secret.data.as_ref();
        Self {
            name: meta.name.as_deref().unwrap_or_default().into(),
            uid: meta.uid.as_deref().unwrap_or_default().into(),
            resource_version: meta.resource_version.as_deref().unwrap_or_default().into(),
            type_: (secret.type_.as_deref())
                .filter(|text| !text.is_empty() && *text != "Opaque")
                .map(Into::into),
            immutable: secret.immutable.unwrap_or_default(),
            hash: DataHash::of(
                (data.into_iter().flatten()).map(|(key, value)| (key.as_str(), value.0.as_slice())),
            ),
            annotated: Annotated::of(
                annotations.and_then(|map| map.get(names::DATA_HASH_ANNOTATION)),
            ),
            managed: labels
                .and_then(|map| map.get(names::MANAGED_LABEL))
                .is_some_and(|value| value == names::MANAGED_VALUE),
            created_by: Annotated::of(labels.and_then(|map| map.get(names::CREATED_BY_LABEL))),
            has_labels: labels.is_some_and(|map| !map.is_empty()),
            has_annotations: annotations.is_some_and(|map| !map.is_empty()),
            has_data: data.is_some(),
            keys: (data.into_iter().flatten())
                .map(|(key, _)| Field {
                    name: key.as_str().into(),
                    owners: owned.data(key),
                })
                .collect(),
            labels: labelled(labels, |name| owned.label(name)),
            annotations: labelled(annotations, |name| owned.annotation(name)),
            owners: (meta.owner_references.iter().flatten())
                .map(OwnerRef::of)
                .collect(),
            finalizers: (meta.finalizers.iter().flatten())
                .map(|name| name.as_str().into())
                .collect(),
            managers: owned.managers,
        }
    }

    /// Whether `manager` owns the field.
    pub(crate) fn owns(&self, manager: &str, field: &Field) -> bool {
        field.owners & self.managers.bit(manager) != 0
    }

    /// Position and reference of the controller, if there is one.
    pub(crate) fn controller(&self) -> Option<(usize, &OwnerRef)> {
        (self.owners.iter().enumerate()).find(|(_, owner)| owner.controller)
    }
}

/// Labels or annotations beside those that have a field of their own in the digest.
fn labelled(
    map: Option<&std::collections::BTreeMap<String, String>>,
    owners: impl Fn(&str) -> u32,
) -> Box<[Labelled]> {
    const OURS: [&str; 3] = [
        names::MANAGED_LABEL,
        names::CREATED_BY_LABEL,
        names::DATA_HASH_ANNOTATION,
    ];
    (map.into_iter().flatten())
        .filter(|(name, _)| !OURS.contains(&name.as_str()))
        .map(|(name, value)| Labelled {
            field: Field {
                name: name.as_str().into(),
                owners: owners(name),
            },
            value: ValueHash::of(value),
        })
        .collect()
}
