//! Pure. The resource types of external-secrets.io, their defaults, conditions and names.

mod condition;
pub mod crd;
mod data;
mod data_from;
mod duration;
mod external_secret;
pub mod names;
mod secret_store;
mod selector;
mod template;
pub mod vault;
pub mod vault_cloud;

pub use condition::{Condition, StoreCondition};
pub use data::{
    ConversionStrategy, Data, DecodingStrategy, GeneratorRef, MetadataPolicy, NullBytePolicy,
    RemoteRef, SourceRef,
};
pub use data_from::{
    DataFrom, FindName, FindRef, MergeConflictPolicy, MergePriorityPolicy, MergeStrategy, Rewrite,
    RewriteMerge, RewriteRegexp, RewriteTransform,
};
pub use duration::{DurationError, GoDuration};
pub use external_secret::{
    Binding, CreationPolicy, DeletionPolicy, ExternalSecret, ExternalSecretSpec,
    ExternalSecretStatus, RefreshPolicy, StoreKind, StoreRef, SyncWindow, SyncWindowKind,
    SyncWindows, Target, TargetManifest,
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
