//! Pure. The naming rules of the API: DNS labels and subdomains, qualified names, data keys.

const LABEL_FMT: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN_FMT: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const QUALIFIED_FMT: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

fn too_long(max: usize) -> String {
    format!("must be no more than {max} characters")
}

fn is_label(s: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = s.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(&a), Some(&z)) => {
            inner(a) && inner(z) && bytes.iter().all(|&b| inner(b) || b == b'-')
        }
        _ => false,
    }
}

fn is_qualified_part(s: &str) -> bool {
    let bytes = s.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(a), Some(z)) => {
            a.is_ascii_alphanumeric()
                && z.is_ascii_alphanumeric()
                && bytes
                    .iter()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
        }
        _ => false,
    }
}

/// What keeps a text from being an RFC 1123 label.
pub(crate) fn label_problems(s: &str) -> Vec<String> {
    let mut out = Vec::new();
    if s.len() > 63 {
        out.push(too_long(63));
    }
    if !is_label(s) {
        if s.split('.').all(is_label) {
            out.push("must not contain dots".into());
        } else {
            out.push(format!(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters \
                 or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  \
                 or '123-abc', regex used for validation is '{LABEL_FMT}')"
            ));
        }
    }
    out
}

/// What keeps a text from being an RFC 1123 subdomain.
pub(crate) fn subdomain_problems(s: &str) -> Vec<String> {
    let mut out = Vec::new();
    if s.len() > 253 {
        out.push(too_long(253));
    }
    if !s.split('.').all(is_label) {
        out.push(format!(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
             '-' or '.', and must start and end with an alphanumeric character (e.g. \
             'example.com', regex used for validation is '{SUBDOMAIN_FMT}')"
        ));
    }
    out
}

/// What keeps a text from being `[prefix/]name`, as label keys and finalizers are.
pub(crate) fn qualified_problems(s: &str) -> Vec<String> {
    let shape = format!(
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with \
         an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for \
         validation is '{QUALIFIED_FMT}')"
    );
    let parts: Vec<&str> = s.split('/').collect();
    let mut out = Vec::new();
    let name = match parts.as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                out.push("prefix part must be non-empty".into());
            } else {
                out.extend(
                    subdomain_problems(prefix)
                        .iter()
                        .map(|p| format!("prefix part {p}")),
                );
            }
            *name
        }
        _ => {
            out.push(format!(
                "a qualified name {shape} with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')"
            ));
            return out;
        }
    };
    if name.is_empty() {
        out.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        out.push(format!("name part {}", too_long(63)));
    }
    if !is_qualified_part(name) {
        out.push(format!("name part {shape}"));
    }
    out
}

/// What keeps a text from being a label's value.
pub(crate) fn label_value_problems(s: &str) -> Vec<String> {
    let mut out = Vec::new();
    if s.len() > 63 {
        out.push(too_long(63));
    }
    if !s.is_empty() && !is_qualified_part(s) {
        out.push(format!(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', \
             '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  \
             or 'my_value',  or '12345', regex used for validation is '({QUALIFIED_FMT})?')"
        ));
    }
    out
}

/// What keeps a text from being a key of a Secret or ConfigMap.
pub(crate) fn data_key_problems(s: &str) -> Vec<String> {
    let mut out = Vec::new();
    if s.len() > 253 {
        out.push(too_long(253));
    }
    let shaped = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
    if s.is_empty() || !s.as_bytes().iter().all(shaped) {
        out.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. \
             'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is \
             '[-._a-zA-Z0-9]+')"
                .into(),
        );
    }
    if s == "." {
        out.push("must not be '.'".into());
    } else if s == ".." {
        out.push("must not be '..'".into());
    } else if s.starts_with("..") {
        out.push("must not start with '..'".into());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_as_the_real_server_does() {
        let check = |f: fn(&str) -> Vec<String>, s: &str, bad: usize| {
            assert_eq!(f(s).len(), bad, "{s:?}: {:?}", f(s));
        };
        check(label_problems, "a-b", 0);
        check(label_problems, "A", 1);
        check(label_problems, "a.b", 1);
        check(label_problems, &"a".repeat(64), 1);
        check(subdomain_problems, "a.b-c.d", 0);
        check(subdomain_problems, "a..b", 1);
        check(subdomain_problems, "-a", 1);
        check(qualified_problems, "example.com/My_Name", 0);
        check(qualified_problems, "a/b/c", 1);
        check(qualified_problems, "/b", 1);
        check(qualified_problems, "x/", 2);
        check(label_value_problems, "", 0);
        check(label_value_problems, "-a", 1);
        check(data_key_problems, ".dockerconfigjson", 0);
        check(data_key_problems, "..a", 1);
        check(data_key_problems, "a/b", 1);
    }
}
