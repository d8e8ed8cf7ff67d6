//! Pure. Hostile regular expressions: those that backtrack, blow up, or match at every place.
use super::{Case, case};

pub(super) fn expressions() -> Vec<Case> {
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
        ("states", "(a|b)*a(a|b){300}"),
        ("many states", "[a-m][ -~]{900}!"),
        ("unicode states", "[\\\\pL][\\\\pL ,]{80}!"),
        ("both cases", "(?i)(a|b|,| )*z"),
        ("boundaries", "\\\\b\\\\B\\\\b|\\\\Ba\\\\B"),
        ("groups", "((a)|(b)|(c)|(d)|(e)|(f)|(g)|(h)|( )|(,))+?"),
    ] {
        for (function, rest) in [
            ("regexFindAll", ".s -1 | len"),
            ("regexReplaceAll", ".s \"${0}${0}\" | len"),
            ("regexSplit", ".s -1 | len"),
            ("regexMatch", ".s"),
            ("regexMatch", ".w"),
            ("regexReplaceAll", ".w \"x\" | len"),
            ("regexFindAll", ".zeros -1 | len"),
            ("regexFind", ".wrong | len"),
            ("regexMatch", ".random"),
            ("regexReplaceAll", ".random \"$1\" | len"),
            ("regexReplaceAll", "(trunc 5000 .random) \"$1\" | len"),
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
