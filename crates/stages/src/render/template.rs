//! Pure. `target.template`: provider values to the data and metadata of the Secret.

mod run;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tidegate_api::{Template, TemplateFrom, TemplateScope};
use tidegate_contract::SecretValue;

use super::sources::{TemplateSourceKey, TemplateSourceKind};
use super::{Desired, TemplateSources, Templates, Tools};
use crate::Observed;
use crate::outcome::SyncError;
use run::{Made, Run};

/// What the texts of literals and of rewrites are called in errors.
const LITERAL: &str = "literal";
pub(super) const TRANSFORM: &str = "transform";

/// What a template makes of the Secret beside its data.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Its type.
    pub type_: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Finalizers to add.
    pub finalizers: Vec<String>,
}

impl fmt::Debug for Shape {
    /// Labels and annotations may be made of values, so names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shape")
            .field("type", &self.type_)
            .field("labels", &self.labels.keys())
            .field("annotations", &self.annotations.keys())
            .field("finalizers", &self.finalizers)
            .finish()
    }
}

impl Shape {
    /// The shape of a template whose metadata has no action to render; `None` for others.
    pub(crate) fn fixed(template: &Template, templates: &Templates) -> Option<Self> {
        let data_only = |from: &TemplateFrom| Target::of(&from.target) == Some(Target::Data);
        let metadata = template.metadata.clone().unwrap_or_default();
        let rendered = (metadata.labels.values())
            .chain(metadata.annotations.values())
            .any(|text| templates.has_action(text.as_bytes()));
        (!rendered && template.template_from.iter().all(data_only)).then(|| Self {
            type_: template.type_.clone(),
            labels: metadata.labels,
            annotations: metadata.annotations,
            finalizers: metadata.finalizers,
        })
    }
}

/// Where rendered values go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Data,
    Labels,
    Annotations,
}

impl Target {
    /// The targets of a Secret, in any case; empty is Data.
    pub(crate) fn of(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "" | "data" => Some(Self::Data),
            "labels" => Some(Self::Labels),
            "annotations" => Some(Self::Annotations),
            _ => None,
        }
    }
}

/// Renders the template over the provider's values, which stay beside its own keys only where it
/// says so.
///
/// # Errors
/// The first template that failed, by its place in the spec.
pub(super) fn apply(
    desired: &mut Desired,
    observed: &Observed,
    tools: &Tools<'_>,
) -> Result<(), SyncError> {
    match &observed.object.spec.target.template {
        Some(template) => render(desired, template, &observed.templates, tools),
        None => Ok(()),
    }
}

/// Renders one template over the values in `desired`.
///
/// # Errors
/// As [`apply`].
pub(super) fn render(
    desired: &mut Desired,
    template: &Template,
    sources: &TemplateSources,
    tools: &Tools<'_>,
) -> Result<(), SyncError> {
    let (made, volatile) = Run::new(template, sources, tools, &desired.data).whole()?;
    let legacy = if desired.legacy.is_empty() || volatile {
        None
    } else {
        let mut data = desired.data.clone();
        data.extend((desired.legacy.iter()).map(|(key, value)| (key.clone(), value.clone())));
        // Where the rounded numbers of ESO fail there is nothing that could count as equal.
        let run = Run::new(template, sources, tools, &data);
        run.whole().ok().map(|(made, _)| made.data)
    };
    desired.legacy = differing(legacy.unwrap_or_default(), &made.data);
    let Made {
        data,
        labels,
        annotations,
        ..
    } = made;
    desired.data = data;
    desired.shape = Some(Shape {
        type_: template.type_.clone(),
        labels,
        annotations,
        finalizers: (template.metadata.as_ref())
            .map(|metadata| metadata.finalizers.clone())
            .unwrap_or_default(),
    });
    Ok(())
}

fn differing(
    legacy: BTreeMap<String, SecretValue>,
    exact: &BTreeMap<String, SecretValue>,
) -> BTreeMap<String, SecretValue> {
    (legacy.into_iter())
        .filter(|(key, value)| exact.get(key).is_some_and(|exact| exact != value))
        .collect()
}

/// Whether keys of the data come out of a template, and so perhaps out of a value.
pub(super) fn makes_keys(template: &Template) -> bool {
    template.template_from.iter().any(|from| {
        from.literal.is_some()
            || (from.config_map.iter().chain(&from.secret))
                .flat_map(|source| &source.items)
                .any(|item| item.template_as == TemplateScope::KeysAndValues)
    })
}

/// Whether a template of the object gives something else at each render, because it draws random
/// bytes or asks for the time.
pub(crate) fn volatile(observed: &Observed) -> bool {
    let spec = &observed.object.spec;
    let templates = &observed.config.templates;
    // One that does not parse renders nothing.
    let draws = |parsed: Result<Arc<gotpl::Template>, gotpl::ParseError>| {
        parsed.is_ok_and(|template| template.uses_random_or_time())
    };
    let transforms = (spec.data_from.iter())
        .flat_map(|from| &from.rewrite)
        .filter_map(|rewrite| Some(rewrite.transform.as_ref()?.template.as_bytes()));
    if transforms
        .into_iter()
        .any(|text| draws(templates.transform(TRANSFORM, text)))
    {
        return true;
    }
    let Some(template) = &spec.target.template else {
        return false;
    };
    let metadata = (template.metadata.iter())
        .flat_map(|metadata| metadata.labels.iter().chain(&metadata.annotations));
    let own = (template.data.iter().chain(metadata)).map(|(key, text)| (&**key, text.as_bytes()));
    let literals = (template.template_from.iter())
        .filter_map(|from| Some((LITERAL, from.literal.as_ref()?.as_bytes())));
    let elsewhere =
        (template.template_from.iter()).flat_map(|from| source_texts(from, &observed.templates));
    // A text without actions is not worth parsing.
    (own.chain(literals).chain(elsewhere))
        .any(|(name, text)| templates.has_action(text) && draws(templates.text(name, text)))
}

fn source_texts<'a>(
    from: &'a TemplateFrom,
    sources: &'a TemplateSources,
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    let map = (from.config_map.iter()).map(|map| (TemplateSourceKind::ConfigMap, map));
    let secret = (from.secret.iter()).map(|secret| (TemplateSourceKind::Secret, secret));
    map.chain(secret).flat_map(|(kind, source)| {
        let key = TemplateSourceKey::of(kind, source);
        let contents = sources.get(&key).and_then(Option::as_ref);
        (source.items.iter())
            .filter_map(move |item| Some((&*item.key, contents?.get(&item.key)?.expose())))
    })
}
