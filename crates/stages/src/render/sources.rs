//! Pure. Which ConfigMaps and Secrets hold an object's templates.

use std::fmt;
use std::sync::Arc;

use tidegate_api::{ExternalSecret, TemplateRef};

/// A ConfigMap or Secret that holds templates.
///
/// It has no namespace that a user could set: it is always looked up in that of the
/// ExternalSecret (P5).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TemplateSourceKey {
    /// Which of the two.
    pub kind: TemplateSourceKind,
    /// Its name.
    pub name: Arc<str>,
}

/// The kinds of objects that hold templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TemplateSourceKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl TemplateSourceKey {
    pub(super) fn of(kind: TemplateSourceKind, reference: &TemplateRef) -> Self {
        Self {
            kind,
            name: reference.name.as_str().into(),
        }
    }
}

impl fmt::Display for TemplateSourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.kind, self.name)
    }
}

/// The objects whose contents a render of `object` needs, sorted, each once.
#[must_use]
pub fn template_sources(object: &ExternalSecret) -> Vec<TemplateSourceKey> {
    use TemplateSourceKind::{ConfigMap, Secret};
    let template = object.spec.target.template.as_ref();
    let mut keys: Vec<TemplateSourceKey> = template
        .into_iter()
        .flat_map(|template| &template.template_from)
        .flat_map(|from| {
            let map = from.config_map.as_ref().map(|map| (ConfigMap, map));
            map.into_iter()
                .chain(from.secret.as_ref().map(|secret| (Secret, secret)))
        })
        .map(|(kind, reference)| TemplateSourceKey::of(kind, reference))
        .collect();
    keys.sort();
    keys.dedup();
    keys
}
