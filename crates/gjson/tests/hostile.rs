//! Shell. Attacks the library: depth, size, repetition, noise. Nothing may crash, overflow a
//! small stack or take more than its budget.

#[path = "support/generate.rs"]
mod generate;
#[path = "support/words.rs"]
mod words;

use std::thread;

use gjson::{LimitError, try_get};

/// The stack of a worker thread.
const STACK: usize = 2 << 20;

fn on_small_stack(attack: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, attack);
        let joined = thread.map(thread::ScopedJoinHandle::join);
        assert!(matches!(joined, Ok(Ok(()))), "the attack panicked");
    });
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    open.repeat(depth) + inner + &close.repeat(depth)
}

#[test]
fn deep_paths_end_in_a_limit() {
    on_small_stack(|| {
        let check = |path: String| {
            let json = br#"[{"a":[{"a":[{"a":1}]}]}]"#;
            assert_eq!(
                try_get(json, &path).err(),
                Some(LimitError::Depth),
                "{:.20}",
                path
            );
        };
        check(nested("[", "a", "]", 20_000));
        check(nested("{", "a", "}", 20_000));
        check(nested("{\"n\":", "a", "}", 20_000));
        check(nested("[@this|", "a", "]", 20_000));
        check(nested("@dig:", "@this", "", 20_000));
    });
}

#[test]
fn deep_documents_end_in_an_answer_or_a_limit() {
    on_small_stack(|| {
        let arrays = nested("[", "1", "]", 100_000);
        let objects = nested("{\"a\":", "1", "}", 50_000);
        let keys = "a.".repeat(60_000) + "a";
        let indexes = "0.".repeat(60_000) + "0";
        let counts = "#.".repeat(60_000) + "#";
        let queries = nested("#(", "a", ")", 60_000);
        let inner_queries = nested("a.#(", "a", ")", 60_000);
        for json in [arrays.as_bytes(), objects.as_bytes()] {
            for path in [&keys, &indexes, &counts, &queries, &inner_queries] {
                let _ = try_get(json, path);
            }
            for path in [
                "@reverse",
                "@flatten",
                "@flatten:{\"deep\":true}",
                "@join",
                "@keys",
                "@values",
                "@tostr|@fromstr",
                "@group",
                "@dig:a",
                "@dig:@dig:a",
                "@pretty",
                "@ugly",
                "@valid",
                "@pretty:{\"sortKeys\":true}",
                "@pretty:{\"width\":1000000000}",
                "#.#.#.#.#",
                "@pretty:{\"indent\":\"\"}",
                "[@this,@this,@this,@this]",
                "..#",
                "*.*.*.*",
            ] {
                let _ = try_get(json, path);
            }
        }
        assert!(matches!(
            try_get(objects.as_bytes(), &keys),
            Err(LimitError::Depth)
        ));
        assert!(matches!(
            try_get(arrays.as_bytes(), "@dig:a"),
            Err(LimitError::Scanned)
        ));
        assert!(matches!(
            try_get(arrays.as_bytes(), "@pretty"),
            Err(LimitError::Produced)
        ));
    });
}

#[test]
fn repetition_ends_in_a_limit() {
    on_small_stack(|| {
        let json = format!("[{}1]", r#"{"a":"x","b":[1,2]},"#.repeat(10_000));
        let json = json.as_bytes();
        let produced = [
            "@pretty|".repeat(1_000) + "@this",
            "@tostr|".repeat(1_000) + "@this",
            "@reverse|".repeat(1_000) + "@this",
            "[@this,@this]|".repeat(1_000) + "@this",
            format!("[{}@this]", "@this,".repeat(1_000)),
            format!("@pretty:{{\"prefix\":\"{}\"}}", " ".repeat(100_000)),
        ];
        for path in produced {
            assert_eq!(
                try_get(json, &path).err(),
                Some(LimitError::Produced),
                "{path:.20}"
            );
        }
        let scanned = [
            "@valid|".repeat(10_000) + "@this",
            format!("[{}zz]", "zz,".repeat(10_000)),
            format!("#.[{}zz]", "zz,".repeat(3_000)),
        ];
        for path in scanned {
            assert_eq!(
                try_get(json, &path).err(),
                Some(LimitError::Scanned),
                "{path:.20}"
            );
        }
    });
}

#[test]
fn patterns_take_few_steps() {
    let json = format!(
        r#"{{"{}b":[{{"a":"{}"}}]}}"#,
        "a".repeat(5_000),
        "a".repeat(5_000)
    );
    let stars = "*a".repeat(200);
    let miss = try_get(json.as_bytes(), &format!("{stars}c"));
    assert!(miss.is_ok_and(|value| !value.exists()));
    let hit = try_get(json.as_bytes(), &format!("{stars}*b.#(a%\"{stars}*\")#|#"));
    assert!(hit.is_ok_and(|value| value.raw() == b"1"));
    let long = format!(r#"{{"{}":1}}"#, "a".repeat(1_000_000));
    let costly = try_get(
        long.as_bytes(),
        &("*".to_owned() + &"a?".repeat(5_000) + "b"),
    );
    assert_eq!(costly.err(), Some(LimitError::Scanned));
}

#[test]
fn plain_paths_of_many_steps_still_answer() {
    let depth = 1_000;
    let json = nested("{\"a\":", "\"end\"", "}", depth);
    let value = try_get(json.as_bytes(), &vec!["a"; depth].join("."));
    assert!(value.is_ok_and(|value| *value.text() == *b"end"));
}

/// Documents and paths of noise and of the generator: none may panic, and what is part of the
/// document must be a part of it.
#[test]
fn noise_never_panics() {
    let mut rng = generate::Rng(7);
    let alphabet = br#"{}[]()"\,:.|#@!*?=<>%~019-+eEnulltruefalsaxb u"#;
    on_small_stack(move || {
        for round in 0..40_000 {
            let mut json = generate::document(&mut rng);
            if round % 2 == 0 {
                for _ in 0..rng.below(40) {
                    json.push(alphabet[rng.below(alphabet.len())]);
                }
            }
            let path = if round % 3 == 0 {
                let length = rng.below(24);
                let noise = (0..length).map(|_| char::from(alphabet[rng.below(alphabet.len())]));
                noise.collect()
            } else {
                generate::whole_path(&mut rng, &json)
            };
            if let Ok(value) = try_get(&json, &path) {
                let shown = format!("{value:?} {:?}", value.text());
                assert!(shown.is_ascii() && shown.len() < 80, "{shown}");
            }
        }
    });
}
