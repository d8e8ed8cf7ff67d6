//! Shell. The loop of the fuzz targets: a fixed seed, mutation by tokens, a watch for hangs.
//!
//! Each target runs for `FUZZ_SECONDS` (10) from `FUZZ_SEED` (1). What panics or hangs is shown
//! as it was given; it then becomes a case of its own in the tests.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The stack that an async runtime gives its workers.
const STACK: usize = 2 << 20;

/// What one input may take before it counts as a hang; far above the budgets in a debug build.
const HANG: Duration = Duration::from_secs(120);

/// A generator that repeats.
pub struct Rng(u64);

impl Rng {
    /// A number below `n`, which is not 0.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// One of a list.
    pub fn pick<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.below(all.len())]
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect(name))
}

/// What is being tried, for the one who watches.
#[derive(Default)]
struct Now {
    round: AtomicU64,
    input: Mutex<Vec<u8>>,
}

/// Runs a target: `one` draws an input, hands it to the second argument, and tries it.
#[expect(
    clippy::disallowed_methods,
    reason = "a deadline that ends the loop, and no assertion"
)]
pub fn run<F>(name: &str, make: F)
where
    F: FnOnce() -> Box<dyn FnMut(&mut Rng, &dyn Fn(&[u8]))> + Send + 'static,
{
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS", 10));
    let mut rng = Rng(number("FUZZ_SEED", 1));
    let now = Arc::new(Now::default());
    let shared = Arc::clone(&now);
    let worker = std::thread::Builder::new().stack_size(STACK);
    let worker = worker.spawn(move || {
        let mut one = make();
        let note = |input: &[u8]| *shared.input.lock().unwrap() = input.to_vec();
        // A few even where starting takes all the time there is.
        while Instant::now() < end || shared.round.load(Ordering::Relaxed) < 100 {
            one(&mut rng, &note);
            shared.round.fetch_add(1, Ordering::Relaxed);
        }
    });
    let worker = worker.unwrap();
    let (mut seen, mut since) = (0, Instant::now());
    let shown = || {
        now.input
            .lock()
            .map(|input| input.escape_ascii().to_string())
            .unwrap_or_default()
    };
    while !worker.is_finished() {
        std::thread::park_timeout(Duration::from_millis(20));
        let round = now.round.load(Ordering::Relaxed);
        if round != seen {
            (seen, since) = (round, Instant::now());
        }
        assert!(
            since.elapsed() < HANG,
            "{name}: round {seen} hangs: {}",
            shown()
        );
    }
    let rounds = now.round.load(Ordering::Relaxed);
    assert!(
        worker.join().is_ok(),
        "{name}: round {rounds} panics: {}",
        shown()
    );
    #[allow(
        clippy::print_stderr,
        reason = "how much was tried is part of the result"
    )]
    let () = eprintln!("{name}: {rounds} inputs");
}

/// Splits into words, numbers, quoted strings, runs of space, and single signs.
fn tokens(text: &[u8]) -> Vec<&[u8]> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(&first) = rest.first() {
        let len = match first {
            b'"' | b'`' | b'\'' => {
                let end = rest[1..].iter().position(|b| *b == first || *b == b'\n');
                end.map_or(1, |at| at + 2)
            }
            b if word(b) => rest.iter().position(|b| !word(*b)).unwrap_or(rest.len()),
            b if b.is_ascii_whitespace() => rest
                .iter()
                .position(|b| !b.is_ascii_whitespace())
                .unwrap_or(rest.len()),
            _ => 1,
        };
        all.push(&rest[..len]);
        rest = &rest[len..];
    }
    all
}

/// Bytes of an input, at most.
const LONGEST: usize = 64 << 10;

/// One input of the corpus with some tokens replaced, repeated, moved, dropped, or taken from
/// another input.
pub fn mutated(rng: &mut Rng, corpus: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let own: &Vec<u8> = rng.pick(corpus);
    let mut own = tokens(own);
    let other: &Vec<u8> = rng.pick(corpus);
    let other = tokens(other);
    for _ in 0..=rng.below(4) {
        if own.is_empty() {
            own.push(b" ");
        }
        let at = rng.below(own.len());
        let end = (at + 1 + rng.below(8)).min(own.len());
        match rng.below(7) {
            0 => own[at] = rng.pick(words).as_bytes(),
            1 => own.insert(at, rng.pick(words).as_bytes()),
            2 => drop(own.drain(at..end)),
            3 => {
                let span = own[at..end].to_vec();
                for _ in 0..1 << rng.below(9) {
                    own.splice(at..at, span.iter().copied());
                }
            }
            4 => {
                let to = rng.below(own.len());
                own.swap(at, to);
            }
            _ if other.is_empty() => {}
            _ => {
                let from = rng.below(other.len());
                let until = (from + 1 + rng.below(12)).min(other.len());
                own.splice(at..end, other[from..until].iter().copied());
            }
        }
    }
    let mut text = own.concat();
    flipped(rng, &mut text);
    text.truncate(LONGEST);
    text
}

/// Bytes changed in a binary form whose elements are tag, length and content (DER).
pub fn damaged(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = rng.pick(corpus).clone();
    let other = rng.pick(corpus);
    for _ in 0..=rng.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = rng.below(bytes.len());
        let end = (at + 1 + rng.below(40)).min(bytes.len());
        match rng.below(6) {
            0 => {
                bytes[at] = *rng.pick(&[0, 1, 0x7f, 0x80, 0x81, 0x84, 0xff, 0x30, 0x31, 0x04, 0x02])
            }
            1 => bytes[at] = bytes[at].wrapping_add(1),
            2 => bytes[at] ^= 1 << rng.below(8),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let span = bytes[at..end].to_vec();
                bytes.splice(at..at, span);
            }
            _ => {
                let from = rng.below(other.len());
                let until = (from + 1 + rng.below(40)).min(other.len());
                bytes.splice(at..end, other[from..until].iter().copied());
            }
        }
    }
    bytes.truncate(LONGEST);
    bytes
}

/// Now and then a byte that is another one.
fn flipped(rng: &mut Rng, text: &mut [u8]) {
    if !text.is_empty() && rng.below(4) == 0 {
        let at = rng.below(text.len());
        text[at] ^= 1 << rng.below(8);
    }
}
