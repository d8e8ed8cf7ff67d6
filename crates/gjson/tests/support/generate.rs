//! Pure. Makes documents and paths from a seed: mostly sensible, some broken.

use super::words::*;

/// SplitMix64: the same numbers on every machine.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap_or_default()
    }

    /// Returns one of `items`.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }

    /// Says yes once in `n` times.
    pub(crate) fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

fn scalar(rng: &mut Rng, odd: bool, out: &mut String) {
    let list = if odd && rng.once_in(3) {
        ODD_SCALARS
    } else {
        SCALARS
    };
    out.push_str(rng.pick(list));
}

fn space(rng: &mut Rng, out: &mut String) {
    if rng.once_in(6) {
        out.push_str(rng.pick(&[" ", "\n", "\t ", "  ", "\r\n"]));
    }
}

fn value(rng: &mut Rng, depth: usize, odd: bool, out: &mut String) {
    space(rng, out);
    match rng.below(if depth == 0 { 4 } else { 10 }) {
        0..4 => scalar(rng, odd, out),
        4..7 => {
            out.push('{');
            let few = rng.once_in(2);
            for i in 0..rng.below(5) {
                if i > 0 {
                    out.push_str(if odd && rng.once_in(9) { " " } else { "," });
                }
                space(rng, out);
                out.push('"');
                let keys = if few {
                    KEYS.get(..3).unwrap_or(KEYS)
                } else {
                    KEYS
                };
                out.push_str(rng.pick(keys));
                out.push('"');
                space(rng, out);
                out.push_str(if odd && rng.once_in(9) { "" } else { ":" });
                value(rng, depth - 1, odd, out);
            }
            close(rng, odd, "}", out);
        }
        _ => {
            out.push('[');
            let alike = rng.once_in(2);
            for i in 0..rng.below(6) {
                if i > 0 {
                    out.push_str(if odd && rng.once_in(9) { "" } else { "," });
                }
                if alike {
                    object_of_scalars(rng, odd, out);
                } else {
                    value(rng, depth - 1, odd, out);
                }
            }
            close(rng, odd, "]", out);
        }
    }
    space(rng, out);
}

fn close(rng: &mut Rng, odd: bool, bracket: &str, out: &mut String) {
    if odd && rng.once_in(8) {
        out.push_str(rng.pick(&["", ",", "]", "}", ",]", ":"]));
    }
    if !(odd && rng.once_in(12)) {
        out.push_str(bracket);
    }
}

fn object_of_scalars(rng: &mut Rng, odd: bool, out: &mut String) {
    out.push('{');
    for (i, key) in ["a", "b", "c"].into_iter().enumerate() {
        if rng.once_in(4) {
            continue;
        }
        if i > 0 && !out.ends_with('{') {
            out.push(',');
        }
        out.push_str(&format!("\"{key}\":"));
        if rng.once_in(5) {
            value(rng, 1, odd, out);
        } else {
            scalar(rng, odd, out);
        }
    }
    out.push('}');
}

/// Makes a document; a third of them are broken in some way.
pub(crate) fn document(rng: &mut Rng) -> Vec<u8> {
    let odd = rng.once_in(3);
    let mut out = String::new();
    if rng.once_in(12) {
        for _ in 0..rng.below(4) {
            value(rng, 2, odd, &mut out);
            out.push('\n');
        }
    } else {
        let scalar = rng.once_in(20);
        value(rng, 4, odd, &mut out);
        while !scalar && (out.len() < 12 || !out.trim_start().starts_with(['{', '['])) {
            out.clear();
            value(rng, 4, odd, &mut out);
        }
    }
    let mut bytes = out.into_bytes();
    if odd && rng.once_in(3) && !bytes.is_empty() {
        let at = rng.below(bytes.len());
        match rng.below(4) {
            0 => bytes.truncate(at),
            1 => bytes[at] = 0xff,
            2 => bytes[at] = rng.pick(&[b"\"", b"\\", b"{", b"]", b",", b"\x01", b"n", b"("])[0],
            _ => {
                bytes.remove(at);
            }
        }
    }
    bytes
}

fn component(rng: &mut Rng, depth: usize, out: &mut String) {
    match rng.below(16) {
        0..4 => out.push_str(rng.pick(&["a", "b", "c", "ab", "abc", "deep", "zz"])),
        4 => out.push_str(rng.pick(&["0", "1", "2", "-1", "00", "18446744073709551617"])),
        5 => out.push_str(rng.pick(ESCAPED_KEYS)),
        6 => out.push_str(rng.pick(PATTERNS)),
        7..9 => out.push('#'),
        9..11 => query(rng, depth, out),
        11..13 => modifier(rng, depth, out),
        13 => multipath(rng, depth, out),
        14 => out.push_str(rng.pick(LITERALS)),
        _ => out.push_str(rng.pick(KEYS)),
    }
}

fn query(rng: &mut Rng, depth: usize, out: &mut String) {
    let old = rng.once_in(8);
    out.push_str(if old { "#[" } else { "#(" });
    if rng.once_in(3) && depth > 0 {
        path(rng, depth - 1, out);
    } else {
        out.push_str(rng.pick(&["a", "b", "c", "", "a.b", "a.#", "*"]));
    }
    if !rng.once_in(8) {
        out.push_str(rng.pick(&["", "", "", " "]));
        out.push_str(rng.pick(OPERATORS));
        out.push_str(rng.pick(&["", "", "", " "]));
        out.push_str(rng.pick(OPERANDS));
    }
    if !rng.once_in(20) {
        out.push_str(if old { "]" } else { ")" });
    }
    if rng.once_in(2) {
        out.push('#');
    }
}

fn modifier(rng: &mut Rng, depth: usize, out: &mut String) {
    out.push_str(rng.pick(MODIFIERS));
    match rng.below(5) {
        0 => out.push_str(rng.pick(ARGUMENTS)),
        1 if depth > 0 => {
            out.push(':');
            path(rng, depth - 1, out);
        }
        _ => {}
    }
}

fn multipath(rng: &mut Rng, depth: usize, out: &mut String) {
    let object = rng.once_in(2);
    out.push(if object { '{' } else { '[' });
    for i in 0..rng.below(4) {
        if i > 0 {
            out.push(',');
        }
        if rng.once_in(3) {
            out.push_str(rng.pick(&[
                "\"n\":",
                "n:",
                "\"\\u0061\":",
                "\"x:",
                "\"a b\":",
                ":",
                "\"<\":",
            ]));
        }
        if depth > 0 {
            path(rng, depth - 1, out);
        } else {
            out.push_str(rng.pick(&["a", "b", "#", "!1", "@this", "0"]));
        }
    }
    if !rng.once_in(15) {
        out.push(if object { '}' } else { ']' });
    }
}

/// Appends components that lead somewhere in `document`, escaped as needed or not.
fn leading_path(rng: &mut Rng, document: &[u8], out: &mut String) {
    for _ in 0..rng.below(4) {
        let here = if out.is_empty() {
            "@this"
        } else {
            out.as_str()
        };
        let value = gjson::get(document, here);
        if value.is_array() && rng.once_in(3) {
            out.push_str(if out.is_empty() { "#" } else { ".#" });
            return;
        }
        let keys = if value.is_array() { "@this" } else { "@keys" };
        let keys = gjson::get(value.raw(), keys).into_owned();
        let count = gjson::get(keys.raw(), "#").text().len().pow(2);
        let at = rng.below(count.max(1) + 2);
        let key = gjson::get(keys.raw(), &at.to_string());
        if !out.is_empty() {
            out.push('.');
        }
        if value.is_array() {
            out.push_str(&at.to_string());
            continue;
        }
        let escaped = !rng.once_in(5);
        for c in String::from_utf8_lossy(&key.text()).chars() {
            if escaped && c.is_ascii_punctuation() {
                out.push('\\');
            }
            out.push(c);
        }
    }
}

/// Makes a path; one in eight has a character added, dropped or doubled.
pub(crate) fn whole_path(rng: &mut Rng, document: &[u8]) -> String {
    let mut out = String::new();
    if !rng.once_in(4) {
        leading_path(rng, document, &mut out);
    }
    match rng.below(if out.is_empty() { 2 } else { 6 }) {
        0 => path(rng, 2, &mut out),
        1..3 => {
            if !out.is_empty() {
                out.push_str(rng.pick(&[".", ".", "|"]));
            }
            component(rng, 2, &mut out);
        }
        3 => {
            out.push_str(rng.pick(&[".", "|"]));
            modifier(rng, 2, &mut out);
        }
        4 => {
            out.push('.');
            query(rng, 1, &mut out);
            out.push_str(rng.pick(&["", ".a", ".b", "|0", ".a|0", "|#"]));
        }
        _ => {}
    }
    let places: Vec<usize> = out.char_indices().map(|(at, _)| at).collect();
    if rng.once_in(8) && !places.is_empty() {
        let at = places[rng.below(places.len())];
        match rng.below(3) {
            0 => out.insert_str(at, rng.pick(MARKS)),
            1 => drop(out.remove(at)),
            _ => {
                let tail = out.split_off(at);
                out.push_str(&tail);
                out.push_str(&tail);
            }
        }
    }
    out
}

/// Appends a path of up to five components.
fn path(rng: &mut Rng, depth: usize, out: &mut String) {
    if rng.once_in(40) {
        out.push_str("..");
    }
    for i in 0..=rng.below(4) {
        if i > 0 {
            out.push_str(rng.pick(&[".", ".", ".", "|", "", ".."]));
        }
        component(rng, depth, out);
    }
}
