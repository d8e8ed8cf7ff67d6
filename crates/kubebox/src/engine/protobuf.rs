//! Pure. Decodes the Kubernetes protobuf envelope: what kubectl's typed commands send.

mod messages;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value};

use messages::{Kind, fields};

/// The media type of the envelope.
pub(crate) const MEDIA: &str = "application/vnd.kubernetes.protobuf";
/// The bytes that every envelope starts with.
const MAGIC: &[u8] = b"k8s\0";

type Step<T> = Option<T>;

/// Decodes an envelope to the JSON form of its object; `None` when it is broken or of a kind
/// that is not known here.
pub(crate) fn decode(body: &[u8]) -> Option<Value> {
    let envelope = body.strip_prefix(MAGIC)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    each(envelope, |number, field| {
        match (number, field) {
            (1, Field::Bytes(meta)) => each(meta, |number, field| {
                if let Field::Bytes(text) = field {
                    let text = std::str::from_utf8(text).ok()?.to_owned();
                    *(if number == 1 {
                        &mut api_version
                    } else {
                        &mut kind
                    }) = text;
                }
                Some(())
            })?,
            (2, Field::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
        Some(())
    })?;
    let name = match (kind.as_str(), api_version.as_str()) {
        ("Event", "events.k8s.io/v1") => "NewEvent",
        (kind, _) => kind,
    };
    let mut object = message(name, raw)?;
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    Some(object)
}

/// One field on the wire.
enum Field<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Other,
}

fn varint(input: &mut &[u8]) -> Step<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = input.split_first()?;
        *input = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(input: &mut &'a [u8], length: u64) -> Step<&'a [u8]> {
    let (head, rest) = input.split_at_checked(usize::try_from(length).ok()?)?;
    *input = rest;
    Some(head)
}

fn each<'a>(mut input: &'a [u8], mut visit: impl FnMut(u64, Field<'a>) -> Step<()>) -> Step<()> {
    while !input.is_empty() {
        let tag = varint(&mut input)?;
        let field = match tag & 7 {
            0 => Field::Varint(varint(&mut input)?),
            1 => take(&mut input, 8).map(|_| Field::Other)?,
            2 => {
                let length = varint(&mut input)?;
                Field::Bytes(take(&mut input, length)?)
            }
            5 => take(&mut input, 4).map(|_| Field::Other)?,
            _ => return None,
        };
        visit(tag >> 3, field)?;
    }
    Some(())
}

fn message(name: &str, raw: &[u8]) -> Step<Value> {
    let known = fields(name)?;
    let mut object = Map::new();
    each(raw, |number, field| {
        let Some((_, key, kind)) = known.iter().find(|(n, ..)| *n == number) else {
            return Some(());
        };
        store(&mut object, key, *kind, field)
    })?;
    Some(Value::Object(object))
}

fn store(object: &mut Map<String, Value>, key: &str, kind: Kind, field: Field<'_>) -> Step<()> {
    let value = match (kind, field) {
        (Kind::Int, Field::Varint(n)) => n.cast_signed().into(),
        (Kind::Count, Field::Varint(0)) => return Some(()),
        (Kind::Count, Field::Varint(n)) => n.cast_signed().into(),
        (Kind::Bool, Field::Varint(n)) => (n != 0).into(),
        (Kind::Text, Field::Bytes(raw)) => text(raw)?,
        (Kind::Time, Field::Bytes(raw)) => time(raw, false)?,
        (Kind::Micro, Field::Bytes(raw)) => time(raw, true)?,
        (Kind::Fields, Field::Bytes(raw)) => {
            let mut json = Value::Null;
            each(raw, |_, field| {
                if let Field::Bytes(raw) = field {
                    json = serde_json::from_slice(raw).ok()?;
                }
                Some(())
            })?;
            json
        }
        (Kind::One(name), Field::Bytes(raw)) => message(name, raw)?,
        (Kind::Texts | Kind::Many(_), Field::Bytes(raw)) => {
            let item = if let Kind::Many(name) = kind {
                message(name, raw)?
            } else {
                text(raw)?
            };
            let list = object
                .entry(key)
                .or_insert_with(|| Value::Array(Vec::new()));
            list.as_array_mut()?.push(item);
            return Some(());
        }
        (Kind::TextMap | Kind::BytesMap, Field::Bytes(raw)) => {
            let (name, value) = entry(raw, matches!(kind, Kind::BytesMap))?;
            let map = object
                .entry(key)
                .or_insert_with(|| Value::Object(Map::new()));
            map.as_object_mut()?.insert(name, value);
            return Some(());
        }
        _ => return None,
    };
    object.insert(key.to_owned(), value);
    Some(())
}

fn text(raw: &[u8]) -> Step<Value> {
    Some(std::str::from_utf8(raw).ok()?.into())
}

fn entry(raw: &[u8], bytes: bool) -> Step<(String, Value)> {
    let (mut name, mut value) = (String::new(), Value::from(""));
    each(raw, |number, field| {
        match (number, field) {
            (1, Field::Bytes(raw)) => name = std::str::from_utf8(raw).ok()?.to_owned(),
            (2, Field::Bytes(raw)) if bytes => value = STANDARD.encode(raw).into(),
            (2, Field::Bytes(raw)) => value = text(raw)?,
            _ => {}
        }
        Some(())
    })?;
    Some((name, value))
}

/// An empty message is Go's zero time, which JSON prints as null.
fn time(raw: &[u8], micros: bool) -> Step<Value> {
    if raw.is_empty() {
        return Some(Value::Null);
    }
    let (mut seconds, mut nanos) = (0, 0);
    each(raw, |number, field| {
        match (number, field) {
            (1, Field::Varint(n)) => seconds = n.cast_signed(),
            (2, Field::Varint(n)) => nanos = i32::try_from(n).ok()?,
            _ => {}
        }
        Some(())
    })?;
    let time = Timestamp::new(seconds, nanos).ok()?;
    let format = if micros {
        "%Y-%m-%dT%H:%M:%S%.6fZ"
    } else {
        "%Y-%m-%dT%H:%M:%SZ"
    };
    Some(time.strftime(format).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend_from_slice(bytes);
        out
    }

    fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &meta), field(2, raw)].concat()
    }

    #[test]
    fn a_secret_comes_out_as_json() {
        let entry = [field(1, b"k"), field(2, &[0xff, 0])].concat();
        let label = [field(1, b"a"), field(2, b"b")].concat();
        let meta = [field(1, b"s"), field(8, &[]), field(11, &label)].concat();
        let raw = [
            field(1, &meta),
            field(2, &entry),
            field(3, b"Opaque"),
            vec![5 << 3, 1],
        ]
        .concat();
        let expected = json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "s", "creationTimestamp": null, "labels": {"a": "b"}},
            "data": {"k": "/wA="}, "type": "Opaque", "immutable": true});
        assert_eq!(decode(&envelope("v1", "Secret", &raw)), Some(expected));
    }

    #[test]
    fn times_keep_their_precision() {
        let time = [vec![8, 60], vec![16, 0xc0, 0x84, 0x3d]].concat();
        let spec = [field(1, b"me"), field(4, &time), vec![2 << 3, 15]].concat();
        let lease = decode(&envelope(
            "coordination.k8s.io/v1",
            "Lease",
            &field(2, &spec),
        ))
        .unwrap();
        assert_eq!(
            lease["spec"],
            json!({"holderIdentity": "me", "leaseDurationSeconds": 15,
            "renewTime": "1970-01-01T00:01:00.001000Z"})
        );
    }

    #[test]
    fn broken_or_unknown_input_is_refused() {
        assert_eq!(decode(b"{}"), None);
        assert_eq!(decode(&envelope("v1", "Pod", b"")), None);
        assert_eq!(decode(&envelope("v1", "Secret", &[10, 200])), None);
        assert_eq!(decode(&envelope("v1", "Secret", &[0x80; 11])), None);
        assert_eq!(decode(&envelope("v1", "Secret", &[8, 1])), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(raw in proptest::collection::vec(0u8.., 0..120)) {
            let _ = decode(&envelope("v1", "Event", &raw));
            let _ = decode(&raw);
        }
    }
}
