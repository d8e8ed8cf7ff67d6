//! Pure. CEL rules: what ESO's admission webhook rejects, said without a webhook.
//!
//! The API server bounds the estimated cost of a rule by 10 million, and multiplies it by the
//! length a list may have: about a million for a list of objects without a limit. So rules of list
//! items stay below ten steps, and what would need a loop over texts (targets of `templateFrom`,
//! repeated keys in `data`) is left to the controller, which says it in a condition. So is an
//! ExternalSecret that asks for nothing: ESO's definitions take it, and its documentation has some.

use serde_json::{Value, json};

/// Which policies and templates of a target go together.
pub(crate) fn target() -> Value {
    rules(&[
        (
            "!(has(self.deletionPolicy) && self.deletionPolicy == 'Delete' && \
             has(self.creationPolicy) && \
             self.creationPolicy in ['Merge', 'None', 'CreateOrMerge'])",
            "deletionPolicy=Delete must not be used with creationPolicy=Merge, None or \
             CreateOrMerge: there is no Secret of its own to delete",
        ),
        (
            "!(has(self.deletionPolicy) && self.deletionPolicy == 'Merge' && \
             has(self.creationPolicy) && self.creationPolicy == 'None')",
            "deletionPolicy=Merge must not be used with creationPolicy=None: there is no Secret \
             to merge with",
        ),
        (
            "!(has(self.template) && has(self.template.type) && \
             self.template.type == 'bootstrap.kubernetes.io/token')",
            "template.type bootstrap.kubernetes.io/token is not allowed",
        ),
        (
            "!(has(self.template) && has(self.template.type) && \
             self.template.type == 'kubernetes.io/service-account-token' && \
             has(self.template.metadata) && has(self.template.metadata.annotations) && \
             'kubernetes.io/service-account.name' in self.template.metadata.annotations)",
            "template.type kubernetes.io/service-account-token must not be used with the \
             annotation kubernetes.io/service-account.name",
        ),
    ])
}

/// What one entry of `dataFrom` must and must not have.
pub(crate) fn data_from() -> Value {
    rules(&[
        (
            "has(self.extract) || has(self.find) || has(self.sourceRef)",
            "one of extract, find and sourceRef is needed",
        ),
        (
            "!has(self.extract) || !has(self.find)",
            "extract and find exclude each other",
        ),
        (
            "has(self.sourceRef) && has(self.sourceRef.generatorRef) ? \
             !(has(self.extract) || has(self.find)) : true",
            "sourceRef.generatorRef excludes extract and find",
        ),
    ])
}

/// The default of `spec.target`.
pub(crate) fn default_target() -> Value {
    json!({ "creationPolicy": "Owner", "deletionPolicy": "Retain" })
}

fn rules(rules: &[(&str, &str)]) -> Value {
    let rule = |(rule, message): &(&str, &str)| json!({ "rule": rule, "message": message });
    rules.iter().map(rule).collect()
}
