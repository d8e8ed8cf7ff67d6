//! Pure. The tokens of a template.
use crate::fmt::quote;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Error,
    Bool,
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    Str,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Kind {
    /// The keyword or literal that a word is; an identifier otherwise.
    pub(super) fn of_word(word: &[u8]) -> Self {
        match word {
            b"block" => Self::Block,
            b"break" => Self::Break,
            b"continue" => Self::Continue,
            b"define" => Self::Define,
            b"else" => Self::Else,
            b"end" => Self::End,
            b"if" => Self::If,
            b"nil" => Self::Nil,
            b"range" => Self::Range,
            b"template" => Self::Template,
            b"with" => Self::With,
            b"true" | b"false" => Self::Bool,
            _ => Self::Identifier,
        }
    }

    fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// A token: a range of the source, or the text of an error.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
    pub line: usize,
    pub error: Option<Box<str>>,
}

impl Token {
    /// A token that stands for none yet read.
    pub(super) const NONE: Self = Self {
        kind: Kind::Eof,
        start: 0,
        end: 0,
        line: 0,
        error: None,
    };

    /// The source text.
    pub(super) fn val<'s>(&self, source: &'s [u8]) -> &'s [u8] {
        &source[self.start..self.end]
    }

    /// The token as error texts show it.
    pub(super) fn describe(&self, source: &[u8]) -> String {
        let val = self.val(source);
        match self.kind {
            Kind::Eof => "EOF".into(),
            Kind::Error => self.error.as_deref().unwrap_or_default().into(),
            kind if kind.is_keyword() => format!("<{}>", String::from_utf8_lossy(val)),
            _ if val.len() > 10 => {
                let end = crate::runes::runes(val)
                    .nth(10)
                    .map_or(val.len(), |rune| rune.at);
                format!("{}...", quote::quote_text(&val[..end]))
            }
            _ => quote::quote_text(val),
        }
    }
}
