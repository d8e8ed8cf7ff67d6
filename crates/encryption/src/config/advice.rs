//! Pure. What an API server accepts and still should not stand in a configuration.

use std::collections::BTreeMap;

use super::make::{RESOURCES, warning};
use super::{Configuration, Finding, Provider, Rule};

/// Warns of everything that leaves data in the clear, hurts later or misleads.
#[must_use]
pub fn advise(config: &Configuration) -> Vec<Finding> {
    let mut found = Vec::new();
    for (i, rule) in config.rules.iter().enumerate() {
        order(&mut found, &format!("resources[{i}].providers"), rule);
        keys(&mut found, &format!("resources[{i}].providers"), rule);
    }
    for resource in RESOURCES {
        if config.rule_of(resource).is_none() {
            let words = format!("{resource} are stored in the clear: no rule names them");
            found.push(Finding::warning("resources", words));
        }
    }
    found
}

fn order(found: &mut Vec<Finding>, path: &str, rule: &Rule) {
    if rule.providers.first() == Some(&Provider::Identity) {
        let words = format!(
            "identity is first: {} are written in the clear",
            rule.resources.join(", ")
        );
        found.push(Finding::warning(format!("{path}[0]"), words));
    }
    if let Some(Provider::Local(cipher, _)) = rule.providers.first()
        && let Some(words) = warning(*cipher)
    {
        found.push(Finding::warning(format!("{path}[0]"), words));
    }
    let late = rule
        .providers
        .iter()
        .rposition(|one| *one == Provider::Identity);
    if let Some(at) = late.filter(|at| *at > 0) {
        let words = "identity still lets values be read that were stored in the clear: remove it \
                     once `tidegate encryption verify` finds none";
        found.push(Finding::warning(format!("{path}[{at}]"), words));
    }
    for (i, provider) in rule.providers.iter().enumerate() {
        if let Provider::Kms(kms) = provider {
            if kms.endpoint.starts_with("unix:///@") || kms.endpoint.starts_with("unix://@") {
                let words = "an abstract socket has no file mode: any process of the host may \
                             answer as the plugin";
                found.push(Finding::warning(format!("{path}[{i}].kms.endpoint"), words));
            }
            if kms.timeout.as_secs() > 10 {
                let words = "a plugin that hangs holds up each request for this long";
                found.push(Finding::warning(format!("{path}[{i}].kms.timeout"), words));
            }
        }
    }
}

fn keys(found: &mut Vec<Finding>, path: &str, rule: &Rule) {
    let mut names = BTreeMap::new();
    let mut secrets: Vec<(&[u8], String)> = Vec::new();
    for (i, provider) in rule.providers.iter().enumerate() {
        let Provider::Local(cipher, keys) = provider else {
            continue;
        };
        for (j, key) in keys.iter().enumerate() {
            let path = format!("{path}[{i}].{}.keys[{j}]", cipher.name());
            if let Some(first) = names.insert((cipher.name(), key.name.clone()), path.clone()) {
                let words = format!("the name stands at {first} too: values say only the name");
                found.push(Finding::warning(format!("{path}.name"), words));
            }
            match secrets
                .iter()
                .find(|(one, _)| *one == key.secret.as_slice())
            {
                Some((_, first)) => {
                    let words = format!("the same key as {first}: rotating to it changes nothing");
                    found.push(Finding::warning(format!("{path}.secret"), words));
                }
                None => secrets.push((&key.secret, path.clone())),
            }
            if key.name.contains(':') {
                let words = "a ':' in the name makes stored values ambiguous";
                found.push(Finding::warning(format!("{path}.name"), words));
            }
            if key.secret.len() < 32 {
                let words = format!("{} bytes: use 32", key.secret.len());
                found.push(Finding::warning(format!("{path}.secret"), words));
            }
            if key
                .secret
                .iter()
                .all(|byte| Some(byte) == key.secret.first())
            {
                let words = "one byte repeated is no key";
                found.push(Finding::warning(format!("{path}.secret"), words));
            }
        }
    }
}
