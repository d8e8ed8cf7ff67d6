//! Pure. The last key of the last lane goes within one round, whatever else arrives.

#![cfg(test)]

use std::time::Duration;

use proptest::prelude::*;
use tidegate_queue::{LANES, Lane, Options, Queue};

fn lane() -> impl Strategy<Value = Lane> {
    (0..LANES.len()).prop_map(|index| LANES[index])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn starves_no_lane_under_a_flood(lanes in prop::collection::vec(lane(), 1..400)) {
        let mut queue: Queue<(u8, u32)> = Queue::new(Options {
            fresh_backlog: usize::MAX,
            ..Options::default()
        });
        queue.add((0, 0), Lane::Refresh, (), Duration::ZERO);
        let mut turns = 0;
        let mut name = 0;
        for lane in lanes.iter().cycle() {
            for more in [*lane, Lane::Fresh] {
                name += 1;
                queue.add((0, name), more, (), Duration::ZERO);
            }
            let work = queue.next(Duration::ZERO).unwrap();
            queue.done(&work.key, None, Duration::ZERO);
            turns += 1;
            prop_assert!(turns <= 91);
            if work.key == (0, 0) {
                break;
            }
        }
    }
}
