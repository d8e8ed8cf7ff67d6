//! Pure. From an answer of the KV engine to the value: the very bytes that Vault sent.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tidegate_contract::{ErrorKind, ProviderError, RemoteSecret, SecretValue};

use crate::answer::{Answer, unreadable};
use crate::config::KvVersion;

/// The data map of a secret as raw JSON: numbers keep all their digits, members their order.
///
/// Vault writes `<`, `>` and `&` in strings as escapes, as Go does; a JSON reader sees no
/// difference, and what ESO makes of a whole secret is decided where secrets are rendered.
///
/// # Errors
/// `NotFound` when version 2 answers without data and says that the version is gone;
/// `Unavailable` when the answer cannot be read.
pub(crate) fn secret(
    answer: &Answer,
    version: KvVersion,
    what: &str,
) -> Result<RemoteSecret, ProviderError> {
    let envelope = answer.envelope()?;
    let (data, version) = match version {
        KvVersion::V1 => (envelope.data, None),
        KvVersion::V2 => {
            let versioned = envelope.versioned().ok_or_else(|| odd(what))?;
            let metadata = versioned.metadata.unwrap_or_default();
            if versioned.data.is_none() && metadata.is_gone() {
                return Err(ProviderError::new(
                    ErrorKind::NotFound,
                    format!("Vault has no such secret: {what} (this version is deleted)"),
                ));
            }
            (versioned.data, metadata.version)
        }
    };
    let data = data.filter(is_object).ok_or_else(|| odd(what))?;
    Ok(RemoteSecret {
        value: SecretValue::from(data.get()),
        version: version.map(|number| number.to_string()),
    })
}

fn is_object(value: &&RawValue) -> bool {
    value.get().starts_with('{')
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(flatten)]
    all: BTreeMap<String, Value>,
}

/// ESO's view of version 2's metadata: the custom metadata and three fields of Vault's own, all as
/// text in one flat map; custom metadata wins.
///
/// # Errors
/// `Unavailable` when the answer cannot be read.
pub(crate) fn metadata(
    answer: &Answer,
    what: &str,
) -> Result<BTreeMap<String, String>, ProviderError> {
    let data = answer.envelope()?.data.ok_or_else(|| odd(what))?;
    let Metadata { mut all } =
        serde_json::from_str(data.get()).map_err(|error| unreadable(&error))?;
    let custom = all.remove("custom_metadata");
    let mut flat = BTreeMap::new();
    for field in ["created_time", "current_version", "delete_version_after"] {
        if let Some(value) = all.remove(field).and_then(text) {
            flat.insert(field.to_owned(), value);
        }
    }
    if let Some(Value::Object(custom)) = custom {
        let custom = custom.into_iter();
        flat.extend(custom.filter_map(|(key, value)| Some((key, text(value)?))));
    }
    Ok(flat)
}

/// The metadata as an answer.
pub(crate) fn metadata_secret(flat: &BTreeMap<String, String>) -> RemoteSecret {
    let object: serde_json::Map<String, Value> = flat
        .iter()
        .map(|(key, value)| (key.clone(), Value::from(value.as_str())))
        .collect();
    RemoteSecret {
        value: SecretValue::from(Value::from(object).to_string()),
        version: flat.get("current_version").cloned(),
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

#[derive(Deserialize)]
struct Names {
    keys: Vec<String>,
}

/// The names in a folder; those that end with `/` are folders themselves.
///
/// # Errors
/// `Unavailable` when the answer cannot be read.
pub(crate) fn names(answer: &Answer, what: &str) -> Result<Vec<String>, ProviderError> {
    let data = answer.envelope()?.data.ok_or_else(|| odd(what))?;
    let names: Names = serde_json::from_str(data.get()).map_err(|error| unreadable(&error))?;
    Ok(names.keys)
}

/// Something answered, but not as Vault does.
pub(crate) fn odd(what: &str) -> ProviderError {
    ProviderError::new(
        ErrorKind::Unavailable,
        format!("the answer of Vault cannot be read: {what} gave no data (wrong KV version?)"),
    )
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn answer(body: &str) -> Answer {
        Answer {
            status: 200,
            retry_after: None,
            body: Zeroizing::new(body.as_bytes().to_vec()),
        }
    }

    fn check(version: KvVersion, body: &str, expected: Result<&str, ErrorKind>) {
        let read = secret(&answer(body), version, "reading \"a\"");
        let read = read
            .map(|it| String::from_utf8(it.value.expose().to_vec()).unwrap())
            .map_err(|error| error.kind());
        assert_eq!(read.as_deref().map_err(|kind| *kind), expected, "{body}");
    }

    #[test]
    fn data_is_kept_byte_for_byte() {
        const DATA: &str = r#"{"z":1e400,"a":12345678901234567890123,"t":"\u003c\u0000é"}"#;
        check(KvVersion::V1, &format!(r#"{{"data":{DATA}}}"#), Ok(DATA));
        let v2 = format!(r#"{{"data":{{"metadata":{{"version":3}},"data":{DATA}}}}}"#);
        check(KvVersion::V2, &v2, Ok(DATA));
        let version = secret(&answer(&v2), KvVersion::V2, "").unwrap().version;
        assert_eq!(version.as_deref(), Some("3"));
    }

    #[test]
    fn an_empty_map_is_a_value_and_no_map_is_not_an_absence() {
        check(KvVersion::V1, r#"{"data":{}}"#, Ok("{}"));
        check(KvVersion::V2, r#"{"data":{"data":{}}}"#, Ok("{}"));
        for body in [
            "{}",
            r#"{"data":null}"#,
            r#"{"data":[]}"#,
            r#"{"data":"x"}"#,
            r#"{"data":{"data":null}}"#,
            r#"{"data":{"data":[1]}}"#,
            r#"{"data":{"keys":["a"]}}"#,
        ] {
            check(KvVersion::V2, body, Err(ErrorKind::Unavailable));
        }
        check(
            KvVersion::V1,
            r#"{"data":null}"#,
            Err(ErrorKind::Unavailable),
        );
        let gone = r#"{"data":{"data":null,"metadata":{"destroyed":true}}}"#;
        check(KvVersion::V2, gone, Err(ErrorKind::NotFound));
    }

    #[test]
    fn metadata_is_one_flat_map_of_texts() {
        let body = r#"{"data":{"created_time":"2026-01-01T00:00:00Z","current_version":3,
            "delete_version_after":"0s","versions":{"1":{}},"max_versions":0,
            "custom_metadata":{"team":"blue","current_version":"mine"}}}"#;
        let flat = metadata(&answer(body), "").unwrap();
        let read = metadata_secret(&flat);
        assert_eq!(
            read.value.expose(),
            concat!(
                r#"{"created_time":"2026-01-01T00:00:00Z","current_version":"mine","#,
                r#""delete_version_after":"0s","team":"blue"}"#
            )
            .as_bytes()
        );
        let bare = metadata(&answer(r#"{"data":{"custom_metadata":null}}"#), "").unwrap();
        assert!(bare.is_empty());
    }
}
