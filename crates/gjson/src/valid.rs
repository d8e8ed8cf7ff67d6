//! Pure. Says whether a document is valid JSON, strictly but for UTF-8.

/// Says whether `json` is one valid JSON value, as Go's `gjson.ValidBytes` does: by the
/// grammar of RFC 8259, except that strings may hold bytes that aren't UTF-8.
#[must_use]
pub fn is_valid(json: &[u8]) -> bool {
    Validator {
        json,
        at: 0,
        open: Vec::new(),
    }
    .document()
    .is_some()
}

struct Validator<'j> {
    json: &'j [u8],
    at: usize,
    /// For each open block the byte that closes it; at most half the document is such.
    open: Vec<u8>,
}

impl Validator<'_> {
    fn document(&mut self) -> Option<()> {
        self.space();
        self.value()?;
        loop {
            self.space();
            let Some(close) = self.open.last().copied() else {
                return (self.at == self.json.len()).then_some(());
            };
            match self.next()? {
                b',' => {
                    self.space();
                    self.member(close)?;
                }
                byte if byte == close => {
                    self.open.pop();
                }
                _ => return None,
            }
        }
    }

    /// Reads a value, or the beginning of one: of a block only what comes before the
    /// second member.
    fn value(&mut self) -> Option<()> {
        loop {
            let close = match self.next()? {
                b'"' => return self.string(),
                b'{' => b'}',
                b'[' => b']',
                b't' => return self.literal(b"rue"),
                b'f' => return self.literal(b"alse"),
                b'n' => return self.literal(b"ull"),
                first @ (b'-' | b'0'..=b'9') => return self.number(first),
                _ => return None,
            };
            self.space();
            if self.peek() == Some(close) {
                self.at += 1;
                return Some(());
            }
            self.open.push(close);
            if close == b'}' {
                self.key()?;
            }
        }
    }

    fn member(&mut self, close: u8) -> Option<()> {
        if close == b'}' {
            self.key()?;
        }
        self.value()
    }

    fn key(&mut self) -> Option<()> {
        self.expect(b'"')?;
        self.string()?;
        self.space();
        self.expect(b':')?;
        self.space();
        Some(())
    }

    /// Reads a string whose opening quote is read.
    fn string(&mut self) -> Option<()> {
        loop {
            match self.next()? {
                b'"' => return Some(()),
                0..b' ' => return None,
                b'\\' => match self.next()? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => {
                        for _ in 0..4 {
                            self.next().filter(u8::is_ascii_hexdigit)?;
                        }
                    }
                    _ => return None,
                },
                _ => {}
            }
        }
    }

    /// Reads a number whose first byte is read.
    fn number(&mut self, first: u8) -> Option<()> {
        let digit = if first == b'-' { self.next()? } else { first };
        match digit {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return None,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.next().filter(u8::is_ascii_digit)?;
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.next().filter(u8::is_ascii_digit)?;
            self.digits();
        }
        Some(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn literal(&mut self, rest: &[u8]) -> Option<()> {
        self.json
            .get(self.at..)?
            .starts_with(rest)
            .then(|| self.at += rest.len())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn valid_is_what_the_grammar_says() {
        for json in [
            "0",
            "-0.5e+3",
            " [ ] ",
            "{}",
            r#"{"a":[1,{"b":null}],"c":"\u00e9\n"}"#,
            "true",
            "[[],[[]],{}]",
            "\"\u{7f}\"",
            "1E5",
        ] {
            assert!(is_valid(json.as_bytes()), "{json}");
        }
        assert!(is_valid(b"\"\xff\""));
        for json in [
            "",
            " ",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "nul",
            "[1,]",
            "[,1]",
            "{\"a\"}",
            "{a:1}",
            "{\"a\":1,}",
            "[1 2]",
            "[1}",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"",
            "[",
            "{} x",
            "\u{b}1",
            "[[1]",
            "]",
        ] {
            assert!(!is_valid(json.as_bytes()), "{json}");
        }
    }

    #[test]
    fn deep_documents_need_no_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert!(is_valid(deep.as_bytes()));
    }
}
