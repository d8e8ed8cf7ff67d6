//! Pure. The resource types of external-secrets.io, their defaults, conditions and names.

mod condition;
mod duration;
mod external_secret;
pub mod names;
mod secret_store;
mod selector;
mod template;
pub mod vault;

pub use condition::{Condition, StoreCondition};
pub use duration::{DurationError, GoDuration};
pub use external_secret::{
    Binding, ConversionStrategy, CreationPolicy, Data, DataFrom, DecodingStrategy, DeletionPolicy,
    ExternalSecret, ExternalSecretSpec, ExternalSecretStatus, FindName, FindRef, GeneratorRef,
    MergeConflictPolicy, MergePriorityPolicy, MergeStrategy, MetadataPolicy, NullBytePolicy,
    RefreshPolicy, RemoteRef, Rewrite, RewriteMerge, RewriteRegexp, RewriteTransform, SourceRef,
    StoreKind, StoreRef, SyncWindow, SyncWindowKind, SyncWindows, Target, TargetManifest,
};
pub use secret_store::{
    ClusterSecretStore, ClusterSecretStoreSpec, FakeData, FakeProvider, IntOrDuration,
    NamespaceCondition, ProviderSpec, RetrySettings, SecretStore, SecretStoreSpec, StoreStatus,
};
pub use selector::{CaProvider, CaProviderKind, SecretKeySelector, ServiceAccountSelector};
pub use template::{
    Template, TemplateFrom, TemplateItem, TemplateMergePolicy, TemplateMetadata, TemplateRef,
    TemplateScope,
};
