//! Pure. Hostile templates thought of one by one.
use super::{Case, case};

/// A name and a template in each line.
const FIXED: &str = include_str!("../templates.txt");

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

/// All of them.
pub(super) fn thought_of() -> Vec<Case> {
    let fixed = FIXED.lines().filter_map(|line| line.split_once(": "));
    let mut all: Vec<Case> = fixed.map(|(name, source)| case(name, source)).collect();
    all.extend(long());
    all
}
