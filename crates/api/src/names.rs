//! Pure. Labels, annotations, finalizers, reasons and messages, equal to ESO's where ESO has one.

/// API group of the stores and ExternalSecrets.
pub const GROUP: &str = "external-secrets.io";
/// Label on every managed target, value [`MANAGED_VALUE`].
pub const MANAGED_LABEL: &str = "reconcile.external-secrets.io/managed";
/// Value of [`MANAGED_LABEL`].
pub const MANAGED_VALUE: &str = "true";
/// Label on targets with creationPolicy Owner; value: hash of `namespace/name` of the owner.
pub const CREATED_BY_LABEL: &str = "reconcile.external-secrets.io/created-by";
/// Annotation with the hash of the target's data.
pub const DATA_HASH_ANNOTATION: &str = "reconcile.external-secrets.io/data-hash";
/// Annotation by which users ask for a sync; any label or annotation change does the same.
pub const FORCE_SYNC_ANNOTATION: &str = "external-secrets.io/force-sync";
/// The finalizer that ESO puts on every ExternalSecret; ours has none for Secret targets.
pub const ESO_FINALIZER: &str = "externalsecrets.external-secrets.io/externalsecret-cleanup";
/// Prefix of the field manager of target writes.
pub const FIELD_MANAGER_PREFIX: &str = "externalsecrets.external-secrets.io/";
/// Annotation on a store that releases removals held by the shrink guard.
pub const RELEASE_REMOVALS_ANNOTATION: &str = "tidegate.io/release-removals";

/// The one condition type that is written.
pub const READY: &str = "Ready";

/// Reason: the Secret equals what is declared.
pub const SECRET_SYNCED: &str = "SecretSynced";
/// Reason: it does not, for the message's cause.
pub const SECRET_SYNCED_ERROR: &str = "SecretSyncedError";
/// Reason: removed, as deletionPolicy Delete asks.
pub const SECRET_DELETED: &str = "SecretDeleted";
/// Reason: creationPolicy Merge and no Secret to merge into.
pub const SECRET_MISSING: &str = "SecretMissing";

/// Message of [`SECRET_SYNCED`].
pub const MSG_SYNCED: &str = "secret synced";
/// Message of [`SECRET_SYNCED`] when nothing was found and the policy is Retain.
pub const MSG_RETAINED: &str = "secret retained due to DeletionPolicy=Retain";
/// Message of [`SECRET_DELETED`].
pub const MSG_DELETED: &str = "secret deleted due to DeletionPolicy=Delete";
/// Message of [`SECRET_MISSING`].
pub const MSG_MISSING: &str = "secret will not be created due to CreationPolicy=Merge";
/// Leading text: nothing could be read.
pub const MSG_GET_DATA: &str = "could not get secret data from provider";
/// Leading text: removal was asked for and is not possible.
pub const MSG_DELETE: &str = "could not delete secret";
/// Leading text: Secrets of an older target name are still there.
pub const MSG_DELETE_ORPHANED: &str = "could not delete orphaned secrets";
/// Leading text: the write or what leads to it failed.
pub const MSG_UPDATE: &str = "could not update secret";
/// Leading text: the target may not change.
pub const MSG_IMMUTABLE: &str = "could not update secret, target is immutable";
/// Leading text: another kind of controller owns the target.
pub const MSG_OWNERSHIP: &str = "failed to take ownership of target secret";
/// Leading text: another ExternalSecret owns the target.
pub const MSG_OWNED: &str = "target is owned by another ExternalSecret";

/// Store reason: usable.
pub const STORE_VALID: &str = "Valid";
/// Store reason: it could not be told.
pub const STORE_VALIDATION_UNKNOWN: &str = "ValidationUnknown";
/// Store reason: not usable.
pub const STORE_INVALID: &str = "InvalidProviderConfig";
/// Message of [`STORE_VALID`].
pub const MSG_STORE_VALID: &str = "store validated";
/// Message of [`STORE_VALIDATION_UNKNOWN`].
pub const MSG_STORE_UNKNOWN: &str = "could not determine validation status";
/// Leading text of [`STORE_INVALID`]: the client could not be made.
pub const MSG_STORE_CLIENT: &str = "unable to create client";
/// Leading text of [`STORE_INVALID`]: backend or credentials were refused.
pub const MSG_STORE_VALIDATE: &str = "unable to validate store";

/// Event reason: a Secret was created.
pub const EVENT_CREATED: &str = "Created";
/// Event reason: a Secret was updated.
pub const EVENT_UPDATED: &str = "Updated";
/// Event reason: a Secret was deleted.
pub const EVENT_DELETED: &str = "Deleted";
/// Event reason: a sync failed.
pub const EVENT_UPDATE_FAILED: &str = "UpdateFailed";
/// Event reason: the backend lacks an entry that the policy allows to be absent.
pub const EVENT_MISSING_PROVIDER_SECRET: &str = "MissingProviderSecret";
