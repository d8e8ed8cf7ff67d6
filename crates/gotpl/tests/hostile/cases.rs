//! Pure. Hostile templates: what loops, nests, grows or backtracks; every function on large values.
use gotpl::{Registry, Value};

/// A template and what is wrong with it.
pub struct Case {
    /// For the table of the bench, and for failures.
    pub name: String,
    /// The source.
    pub source: String,
}

fn case(name: &str, source: impl Into<String>) -> Case {
    Case {
        name: name.to_owned(),
        source: source.into(),
    }
}

/// The values that hostile templates work on, for which the one who writes the backend is to blame.
pub fn data() -> Value {
    let deep = "[".repeat(300_000);
    let nested = "{\"a\":".repeat(100_000);
    let objects = format!("[{}]", vec!["{\"k\":[1,2.5,null,\"x\"]}"; 20_000].join(","));
    let yaml = "a: {b: [c, {d: e}]}\n- x\n".repeat(20_000);
    let lines: String = (0..50_000).map(|i| format!("k{i}: &a{i} v\n")).collect();
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".repeat(15_000);
    let bomb = bomb();
    Value::strings([
        ("s", "a".repeat(1 << 20)),
        ("u", "é€\u{1f600}\u{301}".repeat(100_000)),
        ("w", "a b, ".repeat(200_000)),
        ("p", "(".repeat(50_000)),
        ("digits", "9".repeat(1 << 20)),
        ("dots", "../.".repeat(250_000)),
        ("deep", deep),
        ("nested", nested),
        ("objects", objects),
        ("yaml", yaml),
        ("lines", lines),
        ("bomb", bomb),
        ("pem", pem),
        ("zeros", "\0".repeat(1 << 20)),
        ("e", "1e".to_owned() + &"9".repeat(300)),
        ("short", "x".to_owned()),
    ])
}

/// Nine aliases of nine aliases, and so on.
fn bomb() -> String {
    let mut text = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for c in 'b'..='z' {
        let before = char::from(c as u8 - 1);
        let aliases = vec![format!("*{before}"); 9].join(",");
        text += &format!("{c}: &{c} [{aliases}]\n");
    }
    text
}

/// Cases thought of one by one: a name, and a template.
const FIXED: &str = r##"
range over a large int: {{range 100000000}}{{end}}
range in range: {{range 100000}}{{range 100000}}{{end}}{{end}}
range with a body: {{range 100000000}}{{$x := 1}}{{if eq $x 1}}a{{end}}{{end}}
recursion: {{define "r"}}{{template "r" .}}{{end}}{{template "r" .}}
recursion twice: {{define "r"}}{{template "r" .}}{{template "r" .}}{{end}}{{template "r" .}}
recursion in width: {{define "r"}}{{range 10}}{{template "r" .}}{{end}}{{end}}{{template "r" .}}
repeat: {{repeat 1000000000 .s}}
output: {{range 1000}}{{.s}}{{end}}
printf width: {{printf "%999999999d" 1}}
printf star: {{printf "%*d" 999999999 1}}
printf many: {{printf (repeat 1000 "%1000000[1]d") 1}}
printf precision: {{printf "%.999999f %.1000000e" 1.5 1e308}}
printf verbs: {{printf (repeat 200000 "%v") 1}}
doubling: {{$x := "x"}}{{range 60}}{{$x = print $x $x}}{{end}}
doubling list: {{$l := list 1}}{{range 60}}{{$l = concat $l $l}}{{end}}
shared list: {{$l := list 1}}{{range 40}}{{$l = list $l $l}}{{end}}{{toJson $l}}
compared lists: {{$l := list 1}}{{range 40}}{{$l = list $l $l}}{{end}}{{deepEqual $l $l}}
deep list: {{$l := list}}{{range 90000}}{{$l = list $l}}{{end}}{{$l}}
dropped deep list: {{$l := list}}{{range 300000}}{{$l = list $l}}{{end}}
cycle: {{$d := dict}}{{$_ := set $d "d" $d}}{{$d}}
cycle to yaml: {{$d := dict}}{{$_ := set $d "d" $d}}{{toYaml $d}}
cycle merged: {{$d := dict}}{{$_ := set $d "d" $d}}{{merge $d (deepCopy $d)}}
two cycles: {{$a := dict}}{{$b := dict "x" $a}}{{$_ := set $a "x" $b}}{{deepEqual $a $b}}
appended: {{$l := list}}{{range 100000}}{{$l = append $l .}}{{end}}
set: {{$d := dict}}{{range 100000}}{{$_ := set $d (print .) .}}{{end}}
uniq: {{uniq (until 100000)}}
without: {{without (until 100000) 1 2 3 4 5 6 7 8 9}}
has in a loop: {{$l := until 10000}}{{range $l}}{{has -1 $l}}{{end}}
sorted: {{sortAlpha (splitList "" .s) | len}}
joined: {{join .w (until 100000)}}
indent: {{indent 1000000 (repeat 100000 "\n")}}
replace: {{replace "" .s .s}}
wrap: {{wrapWith 1 .s .w}}
json: {{.deep | fromJson}}
json objects: {{.objects | mustFromJson | toJson | len}}
yaml: {{.deep | fromYaml}}
yaml objects: {{.yaml | fromYaml | toYaml | len}}
yaml anchors: {{.lines | fromYaml | len}}
yaml bomb: {{.bomb | fromYaml | toJson | len}}
yaml flow: {{fromYaml (print "a: " (repeat 400000 "{a: "))}}
yaml merge: {{fromYaml (print "a: &a {b: 1}\n" (repeat 100000 "<<: *a\n"))}}
yaml block: {{fromYaml (print "a: |\n" (repeat 300000 " x\n")) | len}}
yaml comments: {{fromYaml (repeat 500000 "#\n") | len}}
yaml quotes: {{fromYaml (print "a: \"" (repeat 400000 "\\x41") "\"") | len}}
yaml tags: {{fromYaml (repeat 100000 "- !!str a\n")}}
yaml keys: {{fromYaml (repeat 100000 "? a\n: b\n")}}
yaml tabs: {{fromYaml (repeat 1000000 "\t")}}
decimal: {{addf .digits .digits}}
decimal exponents: {{mulf "1e999999999" "1e-999999999"}}
decimal division: {{divf "1e300" "3"}}
decimal factors: {{mulf .digits .digits .digits}}
atoi: {{atoi .digits}}{{int .digits}}{{float64 .digits}}{{.e | float64}}
round: {{round 1.5 1000000000}}{{round .digits 300}}
semver: {{semverCompare (repeat 100000 ">1 ") "1.2.3"}}
semver or: {{semverCompare (repeat 100000 "1||") "1.2.3"}}
dates: {{date .s now}}{{toDate .s .s}}{{duration .digits}}
layout: {{date (repeat 200000 "2006") now | len}}
bcrypt: {{range 1000}}{{bcrypt "x"}}{{end}}
keys: {{range 1000}}{{genPrivateKey "rsa"}}{{end}}
certificates: {{range 1000}}{{genCA "x" 1}}{{end}}
names: {{genSelfSignedCert "x" nil (splitList "" .w) 1}}
derived: {{range 1000}}{{derivePassword 1 "long" . "u" "s"}}{{end}}
aes: {{range 100}}{{encryptAES "k" $.s | len}}{{end}}
hash: {{range 1000}}{{sha512sum $.s}}{{end}}
hash of all: {{sha256sum .s}}{{sha1sum .s}}{{adler32sum .s}}{{sha512sum .s}}
pem: {{filterPEM "CERTIFICATE" .pem | len}}
pem chain: {{filterCertChain "leaf" .pem}}
random: {{randAlphaNum 1000000000}}
random bytes: {{randBytes 1000000000}}
shuffle: {{range 100}}{{shuffle $.s | len}}{{end}}
case: {{snakecase .w | len}}{{camelcase .w | len}}{{kebabcase .u | len}}
title: {{title .w | len}}{{untitle .w | len}}{{swapcase .u | len}}
quotes: {{quote .u .zeros | len}}{{squote .u | len}}{{js .zeros | len}}{{html .w | len}}
paths: {{clean .dots | len}}{{dir .dots | len}}{{base .dots}}{{ext .dots}}
urls: {{urlParse (print "http://" .s)}}{{urlquery .zeros | len}}
split: {{range 100}}{{splitList "" $.s | len}}{{end}}
split map: {{split "" .s | len}}
chunk: {{chunk 1 (until 100000) | len}}
pluck: {{pluck "a" (dict "a" .s) | toJson | len}}
dig: {{dig "a" "b" "c" "d" .s (fromJson .nested)}}
seq: {{seq 1 1000000000}}
until: {{until 1000000000}}
untilStep: {{untilStep 0 9223372036854775807 1}}{{untilStep 0 10 0}}
print lists: {{range 100}}{{print (until 10000) | len}}{{end}}
slices: {{range 100000}}{{slice $.s 1 1000000 | len}}{{end}}
concatenated: {{$s := ""}}{{range 100000}}{{$s = cat $s .}}{{end}}
compared texts: {{range 100000}}{{eq $.s $.s}}{{end}}
searched: {{range 1000}}{{contains "b" $.s}}{{end}}
searched very badly: {{contains (print (repeat 500000 "a") "b") .s}}{{replace (print (repeat 500000 "a") "b") "" .s | len}}
searched badly: {{contains (print (repeat 50000 "a") "b") .s}}
lengths: {{range 300000}}{{len $.s}}{{end}}
levels: {{nindent 100000 (repeat 100 "\n") | len}}
plural: {{range 100000}}{{plural $.s $.s .}}{{end}}
upper: {{range 100}}{{upper $.u | lower | len}}{{end}}
"##;

/// Sources that are hostile by their length.
fn long() -> Vec<Case> {
    let n = 20_000;
    let numbered = |text: &str, n: usize| -> String {
        (0..n).map(|i| text.replace('#', &i.to_string())).collect()
    };
    let parentheses = format!("{{{{{}1{}}}}}", "(".repeat(n), ")".repeat(n));
    let ifs = "{{if 1}}".repeat(n) + &"{{end}}".repeat(n);
    let else_ifs = format!("{{{{if 0}}}}{}{{{{end}}}}", "{{else if 0}}".repeat(n));
    let blocks = "{{block \"b\" .}}".repeat(n) + &"{{end}}".repeat(n);
    let numbers = |n: usize| format!("{{{{print {}}}}}", "1 ".repeat(n));
    vec![
        case("parentheses", parentheses),
        case("ifs", ifs),
        case("else ifs", else_ifs),
        case("blocks", blocks),
        case("defines", numbered("{{define \"d#\"}}x{{end}}", n)),
        case("few defines", numbered("{{define \"d#\"}}x{{end}}", n / 2)),
        case("actions", "{{.s}}".repeat(300_000)),
        case("as many actions as may be", "{{1}}".repeat(33_000)),
        case("numbers", numbers(900_000)),
        case("as many numbers as may be", numbers(49_000)),
        case("variables", numbered("{{$v# := #}}", 30_000)),
        case("fewer variables", numbered("{{$v# := #}}", 12_000)),
        case(
            "pipeline",
            format!("{{{{1{}}}}}", " | print".repeat(20_000)),
        ),
        case("fields", format!("{{{{.short{}}}}}", ".a".repeat(90_000))),
        case("comments", "{{/* x */}}".repeat(190_000)),
        case("trim", "{{- 1 -}}  ".repeat(30_000)),
        case("open string", format!("{{{{\"{}", "\\\\".repeat(1_000_000))),
    ]
}

/// Cases thought of one by one.
pub fn thought_of() -> Vec<Case> {
    let fixed = FIXED.lines().filter_map(|line| line.split_once(": "));
    let mut all: Vec<Case> = fixed.map(|(name, source)| case(name, source)).collect();
    all.extend(long());
    all.extend(expressions());
    all
}

/// Regular expressions that backtrack, blow up, or match at every place.
fn expressions() -> Vec<Case> {
    let mut all = Vec::new();
    for (name, expression) in [
        ("nested repeats", "(a*)*b"),
        ("alternatives", "(a|aa|aaa)*b"),
        ("lazy", "a*?(b|$)"),
        ("counted", "(((a{100}){100}){100}){100}"),
        ("counted twice", "(a{1000}){1000}"),
        ("optional", "a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaa"),
        ("any", ".*.*.*.*=.*"),
        ("empty", ""),
        ("words", "\\\\w+\\\\W?"),
        ("class", "[\\\\pL\\\\pN]{1,500}[^a]{1,500}"),
        ("quadratic", ".*[^A-Z]|[A-Z]|a"),
    ] {
        for (function, rest) in [
            ("regexFindAll", ".s -1 | len"),
            ("regexReplaceAll", ".s \"${0}${0}\" | len"),
            ("regexSplit", ".s -1 | len"),
            ("regexMatch", ".s"),
        ] {
            let source = format!("{{{{{function} \"{expression}\" {rest}}}}}");
            all.push(case(&format!("{function} {name}"), source));
        }
    }
    all.push(case("expression of parentheses", "{{regexMatch .p \"a\"}}"));
    all.push(case(
        "expression of text",
        "{{regexMatch .s .s}}{{regexQuoteMeta .p | len}}",
    ));
    all.push(case(
        "many expressions",
        "{{range 10000}}{{regexMatch (printf \"[\\\\pL]{1,50}%d\" .) \"abc\"}}{{end}}",
    ));
    all
}

/// Arguments that are large, extreme, or of the wrong kind.
const ARGUMENTS: &[&str] = &[
    ".s",
    ".u",
    ".w",
    ".digits",
    ".objects",
    ".short",
    "9223372036854775807",
    "-9223372036854775808",
    "1000000000",
    "3",
    "1e308",
    "nil",
    "$list",
    "$texts",
    "$dict",
    "$deep",
    "\"\"",
    "\"(a|b)*c\"",
    "true",
];

/// What stands in front of a call: the containers among the arguments.
const PRELUDE: &str = "{{$list := until 20000}}{{$texts := splitList \" \" (trunc 100000 .w)}}\
    {{$dict := dict \"a\" .s \"b\" (dict \"c\" .w)}}{{$deep := list}}\
    {{range 80}}{{$deep = list $deep $dict}}{{end}}";

/// Calls of every function with up to four arguments, `each` of them for each number, by a
/// generator that repeats.
pub fn calls(each: usize, mut draw: impl FnMut(usize) -> usize) -> Vec<Case> {
    let mut all = Vec::new();
    for name in Registry::eso().names() {
        for count in 0..5 {
            for _ in 0..if count == 0 { 1 } else { each } {
                let arguments: Vec<&str> = (0..count)
                    .map(|_| ARGUMENTS[draw(ARGUMENTS.len())])
                    .collect();
                let call = format!("{name} {}", arguments.join(" "));
                all.push(case(&call, format!("{PRELUDE}{{{{{call}}}}}")));
            }
        }
    }
    all
}
