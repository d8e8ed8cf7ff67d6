//! Pure. What ESO's webhook refuses, and what this version does not serve.

use std::collections::BTreeSet;

use tidegate_api::{
    CreationPolicy, DataFrom, DeletionPolicy, ExternalSecretSpec, Rewrite, SourceRef, Template,
    names,
};

use crate::outcome::SyncError;
use crate::render::Target;

/// Checks a spec without looking at anything else. The first defect wins.
pub(super) fn check(spec: &ExternalSecretSpec) -> Result<(), SyncError> {
    policies(spec)?;
    if spec.data.is_empty() && spec.data_from.is_empty() {
        return refuse("spec needs data or dataFrom");
    }
    if spec.target.manifest.is_some() {
        return Err(SyncError::defect(
            "invalid generic target",
            "spec.target.manifest is not served by this version",
        ));
    }
    if let Some(template) = &spec.target.template {
        self::template(template)?;
    }
    for (position, from) in spec.data_from.iter().enumerate() {
        data_from(position, from)?;
    }
    for (position, data) in spec.data.iter().enumerate() {
        let source = data.source_ref.as_ref();
        source_ref(&format!("spec.data[{position}]"), source)?;
        if source.is_some_and(|source| source.generator_ref.is_some()) {
            return refuse(format!(
                "spec.data[{position}].sourceRef.generatorRef is not possible; \
                 generators feed dataFrom"
            ));
        }
    }
    duplicates(spec)
}

fn refuse<T>(detail: impl Into<String>) -> Result<T, SyncError> {
    Err(SyncError::defect(names::MSG_UPDATE, detail.into()))
}

fn policies(spec: &ExternalSecretSpec) -> Result<(), SyncError> {
    let (deletion, creation) = (spec.target.deletion_policy, spec.target.creation_policy);
    match (deletion, creation) {
        (
            DeletionPolicy::Delete,
            CreationPolicy::Merge | CreationPolicy::None | CreationPolicy::CreateOrMerge,
        )
        | (DeletionPolicy::Merge, CreationPolicy::None) => refuse(format!(
            "deletionPolicy={deletion:?} must not be used with creationPolicy={creation:?}"
        )),
        _ => Ok(()),
    }
}

fn data_from(position: usize, from: &DataFrom) -> Result<(), SyncError> {
    let at = format!("spec.dataFrom[{position}]");
    source_ref(&at, from.source_ref.as_ref())?;
    let generator = (from.source_ref.as_ref()).is_some_and(|source| source.generator_ref.is_some());
    let kinds = [from.extract.is_some(), from.find.is_some(), generator];
    match kinds.iter().filter(|set| **set).count() {
        0 => {
            return refuse(format!(
                "{at} needs extract, find or sourceRef.generatorRef"
            ));
        }
        1 => {}
        _ => {
            return refuse(format!(
                "{at} may have only one of extract, find and sourceRef.generatorRef"
            ));
        }
    }
    let unserved = [
        (from.find.is_some(), "find"),
        (generator, "sourceRef.generatorRef"),
    ];
    if let Some((_, name)) = unserved.iter().find(|(set, _)| *set) {
        return refuse(format!("{at}.{name} is not served by this version"));
    }
    let one = |rewrite: &Rewrite| {
        let kinds = [
            rewrite.regexp.is_some(),
            rewrite.transform.is_some(),
            rewrite.merge.is_some(),
        ];
        kinds.iter().filter(|set| **set).count() == 1
    };
    match from.rewrite.iter().position(|rewrite| !one(rewrite)) {
        Some(position) => refuse(format!(
            "{at}.rewrite[{position}] needs exactly one of regexp, transform and merge"
        )),
        None => Ok(()),
    }
}

/// The API server, or a controller of Kubernetes, acts on some types and annotations: a template
/// must not be a way to a token of somebody else.
fn template(template: &Template) -> Result<(), SyncError> {
    let at = "spec.target.template";
    if template.engine_version != "v2" {
        return refuse(format!("{at}.engineVersion must be v2"));
    }
    for (position, from) in template.template_from.iter().enumerate() {
        if Target::of(&from.target).is_none() {
            return refuse(format!(
                "{at}.templateFrom[{position}].target {:?} is none of Data, Annotations and Labels",
                from.target
            ));
        }
    }
    match template.type_.as_deref() {
        Some(kind @ "bootstrap.kubernetes.io/token") => {
            refuse(format!("{at}.type {kind} is not allowed"))
        }
        Some(kind @ "kubernetes.io/service-account-token") => {
            let annotated = (template.metadata.iter())
                .any(|metadata| metadata.annotations.contains_key(SERVICE_ACCOUNT))
                || (template.template_from.iter())
                    .any(|from| Target::of(&from.target) == Some(Target::Annotations));
            if annotated {
                return refuse(format!(
                    "{at}.type {kind} is not allowed with the annotation {SERVICE_ACCOUNT}, \
                     nor with templateFrom into annotations"
                ));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

const SERVICE_ACCOUNT: &str = "kubernetes.io/service-account.name";

fn source_ref(at: &str, source: Option<&SourceRef>) -> Result<(), SyncError> {
    match source.map(|source| (&source.store_ref, &source.generator_ref)) {
        Some((None, None)) => refuse(format!("{at}.sourceRef needs storeRef or generatorRef")),
        Some((Some(_), Some(_))) => refuse(format!(
            "{at}.sourceRef may have only one of storeRef and generatorRef"
        )),
        _ => Ok(()),
    }
}

/// With Retain every entry must be found, so two for one key can only be a mistake.
fn duplicates(spec: &ExternalSecretSpec) -> Result<(), SyncError> {
    if spec.target.deletion_policy != DeletionPolicy::Retain {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    match spec.data.iter().find(|data| !seen.insert(&data.secret_key)) {
        Some(data) => refuse(format!(
            "duplicate secretKey {:?} in spec.data",
            data.secret_key
        )),
        None => Ok(()),
    }
}
