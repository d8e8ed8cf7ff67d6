//! Pure. What a key in AWS KMS is called: by the user, in each region, and in stored versions.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// The name of our pair in the encryption context.
pub(crate) const CONTEXT: &str = "tidegate-kms";

/// A key as the configuration names it: an ARN, a key id or an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    place: Option<Place>,
    /// `<key id>` or `alias/<name>`.
    name: String,
}

/// What an ARN says besides the name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    partition: String,
    region: String,
    account: String,
}

impl Key {
    /// Reads `arn:…:key/…`, `arn:…:alias/…`, a key id, or `alias/…`.
    ///
    /// # Errors
    /// What is wrong, in one line.
    fn read(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no key of AWS KMS: use arn:aws:kms:REGION:ACCOUNT:key/ID, \
                 arn:aws:kms:REGION:ACCOUNT:alias/NAME, a key id or alias/NAME"
            )
        };
        if !text.starts_with("arn:") {
            let name = Some(text).filter(|it| is_alias(it) || is_id(it));
            let name = name.ok_or_else(wrong)?.to_owned();
            return Ok(Self { place: None, name });
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [_, partition, "kms", region, account, resource] = parts.as_slice() else {
            return Err(wrong());
        };
        let id = resource.strip_prefix("key/").filter(|id| is_id(id));
        let name = id.or_else(|| Some(*resource).filter(|it| is_alias(it)));
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        match name {
            Some(name) if !partition.is_empty() && !region.is_empty() && digits => Ok(Self {
                place: Some(Place {
                    partition: (*partition).to_owned(),
                    region: (*region).to_owned(),
                    account: (*account).to_owned(),
                }),
                name: name.to_owned(),
            }),
            _ => Err(wrong()),
        }
    }

    /// The region that the ARN names.
    pub(crate) fn region(&self) -> Option<&str> {
        self.place.as_ref().map(|it| it.region.as_str())
    }

    /// Key id or alias, without the account.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Partition and account, where the ARN names them.
    pub(super) fn authority(&self) -> String {
        let place = self.place.as_ref();
        place.map_or_else(String::new, |it| format!("{}:{}", it.partition, it.account))
    }

    /// True for a key that has replicas under the same id in other regions.
    pub(crate) fn is_multi_region(&self) -> bool {
        self.name.starts_with("mrk-")
    }

    /// What a call in `region` names the configured key.
    pub(super) fn at(&self, region: &str) -> String {
        let resource = if is_alias(&self.name) {
            self.name.clone()
        } else {
            format!("key/{}", self.name)
        };
        self.arn(region, &resource)
            .unwrap_or_else(|| self.name.clone())
    }

    /// What a call in `region` names the key of a stored version; the configured key when the
    /// version says nothing.
    pub(super) fn of_version(&self, version: &str, region: &str) -> String {
        let id = version.split('@').next().unwrap_or_default();
        if id.is_empty() {
            return self.at(region);
        }
        self.arn(region, &format!("key/{id}"))
            .unwrap_or_else(|| id.to_owned())
    }

    fn arn(&self, region: &str, resource: &str) -> Option<String> {
        let Place {
            partition, account, ..
        } = self.place.as_ref()?;
        Some(format!("arn:{partition}:kms:{region}:{account}:{resource}"))
    }
}

/// The name of a version: the key's id, and since when its material is the current one.
pub(super) fn version(id: &str, since: Option<u64>) -> String {
    since.map_or_else(|| id.to_owned(), |since| format!("{id}@{since}"))
}

/// Bytes as the text of an encryption context, which appears in audit logs: what is not graphic is
/// escaped, so that no two contexts share a text.
pub(super) fn context_text(context: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(context.len());
    for byte in context {
        if byte.is_ascii_graphic() && *byte != b'%' {
            text.push(char::from(*byte));
        } else {
            let _never_fails = write!(text, "%{byte:02X}");
        }
    }
    text
}

fn is_id(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=64).contains(&text.len()) && text.chars().all(allowed)
}

fn is_alias(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
    let name = text.strip_prefix("alias/");
    name.is_some_and(|it| (1..=250).contains(&it.len()) && it.chars().all(allowed))
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::read(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/mrk-12ab";

    #[test]
    fn keys_are_read_and_named_in_each_region() {
        let check = |text: &str, region: Option<&str>, at: &str, authority: &str| {
            let key = Key::read(text).unwrap();
            assert_eq!(key.region(), region, "{text}");
            assert_eq!(key.at("eu-west-1"), at, "{text}");
            assert_eq!(key.authority(), authority, "{text}");
        };
        let there = "arn:aws:kms:eu-west-1:111122223333:key/mrk-12ab";
        check(ARN, Some("eu-central-1"), there, "aws:111122223333");
        let alias = "arn:aws-cn:kms:cn-north-1:111122223333:alias/etcd/a_b";
        let there = "arn:aws-cn:kms:eu-west-1:111122223333:alias/etcd/a_b";
        check(alias, Some("cn-north-1"), there, "aws-cn:111122223333");
        check("alias/etcd", None, "alias/etcd", "");
        check("12ab-34", None, "12ab-34", "");
        for wrong in [
            "",
            "alias/",
            "key/12ab",
            "arn:aws:kms:eu-central-1:111122223333:key/",
            "arn:aws:kms:eu-central-1:11112222333:key/12ab",
            "arn:aws:s3:eu-central-1:111122223333:key/12ab",
            "arn:aws:kms::111122223333:key/12ab",
            "arn:aws:kms:eu-central-1:111122223333:role/12ab",
            "arn:aws:kms",
        ] {
            let error = Key::read(wrong).unwrap_err();
            assert!(error.contains("is no key of AWS KMS"), "{error}");
        }
    }

    #[test]
    fn versions_carry_their_keys_id() {
        let key = Key::read(ARN).unwrap();
        assert_eq!(version("12ab", None), "12ab");
        let rotated = version("12ab", Some(7));
        assert_eq!(rotated, "12ab@7");
        let check = |version: &str, expected: &str| {
            assert_eq!(key.of_version(version, "eu-west-1"), expected);
        };
        let there = "arn:aws:kms:eu-west-1:111122223333:key/12ab";
        check("12ab", there);
        check(&rotated, there);
        check("", "arn:aws:kms:eu-west-1:111122223333:key/mrk-12ab");
        let alias = Key::read("alias/etcd").unwrap();
        assert_eq!(alias.of_version(&rotated, "eu-west-1"), "12ab");
        assert_eq!(alias.of_version("", "eu-west-1"), "alias/etcd");
    }

    #[test]
    fn contexts_stay_apart_as_text() {
        let check = |context: &[u8], expected: &str| assert_eq!(context_text(context), expected);
        check(
            b"tidegate-kms/1\0seed\0tg2.a",
            "tidegate-kms/1%00seed%00tg2.a",
        );
        check(b"local key", "local%20key");
        check(b"%00", "%2500");
        check(b"\xff", "%FF");
        check(b"", "");
    }
}
