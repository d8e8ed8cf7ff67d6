//! Pure. Which values an ExternalSecret asks for, and whether its stores may be read.

use tidegate_api::{ExternalSecretSpec, MetadataPolicy, RemoteRef, SourceRef, StoreKind, names};
use tidegate_contract::RemoteKey;

use super::{Entry, PlannedRead};
use crate::outcome::{Retry, SyncError};
use crate::{Observed, StoreKey, StoreView, store};

/// Every read of the object, in the order its answers are applied, or the first fault of a store.
///
/// # Errors
/// When an entry names no store, or its store is missing, not usable, or closed to the namespace.
pub fn planned_reads(observed: &Observed) -> Result<Vec<PlannedRead>, SyncError> {
    let spec = &observed.object.spec;
    let mut reads = Vec::with_capacity(spec.data.len() + spec.data_from.len());
    for (position, from) in spec.data_from.iter().enumerate() {
        if let Some(remote) = &from.extract {
            let entry = Entry::Extract(position);
            reads.push(read(observed, entry, remote, from.source_ref.as_ref())?);
        }
    }
    for (position, data) in spec.data.iter().enumerate() {
        let entry = Entry::Data(position);
        reads.push(read(
            observed,
            entry,
            &data.remote_ref,
            data.source_ref.as_ref(),
        )?);
    }
    Ok(reads)
}

impl Entry {
    /// ESO's words for a failure of this entry; `cause` is free of values.
    pub(crate) fn failing(self, remote: &RemoteRef, cause: &str) -> String {
        match self {
            Self::Extract(at) => format!(
                "error processing spec.dataFrom[{at}].extract, err: {cause} (key: {})",
                remote.key
            ),
            Self::Data(at) => format!(
                "error processing spec.data[{at}] (key: {}), err: {cause}",
                remote.key
            ),
        }
    }

    /// Where it stands in the spec.
    pub(crate) fn position(self, remote: &RemoteRef) -> String {
        match self {
            Self::Extract(at) => format!("spec.dataFrom[{at}] (key={})", remote.key),
            Self::Data(at) => format!("spec.data[{at}] (key={})", remote.key),
        }
    }

    /// The reference it reads.
    pub(crate) fn remote(self, spec: &ExternalSecretSpec) -> Option<&RemoteRef> {
        match self {
            Self::Extract(at) => spec.data_from.get(at)?.extract.as_ref(),
            Self::Data(at) => Some(&spec.data.get(at)?.remote_ref),
        }
    }
}

fn read(
    observed: &Observed,
    entry: Entry,
    remote: &RemoteRef,
    source: Option<&SourceRef>,
) -> Result<PlannedRead, SyncError> {
    let fail = |cause: &str, retry: Retry| SyncError {
        lead: names::MSG_GET_DATA,
        detail: entry.failing(remote, cause).into(),
        retry,
        label: "store",
    };
    let reference = (source.and_then(|source| source.store_ref.as_ref())).or(observed
        .object
        .spec
        .secret_store_ref
        .as_ref());
    let Some(store) = reference.and_then(StoreKey::of) else {
        return Err(fail("no store is named", Retry::OnChange));
    };
    let Some(StoreView::Present { spec, usable }) = observed.stores.get(&store) else {
        return Err(fail(&format!("{store} does not exist"), Retry::OnChange));
    };
    if store.kind == StoreKind::ClusterSecretStore {
        let namespace = &*observed.key.namespace;
        let allowed = store::allows(&spec.conditions, namespace, &observed.namespace.labels);
        if !allowed.map_err(|cause| fail(&format!("{store}: {cause}"), Retry::OnChange))? {
            let cause = format!(
                "using {store} is not allowed from namespace {namespace:?}: \
                 denied by spec.condition"
            );
            return Err(fail(&cause, Retry::OnChange));
        }
    }
    if let Err(fault) = usable {
        return Err(fail(&format!("{store}: {}", fault.public), fault.retry));
    }
    let key = RemoteKey {
        key: remote.key.clone(),
        version: remote.version.clone().filter(|version| !version.is_empty()),
        metadata: remote.metadata_policy == Some(MetadataPolicy::Fetch),
        property: None,
    };
    Ok(PlannedRead {
        entry,
        store,
        key,
        fresh: false,
    })
}
