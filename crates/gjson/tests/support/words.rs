//! Pure. The words that generated documents and paths are made of.

/// Keys, as they stand between quotes.
pub(crate) const KEYS: &[&str] = &[
    "a",
    "b",
    "c",
    "ab",
    "abc",
    "a.b",
    "x*y",
    "x?",
    "0",
    "1",
    "",
    "ключ",
    "n\\u0061me",
    "q\\\"r",
    "back\\\\slash",
    "@keys",
    "!true",
    "#",
    "a|b",
    "deep",
    "sp ace",
    "é",
    "\\ud83d\\ude00",
    "A",
];

/// Valid values without members.
pub(crate) const SCALARS: &[&str] = &[
    "1",
    "0",
    "-1",
    "1.50",
    "1e3",
    "-0",
    "1E-7",
    "12345678901234567890",
    "0.1",
    "9007199254740993",
    "true",
    "false",
    "null",
    "\"\"",
    "\"a\"",
    "\"1\"",
    "\"true\"",
    "\"x\\ny\"",
    "\"\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "\"a.b*c\"",
    "\"<&>\"",
    "\"[1]\"",
    "\"{\\\"a\\\":[1,{\\\"b\\\":2}]}\"",
    "\"é\u{2028}\"",
    "\"T\"",
    "\"f\"",
    "[]",
    "{}",
    "2",
    "3.0",
    "1e400",
];

/// Values that aren't valid, or barely.
pub(crate) const ODD_SCALARS: &[&str] = &[
    "nan",
    "inf",
    "-inf",
    "+5",
    "0x1p4",
    "1_000",
    "tru",
    "nul",
    "falsey",
    "\"\\q\"",
    "\"\\u12\"",
    "\"\\ud83d\"",
    "\"\\ud83d\\u0041\"",
    "01",
    "1.",
    ".5",
    "x",
    "",
    "\"\t\"",
    "-",
    "\"open",
    "'a'",
    "Infinity",
    "NaN",
    "nx",
    "\"a\\\\\"",
    "5-3",
    "t",
    "\"\\ud83d\\ude\"",
    "(1)",
    "\"\\u+123z\"",
];

/// Escaped keys of paths.
pub(crate) const ESCAPED_KEYS: &[&str] = &[
    "a\\.b",
    "x\\*y",
    "x\\?",
    "a\\|b",
    "\\a",
    "q\"r",
    "name",
    "back\\\\slash",
    "\\@keys",
    "\\!true",
    "a\\",
    "x\\*?",
    "*\\*y",
    "?\\?",
    "\\*",
    "?\\?\\?",
    "*\\\\",
    "a*\\b*",
    "\\#",
    "é",
    "ключ",
];

/// Patterns of paths.
pub(crate) const PATTERNS: &[&str] = &[
    "*", "a*", "?", "*b", "a?c", "*a*", "??", "x**", "к*", "\\x*",
];

/// Literals of paths.
pub(crate) const LITERALS: &[&str] = &[
    "!true",
    "!\"a\"",
    "!1",
    "![1,{\"a\":2}]",
    "!null",
    "!x",
    "!{\"a\":1}",
    "!nan",
    "!",
    "!\"a]\"",
    "!-1]",
    "!TRUE",
];

/// Operators of paths.
pub(crate) const OPERATORS: &[&str] = &[
    "==", "=", "!=", "<", "<=", ">", ">=", "%", "!%", "==", "%", "!", "=>", "~",
];

/// Operands of paths.
pub(crate) const OPERANDS: &[&str] = &[
    "1",
    "\"a\"",
    "a",
    "true",
    "false",
    "null",
    "\"true\"",
    "~true",
    "~false",
    "~null",
    "~*",
    "~x",
    "\"*\"",
    "a*",
    "\"x\\ny\"",
    "\"1\"",
    "1.5",
    "\"\\u00e9\"",
    "2",
    "0",
    "",
    "\"?\"",
    "*b*",
    "-0",
    "1e3",
    "\"~true\"",
    "\"a",
    "é",
    "\\*",
    "\"a\\.b*\"",
    "[",
    "nan",
];

/// Modifiers of paths.
pub(crate) const MODIFIERS: &[&str] = &[
    "@this", "@reverse", "@ugly", "@pretty", "@valid", "@flatten", "@join", "@keys", "@values",
    "@tostr", "@fromstr", "@group", "@dig", "@none", "@", "@pretty", "@tostr",
];

/// Arguments of paths.
pub(crate) const ARGUMENTS: &[&str] = &[
    ":{\"deep\":true}",
    ":{\"preserve\":true}",
    ":{\"sortKeys\":true}",
    ":{\"width\":20}",
    ":{\"indent\":\"\\t\",\"prefix\":\" \"}",
    ":{\"sortKeys\":true,\"width\":0}",
    ":",
    ":a",
    ":{\"deep\":\"1\"}",
    ":{\"width\":\"40\",\"indent\":\"x \"}",
    ":[1]",
    ":\"a\"",
    ":(|)",
    ":x\"|\"",
    ":{\"width\":1e30}",
    ":{\"width\":7.9}",
    ":{\"deep\":1",
    ":{\"width\":-1}",
    ":{\"width\":true,\"sortKeys\":2}",
    ":\"a\"b",
    ":{\"deep\":true}x",
    ":\"a",
];

/// Marks of paths.
pub(crate) const MARKS: &[&str] = &[
    "\\", "\"", "(", ")", "[", "]", "{", "}", ".", "|", ":", ",", "#", "@",
];
