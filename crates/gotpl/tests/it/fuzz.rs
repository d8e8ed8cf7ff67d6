//! Shell. Fuzz targets: templates, JSON and YAML, PEM, PKCS#12. No panic, no hang, nothing told.
mod harness;

use gotpl::{Env, Limits, Options, Template, Value};
use harness::{Rng, damaged, mutated};

use crate::crypto::rendered;
use crate::support::Counter;

/// Stands in every value; what an error tells in public may not have it.
const SECRET: &str = "Sq7Zx9";
/// Stands as a literal in templates, and may not be told either.
const LITERAL: &str = "Lq3Wv8";

/// Small, so that many inputs fit into the time.
fn limits(key_work: u32) -> Limits {
    Limits {
        steps: 100_000,
        memory_bytes: 4 << 20,
        output_bytes: 1 << 20,
        key_work,
        ..Limits::default()
    }
}

/// Parses and executes; panics if an error's public face tells a marker.
fn tried(template: &[u8], data: &Value, key_work: u32) {
    let hidden = |told: &str| {
        for marker in [SECRET, LITERAL] {
            assert!(!told.contains(marker), "{marker} is told: {told}");
        }
    };
    let options = Options {
        limits: limits(key_work),
        ..Options::default()
    };
    let template = match Template::parse("t", template, &options) {
        Ok(template) => template,
        Err(error) => {
            hidden(&error.public_without_names());
            if error.function().is_none() {
                hidden(&format!("{error} {error:?}"));
            }
            return;
        }
    };
    template.keys_used();
    template.uses_random_or_time();
    let mut env = Env {
        now: jiff::Timestamp::from_second(1_700_000_000).unwrap(),
        zone: jiff::tz::TimeZone::UTC,
        rng: &mut Counter(1),
        limits: limits(key_work),
        expired: &|| false,
    };
    if let Err(error) = template.execute(data, &mut env) {
        hidden(&format!("{error} {error:?} {:?}", error.kind()));
    }
}

/// The templates of the corpus.
fn templates() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
    let mut all = Vec::new();
    for name in ["language", "sprig", "functions"] {
        let text = std::fs::read(format!("{folder}/{name}.json")).unwrap();
        let cases: Vec<serde_json::Value> = serde_json::from_slice(&text).unwrap();
        all.extend(
            cases
                .iter()
                .filter_map(|case| Some(case["t"].as_str()?.as_bytes().to_vec())),
        );
    }
    assert!(all.len() > 5000, "{} templates", all.len());
    all
}

const TEMPLATE_WORDS: &[&str] = &[
    "{{",
    "}}",
    "{{-",
    "-}}",
    "{{end}}",
    "{{else}}",
    "{{break}}",
    "{{/*",
    "*/}}",
    "(",
    ")",
    "|",
    ".",
    "$",
    ".secret",
    "$.secret",
    "\"Lq3Wv8\"",
    "`Lq3Wv8`",
    "nil",
    "true",
    "-1",
    "0",
    "9223372036854775807",
    "1e308",
    "0x1p-1074",
    "1i",
    "'x'",
    ":=",
    "=",
    ",",
    "$x",
    "range",
    "if",
    "with",
    "define",
    "template",
    "block",
    "%v",
    "%!d",
    "%[2]*.[1]*f",
    "index",
    "slice",
    "printf",
    "call",
    "dict",
    "list",
    "fromJson",
    "toYaml",
    "regexFindAll",
    "until",
    "repeat",
    "merge",
];

#[test]
fn templates_never_panic_hang_or_tell() {
    harness::run("templates", || {
        let corpus = templates();
        let data = Value::map([
            ("secret", Value::str(SECRET)),
            ("s", Value::str(format!("text {SECRET}"))),
            (
                "l",
                Value::list([Value::str(SECRET), Value::int(1), Value::Nil]),
            ),
            ("m", Value::map([("k", Value::str(SECRET))])),
            ("n", Value::Float(3.0)),
        ]);
        Box::new(move |rng, note| {
            let template = mutated(rng, &corpus, TEMPLATE_WORDS);
            note(&template);
            tried(&template, &data, 0);
        })
    });
}

fn document(rng: &mut Rng, corpus: &[&str], words: &[&str]) -> Vec<u8> {
    let corpus: Vec<Vec<u8>> = corpus.iter().map(|text| text.as_bytes().to_vec()).collect();
    mutated(rng, &corpus, words)
}

/// Tries each of the templates on one input.
fn on_input(sources: &'static [&'static str], input: &[u8], key_work: u32) {
    let data = Value::strings([("i", input), ("p", SECRET.as_bytes())]);
    for source in sources {
        tried(source.as_bytes(), &data, key_work);
    }
}

const YAML: &[&str] = &[
    "a: 1\nb: [x, 2.0, ~]\nc: {d: yes, e: 'it''s'}\n",
    "a: &q {x: 1}\nb: *q\nc:\n  <<: *q\n  y: 2\n",
    "a: |\n  line\n  Sq7Zx9\nb: >-\n  folded\n  text\n? complex\n: value\n",
    "- 0755\n- 0x1f\n- 1_000\n- .inf\n- 2020-01-01\n- !!str 5\n- !!binary aGk=\n",
    "%YAML 1.1\n---\na: \"\\x41\\u00e9\\n\"\n...\n---\nb: 2 # comment\n",
];

#[test]
fn yaml_never_panics_hangs_or_tells() {
    harness::run("yaml", || {
        Box::new(|rng, note| {
            let words = [
                "\n", "\n  ", ": ", "- ", "&a ", "*a", "<<: ", "[", "]", "{", "}", "|", ">", "? ",
                "!!map ", "\"", "'", "\t", "---", "...", "%TAG", "Sq7Zx9", "~", "0b1", "1e999",
                "\u{feff}", "#",
            ];
            let input = document(rng, YAML, &words);
            note(&input);
            on_input(
                &["{{fromYaml .i | toYaml}}", "{{fromYaml .i | toJson}}"],
                &input,
                0,
            );
        })
    });
}

#[test]
fn json_never_panics_hangs_or_tells() {
    harness::run("json", || {
        Box::new(|rng, note| {
            let corpus = [
                "{\"b\":[1,2.50,\"\\u00e9<\"],\"a\":null,\"c\":{\"d\":true}}",
                "[\"Sq7Zx9\",1e3,-0,\"\\ud83d\\ude00\",{},[]]",
            ];
            let words = [
                "{", "}", "[", "]", ",", ":", "\"", "\\u", "\\ud800", "1e999", "-", "Sq7Zx9",
                "null", "0x1",
            ];
            let input = document(rng, &corpus, &words);
            note(&input);
            let sources = &[
                "{{fromJson .i | toPrettyJson}}",
                "{{mustFromJson .i | toYaml}}",
                "{{mustFromJson .i}}",
            ];
            on_input(sources, &input, 0);
        })
    });
}

/// A key and two certificates, made once.
fn chain() -> String {
    rendered(
        "{{$k := genPrivateKey \"ecdsa\"}}{{$ca := genCAWithKey \"Sq7Zx9\" 9 $k}}\
         {{$c := genSignedCertWithKey \"l\" (list \"10.0.0.1\") (list \"a.example\") 9 $ca $k}}\
         {{$c.Cert}}{{$ca.Cert}}{{$k}}",
        &[],
    )
}

#[test]
fn pem_never_panics_hangs_or_tells() {
    harness::run("pem", || {
        let whole = chain();
        let corpus = vec![
            whole.as_bytes().to_vec(),
            b"junk Sq7Zx9\n-----BEGIN X-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END X-----\n"
                .to_vec(),
        ];
        // The bytes inside the blocks, damaged and wrapped again.
        let blocks: Vec<Vec<u8>> = whole
            .split("-----BEGIN ")
            .filter_map(|block| block.split_once("-----\n")?.1.split_once("\n-----END"))
            .map(|(body, _)| {
                let data = [("b", body)];
                crate::crypto::rendered_with(
                    "{{.b | replace \"\\n\" \"\" | b64dec}}",
                    &Value::strings(data),
                )
            })
            .collect();
        assert_eq!(blocks.len(), 3);
        Box::new(move |rng, note| {
            let words = [
                "-----BEGIN ",
                "-----END ",
                "-----",
                "\n",
                "CERTIFICATE",
                "EC PRIVATE KEY",
                "=",
                ": ",
                "Sq7Zx9",
            ];
            let input = if rng.below(2) == 0 {
                mutated(rng, &corpus, &words)
            } else {
                let kind = *rng.pick(&[
                    "CERTIFICATE",
                    "EC PRIVATE KEY",
                    "PRIVATE KEY",
                    "RSA PRIVATE KEY",
                ]);
                let der = damaged(rng, &blocks);
                let data = Value::strings([("d", der.as_slice()), ("k", kind.as_bytes())]);
                let source = "-----BEGIN {{.k}}-----\n{{.d | b64enc}}\n-----END {{.k}}-----\n";
                crate::crypto::rendered_with(source, &data)
            };
            note(&input);
            let sources = &[
                "{{filterPEM \"CERTIFICATE\" .i}}",
                "{{filterCertChain \"leaf\" .i}}",
                "{{filterCertChain \"root\" .i}}",
                "{{certSANs .i}}",
                "{{rsaDecrypt \"RSA-OAEP\" \"SHA1\" .p .i}}",
                "{{pemToPkcs12 .i .i}}",
                "{{buildCustomCert (b64enc .i) (b64enc .i)}}",
                "{{genCAWithKey \"x\" 1 .i}}",
                "{{jwkPrivateKeyPem .i}}",
            ];
            on_input(sources, &input, 100);
        })
    });
}

#[test]
fn pkcs12_never_panics_hangs_or_tells() {
    harness::run("pkcs12", || {
        let whole = chain();
        let data = Value::strings([("c", whole.as_str()), ("p", SECRET)]);
        let certs =
            "{{$c := filterPEM \"CERTIFICATE\" .c}}{{$k := filterPEM \"EC PRIVATE KEY\" .c}}";
        let made = |rest: &str| crate::crypto::rendered_with(&format!("{certs}{rest}"), &data);
        let corpus = vec![
            made("{{fullPemToPkcs12Pass $c $k .p | b64dec}}"),
            made("{{pemToPkcs12Pass $c $k .p | b64dec}}"),
            made("{{pemTruststoreToPKCS12Pass $c .p | b64dec}}"),
        ];
        Box::new(move |rng, note| {
            let input = damaged(rng, &corpus);
            note(&input);
            let sources = &[
                "{{pkcs12certPass .p .i}}",
                "{{pkcs12keyPass .p .i}}",
                "{{pkcs12key .i}}",
            ];
            on_input(sources, &input, 100);
        })
    });
}
