//! Pure. A template rendered without a cluster and a backend: the same engine, told in full.

use std::collections::BTreeMap;

use tidegate_api::Template;
use tidegate_contract::SecretValue;

use super::sources::{self, TemplateSourceKey};
use super::{Desired, Face, Seed, TemplateSources, Templates, Tools, fits, template};
use crate::Env;
use crate::outcome::SyncError;

/// What an offline command renders from.
pub struct Offline<'a> {
    /// The template.
    pub template: &'a Template,
    /// What the backend would have given.
    pub data: BTreeMap<String, SecretValue>,
    /// Contents of the objects that `templateFrom` names ([`Offline::sources`]).
    pub sources: &'a TemplateSources,
    /// Delimiters, and what was parsed so far.
    pub templates: &'a Templates,
    /// Whether errors are Go's own text, which may quote values.
    pub full: bool,
}

impl Offline<'_> {
    /// The objects whose contents a template needs, sorted, each once.
    #[must_use]
    pub fn sources(template: &Template) -> Vec<TemplateSourceKey> {
        sources::of_template(template)
    }

    /// Renders as the controller does.
    ///
    /// # Errors
    /// The first text that failed, by its place in the template; or a key or size that the API
    /// server would refuse.
    pub fn render(self, env: &Env, seed: &Seed) -> Result<Desired, SyncError> {
        let tools = Tools {
            env,
            seed,
            templates: self.templates,
            face: if self.full { Face::Full } else { Face::Public },
        };
        let mut desired = Desired {
            data: self.data,
            ..Desired::default()
        };
        template::render(&mut desired, self.template, self.sources, &tools)?;
        fits(&desired.data, Some(self.template))?;
        Ok(desired)
    }
}
