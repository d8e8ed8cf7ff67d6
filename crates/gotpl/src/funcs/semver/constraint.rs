//! Pure. Constraints on versions: alternatives of conditions that must all hold.
use super::version::{Version, split};
use crate::error::FuncError;

/// The operators, the longer ones first.
const OPERATORS: &[&str] = &["!=", ">=", "=>", "<=", "=<", "~>", "=", ">", "<", "~", "^"];

/// One condition, such as `^1.2.x`.
pub(super) struct Condition {
    operator: &'static str,
    version: Version,
    /// Whether the minor part is missing or a wildcard.
    any_minor: bool,
    /// Whether the patch part is missing or a wildcard.
    any_patch: bool,
}

fn number_or_wildcard(text: &str) -> bool {
    matches!(text, "x" | "X" | "*")
        || (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
}

/// The alternatives of a constraint.
pub(super) fn parse(text: &str) -> Result<Vec<Vec<Condition>>, FuncError> {
    let improper = || FuncError::new(format!("improper constraint: {text}"));
    text.split("||")
        .map(|alternative| {
            let spread = spread_ranges(alternative);
            let mut rest = spread.as_str().trim();
            let mut conditions = Vec::new();
            while !rest.is_empty() {
                let (condition, after) = condition(rest).ok_or_else(improper)?;
                conditions.push(condition);
                let after = after.trim_start();
                rest = after.strip_prefix(',').unwrap_or(after).trim_start();
                if rest.is_empty() && after.starts_with(',') {
                    return Err(improper());
                }
            }
            if conditions.is_empty() {
                Err(improper())
            } else {
                Ok(conditions)
            }
        })
        .collect()
}

/// Writes `1.2 - 1.4` as `>=1.2 <=1.4`.
fn spread_ranges(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut out: Vec<String> = Vec::new();
    let mut i = 0;
    while i < words.len() {
        match words[i..] {
            [low, "-", high, ..] => {
                let (high, comma) = high.strip_suffix(',').map_or((high, ""), |h| (h, ","));
                out.push(format!(">={low},<={high}{comma}"));
                i += 3;
            }
            _ => {
                out.push(words[i].into());
                i += 1;
            }
        }
    }
    out.join(" ")
}

fn condition(text: &str) -> Option<(Condition, &str)> {
    let operator = OPERATORS
        .iter()
        .find(|op| text.starts_with(**op))
        .copied()
        .unwrap_or("");
    let text = text[operator.len()..].trim_start();
    let end = text
        .find(|c: char| c == ',' || c.is_whitespace())
        .unwrap_or(text.len());
    let (body, after) = text.split_at(end);
    let parts = split(body, number_or_wildcard)?;
    let wild = |part: Option<&str>| part.is_none_or(|part| matches!(part, "x" | "X" | "*"));
    let [major, minor, patch] = parts.numbers;
    let any_major = wild(major);
    let any_minor = any_major || wild(minor);
    let any_patch = any_minor || wild(patch);
    let number = |part: Option<&str>, any: bool| -> Option<u64> {
        if any { Some(0) } else { part?.parse().ok() }
    };
    let version = Version {
        major: number(major, any_major)?,
        minor: number(minor, any_minor)?,
        patch: number(patch, any_patch)?,
        prerelease: parts.prerelease.into(),
        metadata: parts.metadata.into(),
        original: body.into(),
    };
    // A wildcard in place of the whole version allows any release.
    let operator = match operator {
        "" | "=" | "~" | "~>" | "^" if any_major => ">=",
        operator => operator,
    };
    Some((
        Condition {
            operator,
            version,
            any_minor,
            any_patch,
        },
        after,
    ))
}

/// Whether an alternative holds of which every condition does.
pub(super) fn holds(alternatives: &[Vec<Condition>], version: &Version) -> bool {
    alternatives
        .iter()
        .any(|all| all.iter().all(|condition| condition.holds(version)))
}

impl Condition {
    fn holds(&self, v: &Version) -> bool {
        let c = &self.version;
        // A prerelease is only taken where the condition names one.
        if !v.prerelease.is_empty() && c.prerelease.is_empty() {
            return false;
        }
        let partial = self.any_minor || self.any_patch;
        match self.operator {
            "" | "=" if partial => self.tilde(v),
            "" | "=" => v.cmp(c).is_eq(),
            "!=" => self.differs(v),
            ">" if !partial => v.cmp(c).is_gt(),
            ">" => {
                v.major > c.major || (v.major == c.major && !self.any_minor && v.minor > c.minor)
            }
            "<" => v.cmp(c).is_lt(),
            ">=" | "=>" => v.cmp(c).is_ge(),
            "<=" | "=<" if !partial => v.cmp(c).is_le(),
            "<=" | "=<" => {
                v.major < c.major || (v.major == c.major && (self.any_minor || v.minor <= c.minor))
            }
            "~" | "~>" => self.tilde(v),
            _ => self.caret(v),
        }
    }

    fn differs(&self, v: &Version) -> bool {
        let c = &self.version;
        if !self.any_minor && !self.any_patch {
            return v.cmp(c).is_ne();
        }
        v.major != c.major || (!self.any_minor && v.minor != c.minor)
    }

    fn tilde(&self, v: &Version) -> bool {
        let c = &self.version;
        if v.cmp(c).is_lt() {
            return false;
        }
        let zero = (c.major, c.minor, c.patch) == (0, 0, 0);
        if zero && !self.any_minor && !self.any_patch {
            return true;
        }
        v.major == c.major && (self.any_minor || v.minor == c.minor)
    }

    fn caret(&self, v: &Version) -> bool {
        let c = &self.version;
        if v.cmp(c).is_lt() || v.major != c.major {
            return false;
        }
        if c.major > 0 || self.any_minor {
            return true;
        }
        if c.minor > 0 || self.any_patch {
            return v.minor == c.minor;
        }
        v.minor == 0 && v.patch == c.patch
    }
}
