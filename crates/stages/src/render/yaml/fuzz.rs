//! Shell. The fuzz target of rendered maps: no panic, no hang, nothing of the text in an error.

#[path = "../../../../gotpl/tests/it/fuzz/harness.rs"]
#[allow(dead_code)]
mod harness;

use super::strings;
use harness::mutated;

/// Stands in every document.
const SECRET: &str = "Sq7Zx9";

const DOCUMENTS: &[&str] = &[
    "a: 1\nb: yes\nc: ~\nd: 'it''s'\ne: \"Sq7Zx9\\n\"\n",
    "a: &q Sq7Zx9\nb: *q\n<<: {c: 0755, d: 0x1f}\n",
    "a: |\n  line\n  Sq7Zx9\nb: >-\n  folded\n  text\n1.50: 3.14159265358979\n",
    "? Sq7Zx9\n: value\n!!str 5: !!binary aGk=\ntrue: .inf\n",
    "{a: b, c: [1, 2], d: {e: f}}\n---\nx: y\n",
];

const WORDS: &[&str] = &[
    "\n",
    "\n  ",
    ": ",
    "- ",
    "&a ",
    "*a",
    "<<: ",
    "[",
    "]",
    "{",
    "}",
    "|",
    ">",
    "? ",
    "!!map ",
    "\"",
    "'",
    "\t",
    "---",
    "...",
    "%TAG",
    "Sq7Zx9",
    "~",
    "0b1",
    "1e999",
    "1_000",
    "-0",
    "\u{feff}",
    "#",
    "190:20:30",
];

#[test]
fn rendered_maps_never_panic_hang_or_tell() {
    harness::run("rendered maps", || {
        let corpus: Vec<Vec<u8>> = DOCUMENTS
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect();
        Box::new(move |rng, note| {
            let input = mutated(rng, &corpus, WORDS);
            note(&input);
            if let Err(told) = strings(&input) {
                assert!(!told.contains(SECRET), "told: {told}");
            }
        })
    });
}
