//! Shell. Hostile templates end in a clear error, within the stack of a small thread.

use gotpl::{ExecErrorKind, Limit, Limits, Options, Template, Value};

use crate::support::execute;

/// The stack that an async runtime gives its workers.
const STACK: usize = 2 << 20;

#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Rendered so many bytes.
    Bytes(usize),
    Limit(Limit),
    Fails,
    /// Does not parse, for another reason than a limit.
    Malformed,
}

fn run(source: String, data: Value) -> End {
    let template = match Template::parse("t", source, &Options::default()) {
        Ok(template) => template,
        Err(err) => return err.limit().map_or(End::Malformed, End::Limit),
    };
    match execute(&template, &data) {
        Ok(out) => End::Bytes(out.len()),
        Err(err) => match err.kind() {
            ExecErrorKind::Limit(limit) => End::Limit(*limit),
            _ => End::Fails,
        },
    }
}

fn check(source: impl Into<String>, expected: End) {
    let source = source.into();
    let shown: String = source.chars().take(60).collect();
    let thread = std::thread::Builder::new().stack_size(STACK);
    let run = thread.spawn(move || run(source, Value::strings([("a", "x")])));
    assert_eq!(run.unwrap().join().unwrap(), expected, "{shown}");
}

#[test]
fn nesting_in_the_source_is_limited() {
    // At some lengths the number of parts is noticed before their depth.
    for (n, structures) in [(200, Limit::Nesting), (20_000, Limit::Tokens)] {
        let parens = format!("{{{{{}1{}}}}}", "(".repeat(n), ")".repeat(n));
        check(parens, End::Limit(Limit::Nesting));
        let open = ["{{if 1}}", "{{range 1}}", "{{with 1}}", "{{block \"b\" .}}"];
        for open in open {
            let source = open.repeat(n) + &"{{end}}".repeat(n);
            check(source, End::Limit(structures));
        }
        check(
            format!("{{{{if 0}}}}{}{{{{end}}}}", "{{else if 0}}".repeat(n)),
            End::Limit(structures),
        );
    }
    let deep = Limits::default().nesting - 1;
    check(
        format!("{{{{{}1{}}}}}", "(".repeat(deep), ")".repeat(deep)),
        End::Bytes(1),
    );
    check(
        "{{if 1}}".repeat(deep) + "x" + &"{{end}}".repeat(deep),
        End::Bytes(1),
    );
}

#[test]
fn source_is_limited() {
    check("x".repeat(2 << 20), End::Bytes(2 << 20));
    check("x".repeat((2 << 20) + 1), End::Limit(Limit::Source));
    // Five parts and the text between them, and the end.
    let most = Limits::default().tokens;
    check("{{1}}".repeat(most / 3), End::Bytes(most / 3));
    check("{{1}}".repeat(most / 3 + 1), End::Limit(Limit::Tokens));
    check(
        "{{1 ".to_owned() + &"1 ".repeat(most),
        End::Limit(Limit::Tokens),
    );
}

#[test]
fn recursion_is_limited() {
    check(
        "{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}",
        End::Limit(Limit::Depth),
    );
    let body = "{{if 1}}{{with 1}}{{range 1}}{{(((print (template_depth))))}}";
    let body = body.replace(
        "{{(((print (template_depth))))}}",
        "{{template \"r\" (list .)}}",
    );
    let text = format!(
        "{{{{define \"r\"}}}}{body}{}{{{{end}}}}",
        "{{end}}".repeat(3)
    );
    check(text + "{{template \"r\" .}}", End::Limit(Limit::Depth));
}

#[test]
fn loops_are_limited() {
    check("{{range 100000000}}{{end}}", End::Limit(Limit::Steps));
    check(
        "{{range until 100000000}}{{end}}",
        End::Limit(Limit::Memory),
    );
    check(
        "{{range 100000}}{{range 100000}}{{end}}{{end}}",
        End::Limit(Limit::Steps),
    );
    check(
        "{{range untilStep 0 9223372036854775807 1}}{{end}}",
        End::Limit(Limit::Memory),
    );
    check(
        "{{seq 1 9223372036854775806 | len}}",
        End::Limit(Limit::Memory),
    );
}

#[test]
fn output_and_memory_are_limited() {
    check("{{repeat 1000000000 \"abc\"}}", End::Limit(Limit::Memory));
    check(
        "{{repeat 9223372036854775807 \"abc\"}}",
        End::Limit(Limit::Memory),
    );
    check(
        "{{range 1000}}{{repeat 10000 \"x\"}}{{end}}",
        End::Limit(Limit::Output),
    );
    check(
        "{{$x := \"x\"}}{{range 60}}{{$x = print $x $x}}{{end}}",
        End::Limit(Limit::Memory),
    );
    check(
        "{{indent 9223372036854775807 \"a\"}}",
        End::Limit(Limit::Memory),
    );
    check(
        "{{replace \"a\" (repeat 10000 \"b\") (repeat 10000 \"a\")}}",
        End::Limit(Limit::Memory),
    );
    check("{{randAlpha 1000000000}}", End::Limit(Limit::Memory));
    check("{{printf \"%999999999d\" 1}}", End::Bytes(25));
    check("{{printf \"%*d\" 1000000 1 | len}}", End::Bytes(7));
    check(
        "{{printf (repeat 100 \"%1000000[1]d\") 1}}",
        End::Limit(Limit::Memory),
    );
    check("{{printf \"%.1000000f\" 1.5 | len}}", End::Bytes(7));
}

#[test]
fn deep_and_cyclic_values_are_limited() {
    let nest = "{{$l := list}}{{range 100000}}{{$l = list $l}}{{end}}";
    check(nest, End::Bytes(0));
    for use_it in [
        "{{$l}}",
        "{{toJson $l}}",
        "{{toYaml $l}}",
        "{{deepCopy $l}}",
    ] {
        check(format!("{nest}{use_it}"), End::Limit(Limit::ValueDepth));
    }
    check(
        format!("{nest}{{{{deepEqual $l (list $l)}}}}"),
        End::Limit(Limit::ValueDepth),
    );
    let cycle = "{{$d := dict}}{{$_ := set $d \"d\" $d}}";
    for use_it in [
        "{{$d}}",
        "{{toJson $d}}",
        "{{toYaml $d}}",
        "{{deepCopy $d}}",
        "{{quote $d}}",
    ] {
        check(format!("{cycle}{use_it}"), End::Limit(Limit::ValueDepth));
    }
    check(
        "{{$l := list 1}}{{range 40}}{{$l = list $l $l}}{{end}}{{$l}}",
        End::Limit(Limit::Steps),
    );
}

#[test]
fn deep_documents_are_limited() {
    for open in ["[", "{\"a\":"] {
        let text = open.repeat(100_000);
        check(
            format!("{{{{mustFromJson `{text}`}}}}"),
            End::Limit(Limit::ValueDepth),
        );
    }
    // The YAML scanner has a limit of its own, which is told as any mistake in the text.
    let yaml = format!(
        "{{{{hasKey (fromYaml `a: {}`) `Error`}}}}",
        "[".repeat(100_000)
    );
    check(yaml, End::Bytes(4));
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
        + &('b'..='i')
            .map(|c| {
                let before = char::from(c as u8 - 1);
                format!("{c}: &{c} [{}]\n", vec![format!("*{before}"); 9].join(","))
            })
            .collect::<String>();
    check(
        format!("{{{{fromYaml `{bomb}` | len}}}}"),
        End::Limit(Limit::Memory),
    );
}

#[test]
fn regular_expressions_are_limited() {
    let text = "{{$t := repeat 100000 \"a\"}}";
    check(
        format!("{text}{{{{regexFindAll \"a*?(b|$)\" $t -1 | len}}}}"),
        End::Bytes(1),
    );
    let quadratic = "{{regexFindAll \".*[^A-Z]|[A-Z]\" (repeat 300000 \"A\") -1 | len}}";
    check(quadratic, End::Limit(Limit::Steps));
    check(
        "{{regexMatch \"(((a{100}){100}){100}){100}\" \"a\"}}",
        End::Bytes(5),
    );
    check(
        format!("{{{{regexMatch `{}` `a`}}}}", "(".repeat(50_000)),
        End::Bytes(5),
    );
}

#[test]
fn deadline_is_kept() {
    let template = Template::parse("t", "{{range 900000}}{{end}}", &Options::default()).unwrap();
    let mut rng = crate::support::Counter(1);
    let polls = std::cell::Cell::new(0);
    let mut env = gotpl::Env {
        now: jiff::Timestamp::UNIX_EPOCH,
        zone: jiff::tz::TimeZone::UTC,
        rng: &mut rng,
        limits: Limits::default(),
        expired: &|| {
            polls.set(polls.get() + 1);
            polls.get() > 3
        },
    };
    let err = template.execute(&Value::Nil, &mut env).unwrap_err();
    assert_eq!(*err.kind(), ExecErrorKind::Limit(Limit::Deadline));
    assert_eq!(polls.get(), 4);
}
