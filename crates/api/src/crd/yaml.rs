//! Pure. Writes JSON values as YAML: block style, two spaces, quoted where any reader might differ.

use serde_json::Value;

/// Returns the value as one YAML document that ends with a line feed.
pub(crate) fn document(value: &Value) -> String {
    let mut out = String::new();
    node(&mut out, value, 0);
    out.push('\n');
    out
}

/// Writes a value where a line has begun with `indent` columns.
fn node(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (number, (key, value)) in map.iter().enumerate() {
                separate(out, number, indent);
                text(out, key);
                out.push(':');
                below(out, value, indent + 2);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (number, value) in list.iter().enumerate() {
                separate(out, number, indent);
                out.push_str("- ");
                node(out, value, indent + 2);
            }
        }
        Value::Object(_) => out.push_str("{}"),
        Value::Array(_) => out.push_str("[]"),
        Value::String(value) => text(out, value),
        // Numbers, booleans and null are written as in JSON.
        other => out.push_str(&other.to_string()),
    }
}

/// Writes a value after its key: in the same line, or in lines of its own.
fn below(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            separate(out, 1, indent);
            node(out, value, indent);
        }
        // Lists stand at the column of their key, as kubectl writes them.
        Value::Array(list) if !list.is_empty() => {
            separate(out, 1, indent - 2);
            node(out, value, indent - 2);
        }
        _ => {
            out.push(' ');
            node(out, value, indent);
        }
    }
}

/// Begins a line, unless this is the first entry of a block whose line has begun.
fn separate(out: &mut String, number: usize, indent: usize) {
    if number > 0 {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

/// Writes a text bare when every version of YAML reads it as that text, else as a JSON string.
fn text(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
    } else {
        // JSON strings are YAML strings.
        out.push_str(&Value::from(text).to_string());
    }
}

fn is_plain(text: &str) -> bool {
    let first = text.chars().next();
    let inner = |c: char| c.is_ascii_alphanumeric() || " -_./$,;()'`=+*".contains(c);
    first.is_some_and(|c| c.is_ascii_alphabetic() || c == '$')
        && text.chars().all(inner)
        && !text.ends_with(' ')
        && !is_word(text)
}

/// Words that some version of YAML reads as a boolean, null or number.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 11] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf",
    ];
    WORDS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_every_reader_reads_alike() {
        let value = serde_json::json!({
            "a": [1, true, null, "true", "No", "1h", "x: y", "# x", " x", "x ", "", "it's", "a\nb"],
            "b": { "c": [[1, 2], { "d": {}, "e": [] }], "[]": "plain text" },
        });
        let expected = "a:\n- 1\n- true\n- null\n- \"true\"\n- \"No\"\n- \"1h\"\n- \"x: y\"\n\
            - \"# x\"\n- \" x\"\n- \"x \"\n- \"\"\n- it's\n- \"a\\nb\"\n\
            b:\n  \"[]\": plain text\n  c:\n  - - 1\n    - 2\n  - d: {}\n    e: []\n";
        assert_eq!(document(&value), expected);
        assert_eq!(serde_saphyr::from_str::<Value>(expected).ok(), Some(value));
    }
}
