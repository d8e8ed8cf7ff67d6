//! Pure. Which ConfigMaps and Secrets hold an object's templates.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tidegate_api::{ExternalSecret, Template, TemplateRef};
use tidegate_contract::SecretValue;

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

/// Contents of the objects that hold templates; `None` for one that does not exist.
pub type TemplateSources = BTreeMap<TemplateSourceKey, Option<Arc<BTreeMap<String, SecretValue>>>>;

/// The kinds of objects that hold templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TemplateSourceKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl TemplateSourceKey {
    /// The object that a template names.
    #[must_use]
    pub fn of(kind: TemplateSourceKind, reference: &TemplateRef) -> Self {
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
    let template = object.spec.target.template.as_ref();
    template.map(of_template).unwrap_or_default()
}

/// The objects whose contents a template needs, sorted, each once.
pub(super) fn of_template(template: &Template) -> Vec<TemplateSourceKey> {
    use TemplateSourceKind::{ConfigMap, Secret};
    let mut keys: Vec<TemplateSourceKey> = (template.template_from.iter())
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
