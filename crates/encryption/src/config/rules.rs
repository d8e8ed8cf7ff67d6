//! Pure. The rules by which an API server refuses a configuration, with its own words.

use std::collections::BTreeSet;

use super::read::{Draft, DraftKey, DraftKms, DraftRule, Element};
use super::resource::split;
use super::{Cipher, Finding};

/// Finds everything that an API server of 1.34 refuses; `reload` as its flag says.
pub(super) fn check(draft: &Draft, reload: bool) -> Vec<Finding> {
    let mut rules = Rules {
        found: Vec::new(),
        names: BTreeSet::new(),
        reload,
    };
    if draft.rules.is_empty() {
        rules.required("resources", "at least one resources is required");
    }
    for (i, rule) in draft.rules.iter().enumerate() {
        rules.rule(&format!("resources[{i}]"), rule);
    }
    if rules.found.is_empty() {
        // The API server looks at these only once the rest is in order.
        rules.built(draft);
    }
    rules.found
}

struct Rules {
    found: Vec<Finding>,
    names: BTreeSet<String>,
    reload: bool,
}

impl Rules {
    fn required(&mut self, path: &str, words: &str) {
        let words = format!("Required value: {words}");
        self.found.push(Finding::error(path, words));
    }

    /// The API server prints the value between the two; a value may be a key, so we do not.
    fn invalid(&mut self, path: &str, words: &str) {
        let words = format!("Invalid value: {words}");
        self.found.push(Finding::error(path, words));
    }

    fn rule(&mut self, path: &str, rule: &DraftRule) {
        let (names, providers) = (format!("{path}.resources"), format!("{path}.providers"));
        if rule.resources.is_empty() {
            self.required(&names, &format!("at least one {names} is required"));
        }
        self.overlap(&names, &rule.resources);
        for (i, name) in rule.resources.iter().enumerate() {
            if let Some(words) = bad_name(name) {
                self.invalid(&format!("{names}[{i}]"), words);
            }
        }
        if rule.providers.is_empty() {
            self.required(&providers, &format!("at least one {providers} is required"));
        }
        for (i, element) in rule.providers.iter().enumerate() {
            self.element(&format!("{providers}[{i}]"), element);
        }
    }

    fn overlap(&mut self, path: &str, resources: &[String]) {
        let names: Vec<_> = resources.iter().map(|name| split(name)).collect();
        let pairs = || {
            let indices = 0..names.len();
            indices.flat_map(|i| (0..i).map(move |j| (i, j)))
        };
        if pairs().any(|(i, j)| names[i] == names[j]) {
            self.invalid(path, "the same resource cannot be specified multiple times");
        }
        let masks = |a: (&str, &str), b: (&str, &str)| {
            a != b && (a == ("*", "*") || (a.1 == b.1 && a.0 == "*"))
        };
        if pairs().any(|(i, j)| masks(names[i], names[j]) || masks(names[j], names[i])) {
            self.invalid(
                path,
                "using overlapping resources such as 'secrets' and '*.' in the same resource list \
                 is not allowed as they will be masked",
            );
        }
    }

    fn element(&mut self, path: &str, element: &Element) {
        let members = usize::from(element.kms.is_some())
            + element.local.len()
            + usize::from(element.identity);
        match members {
            0 => self.invalid(
                path,
                "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, \
                 Secretbox, Identity",
            ),
            1 => {}
            _ => self.invalid(
                path,
                "more than one provider specified in a single element, should split into \
                 different list elements",
            ),
        }
        // Of several, the API server looks at one, in this order.
        if let Some(kms) = &element.kms {
            self.kms(&format!("{path}.kms"), kms);
            self.names.insert(kms.name.clone());
            return;
        }
        for cipher in [Cipher::AesGcm, Cipher::AesCbc, Cipher::Secretbox] {
            if let Some((_, keys)) = element.local.iter().find(|(one, _)| *one == cipher) {
                return self.keys(&format!("{path}.{}.keys", cipher.name()), cipher, keys);
            }
        }
    }

    fn keys(&mut self, path: &str, cipher: Cipher, keys: &[DraftKey]) {
        if keys.is_empty() {
            self.required(path, "at least one keys is required");
        }
        for (i, key) in keys.iter().enumerate() {
            let path = format!("{path}[{i}]");
            if key.name.is_empty() {
                self.required(
                    &format!("{path}.name"),
                    "name is a mandatory field for a key",
                );
            }
            let path = format!("{path}.secret");
            if key.secret.is_empty() {
                self.required(&path, "secret is a mandatory field for a key");
                continue;
            }
            match key.decoded() {
                None => self.invalid(&path, "secrets must be base64 encoded"),
                Some(secret) if !cipher.key_sizes().contains(&secret.len()) => {
                    let sizes = cipher.key_sizes().iter().map(ToString::to_string);
                    let sizes = sizes.collect::<Vec<_>>().join(" ");
                    let words = format!(
                        "secret is not of the expected length, got {}, expected one of [{sizes}]",
                        secret.len()
                    );
                    self.invalid(&path, &words);
                }
                Some(_) => {}
            }
        }
    }

    fn kms(&mut self, path: &str, kms: &DraftKms) {
        let (name, v1) = (format!("{path}.name"), kms.api_version == "v1");
        if kms.name.is_empty() {
            self.required(&name, "name is a mandatory field for a provider");
        }
        if !v1 && kms.name.contains(':') {
            let words = format!(
                "invalid KMS provider name {}, must not contain ':'",
                kms.name
            );
            self.invalid(&name, &words);
        }
        if (self.reload || !v1) && self.names.contains(&kms.name) {
            let words = format!(
                "duplicate KMS provider name {}, names must be unique",
                kms.name
            );
            self.invalid(&name, &words);
        }
        if kms.timeout <= 0 {
            self.invalid(
                &format!("{path}.timeout"),
                "timeout should be a positive value",
            );
        }
        if let Some(words) = bad_endpoint(&kms.endpoint) {
            self.invalid(&format!("{path}.endpoint"), &words);
        }
        let size = format!("{path}.cachesize");
        match kms.cache_size {
            Some(_) if !v1 => self.invalid(&size, "cachesize is not supported in v2"),
            Some(0) => self.invalid(
                &size,
                "cachesize should be a positive value, or negative to disable",
            ),
            _ => {}
        }
        if !v1 && kms.api_version != "v2" {
            let words = "unsupported apiVersion apiVersion for KMS provider, only v1 and v2 are \
                         supported";
            self.invalid(&format!("{path}.apiVersion"), words);
        }
    }

    /// What goes wrong while the providers are built: masked rules, version 1 of KMS.
    fn built(&mut self, draft: &Draft) {
        let mut wildcards: Vec<&str> = Vec::new();
        for rule in &draft.rules {
            let v1 = |element: &Element| {
                let kms = element.kms.as_ref();
                kms.is_some_and(|kms| kms.api_version == "v1")
            };
            if rule.providers.iter().any(v1) {
                let words = "KMSv1 is deprecated and will only receive security updates going \
                             forward. Use KMSv2 instead.  Set --feature-gates=KMSv1=true to use \
                             the deprecated KMSv1 feature.";
                self.found.push(Finding::error("", words));
                return;
            }
            for name in &rule.resources {
                let group = format!("*.{}", split(name).1);
                let mask = wildcards
                    .iter()
                    .find(|one| **one == group || **one == "*.*");
                if let Some(mask) = mask {
                    let words = format!("resource {name:?} is masked by earlier rule {mask:?}");
                    self.found.push(Finding::error("", words));
                    return;
                }
                if name.starts_with('*') {
                    wildcards.push(name);
                }
            }
        }
    }
}

fn bad_name(name: &str) -> Option<&'static str> {
    let (resource, group) = split(name);
    if name.to_lowercase() != name {
        return Some("resource name should not contain capital letters");
    }
    if name == "*" {
        return Some(
            "use '*.' to encrypt all the resources from core API group or *.* to encrypt all \
             resources",
        );
    }
    if [
        "apiserveripinfo",
        "serviceipallocations",
        "servicenodeportallocations",
    ]
    .contains(&name)
    {
        return Some("resources which do not have REST API/s cannot be encrypted");
    }
    match group {
        "events.k8s.io" => Some(
            "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use \
             'events' instead in the config file",
        ),
        "extensions" => {
            Some("'extensions' group has been removed and cannot be used for encryption")
        }
        "*" if resource != "*" => {
            Some("encrypting the same resource across groups is not supported")
        }
        _ => None,
    }
}

fn bad_endpoint(endpoint: &str) -> Option<String> {
    if endpoint.is_empty() {
        return Some("endpoint is a mandatory field for a kms".to_owned());
    }
    if endpoint.bytes().any(|b| b.is_ascii_control()) || endpoint.starts_with(':') {
        // Behind this colon stands the URL parser's own message.
        return Some("invalid endpoint for kms provider, error: ".to_owned());
    }
    let scheme = match endpoint.split_once(':') {
        Some((scheme, _)) if is_scheme(scheme) => scheme.to_lowercase(),
        _ => String::new(),
    };
    (scheme != "unix")
        .then(|| format!("unsupported scheme {scheme:?} for KMS provider, only unix is supported"))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}
