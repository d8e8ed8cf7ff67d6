//! Shell. The grammar of generated templates: every syntax form, and mistakes in between.
use std::fmt::Write as _;

use crate::support::Counter;

/// Makes templates, most of which are well formed.
pub(super) struct Grammar {
    rng: Counter,
    /// Variables in scope: `$v0` to `$v(n-1)`.
    vars: usize,
    depth: usize,
    loops: usize,
}

const KEYS: &[&str] = &[
    "s", "n", "f", "e", "z", "b", "l", "m", "m.k", "m.o", "m.o.p", "absent",
];
const LITERALS: &[&str] = &[
    "1",
    "-2",
    "0",
    "2.5",
    "1e3",
    "'x'",
    "0x1F",
    "1_0",
    "true",
    "false",
    "nil",
    "\"a\"",
    "`r\n`",
    "\"\"",
    "\"\\u00e9\\xff\"",
    "1+2i",
    "3i",
    "1e400",
    "\"%5.2f|%v|%q\"",
    "\"b,a\"",
    "\"k\"",
];
const UNARY: &[&str] = &[
    "upper",
    "len",
    "not",
    "toJson",
    "quote",
    "typeOf",
    "kindOf",
    "toString",
    "html",
    "js",
    "urlquery",
    "print",
    "println",
    "int",
    "float64",
    "empty",
    "first",
    "last",
    "rest",
    "initial",
    "reverse",
    "uniq",
    "title",
    "b64enc",
    "trim",
    "add1",
    "list",
    "dict",
    "sortAlpha",
    "toYaml",
    "squote",
    "fromJson",
    "until",
    "ceil",
    "compact",
    "snakecase",
    "toStrings",
];
const BINARY: &[&str] = &[
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "and",
    "or",
    "index",
    "print",
    "printf",
    "add",
    "mul",
    "default",
    "append",
    "prepend",
    "has",
    "cat",
    "join",
    "hasPrefix",
    "contains",
    "trunc",
    "dict",
    "list",
    "coalesce",
    "get",
    "hasKey",
    "concat",
    "without",
    "splitList",
    "div",
    "max",
    "nindent",
    "deepEqual",
    "set",
    "merge",
    "dig",
    "slice",
    "round",
    "call",
];

impl Grammar {
    pub(super) fn new(rng: Counter) -> Self {
        Self {
            rng,
            vars: 0,
            depth: 0,
            loops: 0,
        }
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        let mut bytes = [0; 4];
        gotpl::Random::fill(&mut self.rng, &mut bytes);
        u32::from_le_bytes(bytes) as usize % bound
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        let at = self.below(from.len());
        from[at]
    }

    pub(super) fn template(&mut self) -> String {
        (self.vars, self.depth, self.loops) = (0, 0, 0);
        let mut out = String::new();
        for _ in 0..1 + self.below(4) {
            self.node(&mut out);
        }
        out
    }

    fn open(&mut self) -> &'static str {
        self.pick(&["{{", "{{", "{{- ", "{{ ", "{{\n"])
    }

    fn close(&mut self) -> &'static str {
        self.pick(&["}}", "}}", " -}}", " }}"])
    }

    fn action(&mut self, out: &mut String, body: &str) {
        let (open, close) = (self.open(), self.close());
        let _ = write!(out, "{open}{body}{close}");
    }

    fn block(&mut self, out: &mut String) {
        let vars = self.vars;
        for _ in 0..self.below(3) {
            self.node(out);
        }
        self.vars = vars;
    }

    fn node(&mut self, out: &mut String) {
        self.depth += 1;
        match self.below(if self.depth > 4 { 6 } else { 16 }) {
            0 | 1 => out.push_str(self.pick(&["text", " \n ", "é", "} } {", "\t\"", "\r\n"])),
            2..=4 => {
                let pipe = self.pipeline();
                self.action(out, &pipe);
            }
            5 => out.push_str(self.pick(&["{{/* c */}}", "{{- /* c */ -}}", "{{/**/ -}}"])),
            6 | 7 => {
                let pipe = self.pipeline();
                let body = format!("$v{} := {pipe}", self.vars);
                self.action(out, &body);
                self.vars += 1;
            }
            8 if self.vars > 0 => {
                let pipe = self.pipeline();
                let body = format!("$v{} = {pipe}", self.below(self.vars));
                self.action(out, &body);
            }
            9 if self.loops > 0 => out.push_str(self.pick(&["{{break}}", "{{continue}}"])),
            10 => self.template_call(out),
            11 | 12 => self.range(out),
            13 => self.branch(out, "with"),
            14 => self.mistake(out),
            _ => self.branch(out, "if"),
        }
        self.depth -= 1;
    }

    fn branch(&mut self, out: &mut String, word: &str) {
        let vars = self.vars;
        let mut pipe = self.pipeline();
        if self.below(4) == 0 {
            pipe = format!("$v{} := {pipe}", self.vars);
            self.vars += 1;
        }
        self.action(out, &format!("{word} {pipe}"));
        self.block(out);
        if self.below(3) == 0 {
            let pipe = self.pipeline();
            self.action(out, &format!("else {word} {pipe}"));
            self.block(out);
        }
        if self.below(2) == 0 {
            out.push_str("{{else}}");
            self.block(out);
        }
        out.push_str("{{end}}");
        self.vars = vars;
    }

    fn range(&mut self, out: &mut String) {
        let vars = self.vars;
        let over = match self.below(6) {
            0 => "3".into(),
            1 => "$".into(),
            2 => "(list 1 \"a\" nil)".into(),
            3 => "(dict \"b\" 1 \"a\" .)".into(),
            _ => self.pipeline(),
        };
        let declared = match self.below(4) {
            0 => String::new(),
            1 => format!("$v{} := ", self.vars),
            2 => format!("$v{}, $v{} := ", self.vars, self.vars + 1),
            _ if self.vars > 1 => "$v0, $v1 = ".into(),
            _ => String::new(),
        };
        self.vars += declared.matches(":=").count() * declared.matches('$').count();
        self.action(out, &format!("range {declared}{over}"));
        self.loops += 1;
        self.block(out);
        self.loops -= 1;
        self.vars = vars;
        if self.below(2) == 0 {
            out.push_str("{{else}}");
            self.block(out);
        }
        out.push_str("{{end}}");
    }

    fn template_call(&mut self, out: &mut String) {
        let data = self.pipeline();
        let (vars, loops) = (
            std::mem::take(&mut self.vars),
            std::mem::take(&mut self.loops),
        );
        let name = self.pick(&["A", "B", "A b", "none"]);
        match self.below(3) {
            0 => {
                let _ = write!(out, "{{{{block \"{name}{}\" {data}}}}}", self.depth);
                self.block(out);
                out.push_str("{{end}}");
            }
            1 if self.depth == 1 => {
                let _ = write!(out, "{{{{define \"{name}\"}}}}");
                self.block(out);
                let _ = write!(out, "{{{{end}}}}{{{{template \"{name}\" {data}}}}}");
            }
            _ => {
                let _ = write!(out, "{{{{template `{name}`}}}}");
            }
        }
        (self.vars, self.loops) = (vars, loops);
    }

    fn mistake(&mut self, out: &mut String) {
        out.push_str(self.pick(&[
            "{{end}}",
            "{{else}}",
            "{{",
            "{{if}}",
            "{{)}}",
            "{{.a b}}",
            "{{$u}}",
            "{{1 | 2}}",
            "{{\"a}}",
            "{{break}}",
            "{{nope 1}}",
            "{{/* x}}",
            "{{range}}{{end}}",
            "{{(1}}",
            "{{template}}",
            "{{define \"d\"}}",
            "{{.1a}}",
            "{{$v0 := }}",
            "{{a.b}}",
            "{{1.x}}",
            "{{.s.t.u}}",
            "{{'ab'}}",
            "{{\"\\z\"}}",
            "{{ . | }}",
            "{{@}}",
            "{{.x-1}}",
            "{{else if 1}}",
        ]));
    }

    fn pipeline(&mut self) -> String {
        let mut out = self.command();
        while self.below(3) == 0 {
            let function = self.pick(UNARY);
            let _ = write!(out, " | {function}");
        }
        out
    }

    fn command(&mut self) -> String {
        self.depth += 1;
        let made = match self.below(if self.depth > 6 { 2 } else { 7 }) {
            0 | 1 => self.operand(),
            2 | 3 => format!("{} {}", self.pick(UNARY), self.operand()),
            4 | 5 => format!(
                "{} {} {}",
                self.pick(BINARY),
                self.operand(),
                self.operand()
            ),
            _ => {
                let function = self.pick(&["printf", "print", "index", "list", "and", "or", "eq"]);
                format!(
                    "{function} {} {} {}",
                    self.operand(),
                    self.operand(),
                    self.operand()
                )
            }
        };
        self.depth -= 1;
        made
    }

    fn operand(&mut self) -> String {
        match self.below(12) {
            0 => ".".into(),
            1 => "$".into(),
            2..=4 => format!(".{}", self.pick(KEYS)),
            5 => format!("$.{}", self.pick(KEYS)),
            6 if self.vars > 0 => format!("$v{}", self.below(self.vars)),
            7 if self.vars > 0 => format!("$v{}.{}", self.below(self.vars), self.pick(KEYS)),
            8 | 9 if self.depth < 6 => format!("({})", self.pipeline()),
            10 if self.depth < 6 => format!("({}).{}", self.pipeline(), self.pick(KEYS)),
            _ => self.pick(LITERALS).into(),
        }
    }
}
