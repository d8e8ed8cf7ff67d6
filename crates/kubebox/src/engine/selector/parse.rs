//! Pure. The grammar of label selectors, with the real server's words for what does not fit it.

use super::{LabelTerm, Op};
use crate::engine::names;

const OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

type Parsed<T> = Result<T, String>;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    /// An operator, a comma or a parenthesis.
    Sign(&'static str),
    Wrong(String),
    End,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Self::Word(text) | Self::Wrong(text) => text,
            Self::Sign(sign) => sign,
            Self::End => "",
        }
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self, Self::Sign(s) if *s == sign)
    }
}

fn is_sign(c: char) -> bool {
    "=!(),><".contains(c)
}

/// Cuts a text into tokens; of several signs in a row the longest known one counts.
fn tokens(text: &str) -> Vec<Token> {
    const SIGNS: [&str; 9] = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];
    let mut rest = text.trim_start();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let end = if rest.starts_with(is_sign) {
            let sign = SIGNS.iter().find(|s| rest.starts_with(**s));
            out.push(sign.map_or_else(|| Token::Wrong(rest.into()), |s| Token::Sign(s)));
            sign.map_or(rest.len(), |s| s.len())
        } else {
            let ends = |c: char| is_sign(c) || c.is_ascii_whitespace();
            let end = rest.find(ends).unwrap_or(rest.len());
            out.push(Token::Word(rest[..end].to_owned()));
            end
        };
        rest = rest[end..].trim_start();
    }
    out
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

/// Parses a selector.
///
/// # Errors
/// What was found, and what should have been there.
pub(super) fn parse(text: &str) -> Parsed<Vec<LabelTerm>> {
    let mut parser = Parser {
        tokens: tokens(text).into_iter().peekable(),
    };
    let mut terms = Vec::new();
    loop {
        let next = parser.look();
        if next == Token::End {
            return Ok(terms);
        }
        if !starts_term(&next) {
            let found = next.text();
            return Err(format!(
                "found '{found}', expected: !, identifier, or 'end of string'"
            ));
        }
        let term = parser.term();
        terms.push(term.map_err(|e| format!("unable to parse requirement: {e}"))?);
        match parser.take() {
            Token::End => return Ok(terms),
            comma if comma.is(",") => {
                let next = parser.look();
                if !starts_term(&next) {
                    let found = next.text();
                    return Err(format!("found '{found}', expected: identifier after ','"));
                }
            }
            other => {
                let found = other.text();
                return Err(format!("found '{found}', expected: ',' or 'end of string'"));
            }
        }
    }
}

fn starts_term(token: &Token) -> bool {
    matches!(token, Token::Word(_)) || token.is("!")
}

impl Parser {
    fn look(&mut self) -> Token {
        self.tokens.peek().cloned().unwrap_or(Token::End)
    }

    fn take(&mut self) -> Token {
        self.tokens.next().unwrap_or(Token::End)
    }

    fn term(&mut self) -> Parsed<LabelTerm> {
        let mut token = self.take();
        let absent = token.is("!");
        if absent {
            token = self.take();
        }
        let Token::Word(key) = token else {
            return Err(format!("found '{}', expected: identifier", token.text()));
        };
        let problems = names::qualified_problems(&key);
        if !problems.is_empty() {
            return Err(invalid("key", &format!("\"{key}\""), &problems.join("; ")));
        }
        if absent {
            return Ok(LabelTerm {
                key,
                op: Op::Absent,
            });
        }
        let next = self.look();
        if next == Token::End || next.is(",") {
            return Ok(LabelTerm {
                key,
                op: Op::Exists,
            });
        }
        let operator = self.take();
        let mut values = match &operator {
            Token::Word(word) if word == "in" || word == "notin" => self.list()?,
            Token::Sign("=" | "==" | "!=" | ">" | "<") => vec![self.value()?],
            other => return Err(format!("found '{}', expected: {OPERATORS}", other.text())),
        };
        values.sort_unstable();
        values.dedup();
        let op = op(&operator, &values)?;
        for (i, value) in values.iter().enumerate() {
            let problems = names::label_value_problems(value);
            if !problems.is_empty() {
                let at = format!("values[{i}][{key}]");
                return Err(invalid(&at, &format!("\"{value}\""), &problems.join("; ")));
            }
        }
        Ok(LabelTerm { key, op })
    }

    /// One value, which may be left out.
    fn value(&mut self) -> Parsed<String> {
        let next = self.look();
        if next == Token::End || next.is(",") {
            return Ok(String::new());
        }
        match self.take() {
            Token::Word(value) => Ok(value),
            other => Err(format!("found '{}', expected: identifier", other.text())),
        }
    }

    /// Values in parentheses.
    fn list(&mut self) -> Parsed<Vec<String>> {
        let open = self.take();
        if !open.is("(") {
            return Err(format!("found '{}' expected: '('", open.text()));
        }
        let next = self.look();
        if next.is(")") {
            self.take();
            return Ok(vec![String::new()]);
        }
        if !matches!(next, Token::Word(_)) && !next.is(",") {
            let found = next.text();
            return Err(format!("found '{found}', expected: ',', ')' or identifier"));
        }
        let mut values = Vec::new();
        loop {
            match self.take() {
                Token::Word(value) => {
                    values.push(value);
                    let next = self.look();
                    if next.is(")") {
                        self.take();
                        return Ok(values);
                    }
                    if !next.is(",") {
                        let found = next.text();
                        return Err(format!("found '{found}', expected: ',' or ')'"));
                    }
                }
                comma if comma.is(",") => {
                    // An empty value stands before, between or after commas.
                    if values.is_empty() {
                        values.push(String::new());
                    }
                    let next = self.look();
                    if next.is(")") {
                        self.take();
                        values.push(String::new());
                        return Ok(values);
                    }
                    if next.is(",") {
                        self.take();
                        values.push(String::new());
                    }
                }
                other => {
                    let found = other.text();
                    return Err(format!("found '{found}', expected: ',', or identifier"));
                }
            }
        }
    }
}

fn op(operator: &Token, values: &[String]) -> Parsed<Op> {
    let number = || {
        let value = values.first().map_or("", String::as_str);
        value.parse::<i64>().map_err(|_| {
            let text = "for 'Gt', 'Lt' operators, the value must be an integer";
            invalid("values[0]", &format!("\"{value}\""), text)
        })
    };
    Ok(match operator.text() {
        ">" => Op::Greater(number()?),
        "<" => Op::Less(number()?),
        "notin" | "!=" => Op::NotIn(values.to_vec()),
        _ => Op::In(values.to_vec()),
    })
}

fn invalid(field: &str, value: &str, text: &str) -> String {
    format!("{field}: Invalid value: {value}: {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_selectors_are_refused_in_the_real_words() {
        let check = |text: &str, expected: &str| assert_eq!(parse(text).unwrap_err(), expected);
        let requirement = "unable to parse requirement";
        check(
            "=x",
            "found '=', expected: !, identifier, or 'end of string'",
        );
        check(
            "a b",
            &format!("{requirement}: found 'b', expected: {OPERATORS}"),
        );
        check("a in b", &format!("{requirement}: found 'b' expected: '('"));
        check(
            "a in (b",
            &format!("{requirement}: found '', expected: ',' or ')'"),
        );
        check("a,", "found '', expected: identifier after ','");
        check("a=b c", "found 'c', expected: ',' or 'end of string'");
        let number = "for 'Gt', 'Lt' operators, the value must be an integer";
        check(
            "a>x",
            &format!("{requirement}: values[0]: Invalid value: \"x\": {number}"),
        );
    }

    #[test]
    fn empty_values_and_words_that_are_operators_are_values() {
        let values = |text: &str| match parse(text).unwrap().remove(0).op {
            Op::In(values) => values,
            other => panic!("{other:?}"),
        };
        assert_eq!(values("a="), [""]);
        assert_eq!(values("a=in"), ["in"]);
        assert_eq!(values("a in (,b)"), ["", "b"]);
        assert_eq!(values("a in ()"), [""]);
        assert_eq!(values("a in (c, b,)"), ["", "b", "c"]);
    }
}
