//! Shell. What hostile templates hold at most. Alone in its process, so that the peak is their own.
//! Calls of every function on hostile values are in the bench, `soak` runs them all.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

#[path = "hostile/cases.rs"]
mod cases;

use cases::{End, STACK};

/// What one template may hold beside its data, in bytes.
const MOST: usize = 64 << 20;

#[test]
fn hostile_templates_stay_below_64_mib_on_a_small_stack() {
    let thread = std::thread::Builder::new().stack_size(STACK);
    let ran = thread.spawn(|| {
        let data = cases::data();
        let all = cases::thought_of();
        let (mut limited, mut limits) = (0, Vec::new());
        for case in &all {
            let run = cases::run(case, &data);
            let (name, bytes) = (&case.name, run.peak);
            assert!((1..=MOST).contains(&bytes), "{name}: {bytes} bytes");
            match run.end {
                End::Bytes(len) => assert!(len <= 8 << 20, "{name}: {len} bytes"),
                End::Limit(limit) => {
                    limited += 1;
                    if !limits.contains(&limit) {
                        limits.push(limit);
                    }
                }
                End::Fails => {}
            }
        }
        // Most of what was thought of is stopped, and not merely quick; every bound stops some.
        assert!(limited >= 120, "{limited} of {}", all.len());
        assert!(limits.len() >= 8, "{limits:?}");
    });
    ran.unwrap().join().unwrap();
}
