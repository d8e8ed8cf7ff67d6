//! Pure. What two right servers print differently, brought to one form.

use std::sync::LazyLock;

use regex::Regex;

static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rule = |pattern: &str, to| (Regex::new(pattern).unwrap(), to);
    let uid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    vec![
        rule(uid, "UID"),
        rule(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
        rule(
            r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} 20\d\d [0-9:]+ [+-]\d{4}",
            "TIME",
        ),
        rule(r#"(resourceVersion"?: )"?\d+"?"#, "${1}RV"),
        rule(r"(Resource Version:\s+)\d+", "${1}RV"),
        rule(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4}", "TIME"),
        // The differential test's `patch-quotes`: we quote no patched object.
        rule(
            r#"(?s)patch: Invalid value: ".*?[^\\]": .*"#,
            "patch: Invalid value: QUOTED\n",
        ),
        rule(r"https://127\.0\.0\.1:\d+", "SERVER"),
        rule(r"\b\d+(ms|s|m|m\d+s)\b( ago)?", "AGE"),
        rule(r"(?m)[ \t]+$", ""),
        // Files of `kubectl diff` and `edit`.
        rule(r"/tmp/[^ \n]*", "FILE"),
        rule(r" +", " "),
    ]
});

/// The common form of an output.
pub fn normal(text: &str) -> String {
    RULES.iter().fold(text.to_owned(), |text, (pattern, to)| {
        pattern.replace_all(&text, *to).into_owned()
    })
}

/// The fields that `kubectl explain` lists, with their types.
pub fn names(text: &str) -> Vec<String> {
    let field = |line: &str| {
        let (name, kind) = line.trim().split_once(char::is_whitespace)?;
        let kind = kind.trim();
        (kind.starts_with('<')).then(|| format!("{name} {kind}"))
    };
    text.lines().filter_map(field).collect()
}
