//! Pure. The three edits of a rotation: the new key second, the new key first, the old key gone.

use super::{Cipher, Configuration, Key, Provider, Rule};

/// Who writes: a provider and, for local keys, the key. Its text is what stored values begin with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Writer {
    /// Plaintext.
    Identity,
    /// A plugin: API version and name.
    Kms(String, String),
    /// A local key by cipher and name.
    Local(Cipher, String),
}

impl std::fmt::Display for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Identity => write!(f, "identity"),
            Self::Kms(version, name) => write!(f, "kms:{version}:{name}"),
            Self::Local(cipher, name) => write!(f, "{}:v1:{name}", cipher.name()),
        }
    }
}

impl Rule {
    /// Who writes under this rule.
    #[must_use]
    pub fn writer(&self) -> Writer {
        self.providers.first().map_or(Writer::Identity, first)
    }

    /// Everyone who reads under this rule, the writer first.
    #[must_use]
    pub fn readers(&self) -> Vec<Writer> {
        self.providers.iter().flat_map(writers).collect()
    }
}

fn first(provider: &Provider) -> Writer {
    writers(provider)
        .into_iter()
        .next()
        .unwrap_or(Writer::Identity)
}

fn writers(provider: &Provider) -> Vec<Writer> {
    match provider {
        Provider::Identity => vec![Writer::Identity],
        Provider::Kms(kms) => vec![Writer::Kms(kms.api_version.clone(), kms.name.clone())],
        Provider::Local(cipher, keys) => {
            let named = |key: &Key| Writer::Local(*cipher, key.name.clone());
            keys.iter().map(named).collect()
        }
    }
}

/// Adds `new` right behind the writer of every rule, so that every server learns to read it
/// before any server writes it.
#[must_use]
pub fn add(config: &Configuration, new: &Provider) -> Configuration {
    each(config, |rule| match (rule.providers.first_mut(), new) {
        (Some(Provider::Local(cipher, keys)), Provider::Local(other, fresh)) if cipher == other => {
            keys.splice(1..1, fresh.iter().cloned());
        }
        _ => rule
            .providers
            .insert(1.min(rule.providers.len()), new.clone()),
    })
}

/// Makes what stands second the writer, keeping the old writer readable.
#[must_use]
pub fn promote(config: &Configuration, to: &Writer) -> Configuration {
    each(config, |rule| {
        let holds = |provider: &Provider| writers(provider).contains(to);
        let Some(at) = rule.providers.iter().position(holds) else {
            return;
        };
        if let (Provider::Local(_, keys), Writer::Local(_, name)) = (&mut rule.providers[at], to)
            && let Some(key) = keys.iter().position(|key| key.name == *name)
        {
            keys[..=key].rotate_right(1);
        }
        rule.providers[..=at].rotate_right(1);
    })
}

/// Removes old writers; `keep` is never removed, and no rule is left without a provider.
#[must_use]
pub fn drop_writers(config: &Configuration, old: &[Writer], keep: &Writer) -> Configuration {
    let goes = |writer: &Writer| old.contains(writer) && writer != keep;
    each(config, |rule| {
        rule.providers.retain_mut(|provider| {
            if let Provider::Local(cipher, keys) = provider {
                let cipher = *cipher;
                keys.retain(|key| !goes(&Writer::Local(cipher, key.name.clone())));
                return !keys.is_empty();
            }
            !goes(&first(provider))
        });
    })
}

fn each(config: &Configuration, edit: impl Fn(&mut Rule)) -> Configuration {
    let mut config = config.clone();
    config.rules.iter_mut().for_each(edit);
    config
}
