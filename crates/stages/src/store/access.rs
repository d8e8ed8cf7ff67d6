//! Pure. Which namespaces may use a ClusterSecretStore.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use regex::Regex;
use tidegate_api::NamespaceCondition;

/// Whether any condition allows the namespace; none at all allows every one.
///
/// # Errors
/// When a regular expression or a selector cannot be read: then nobody is let in by it.
pub fn allows(
    conditions: &[NamespaceCondition],
    namespace: &str,
    labels: &BTreeMap<String, String>,
) -> Result<bool, String> {
    check(conditions)?;
    Ok(conditions.is_empty()
        || (conditions.iter()).any(|condition| {
            condition.namespaces.iter().any(|name| name == namespace)
                || (condition.namespace_selector.as_ref())
                    .is_some_and(|selector| selects(selector, labels))
                || (condition.namespace_regexes.iter())
                    .filter_map(|regex| Regex::new(regex).ok())
                    .any(|regex| regex.is_match(namespace))
        }))
}

/// Checks that every condition can be read.
pub(super) fn check(conditions: &[NamespaceCondition]) -> Result<(), String> {
    for (position, condition) in conditions.iter().enumerate() {
        for regex in &condition.namespace_regexes {
            if Regex::new(regex).is_err() {
                return Err(format!(
                    "spec.conditions[{position}].namespaceRegexes: \
                     {regex:?} is no regular expression"
                ));
            }
        }
        let requirements = (condition.namespace_selector.iter())
            .filter_map(|selector| selector.match_expressions.as_ref());
        for requirement in requirements.flatten() {
            if !known(requirement) {
                return Err(format!(
                    "spec.conditions[{position}].namespaceSelector: operator {:?} with {} values",
                    requirement.operator,
                    requirement.values.as_ref().map_or(0, Vec::len)
                ));
            }
        }
    }
    Ok(())
}

fn known(requirement: &LabelSelectorRequirement) -> bool {
    let values = !requirement.values.as_ref().is_none_or(Vec::is_empty);
    match requirement.operator.as_str() {
        "In" | "NotIn" => values,
        "Exists" | "DoesNotExist" => !values,
        _ => false,
    }
}

/// A selector without requirements selects everything, as everywhere in Kubernetes.
fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = (selector.match_labels.iter().flatten())
        .all(|(name, value)| labels.get(name) == Some(value));
    equal
        && (selector.match_expressions.iter().flatten()).all(|requirement| {
            let found = labels.get(&requirement.key);
            let listed = || {
                found.is_some_and(|value| requirement.values.iter().flatten().any(|v| v == value))
            };
            match requirement.operator.as_str() {
                "In" => listed(),
                "NotIn" => !listed(),
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                _ => false,
            }
        })
}
