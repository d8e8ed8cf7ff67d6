//! Shell. Contents of the ConfigMaps and Secrets that hold an object's templates.

use std::sync::Arc;

use tidegate_stages::{Observed, TemplateSourceKind, template_sources};

use super::context::Context;
use super::sources::{SourceKey, SourceKind};

/// Fills in what a render of the object needs, read now: such objects render on a timer of their
/// own, so there is one GET each per refresh. What cannot be read is left out, and the render says
/// so.
pub(super) async fn fill(ctx: &Context, observed: &mut Observed) {
    for source in template_sources(&observed.object) {
        let key = SourceKey {
            kind: match source.kind {
                TemplateSourceKind::ConfigMap => SourceKind::ConfigMap,
                TemplateSourceKind::Secret => SourceKind::Secret,
            },
            namespace: Arc::clone(&observed.key.namespace),
            name: Arc::clone(&source.name),
        };
        match ctx.backends.template(&key).await {
            Ok(content) => {
                observed.templates.insert(source, content.map(Arc::new));
            }
            Err(error) => {
                let (namespace, name) = (&*observed.key.namespace, &*observed.key.name);
                tracing::warn!(namespace, name, %error, "templates not read");
            }
        }
    }
}
