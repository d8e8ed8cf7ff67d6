//! Pure. Order, shares and exact removal.

use proptest::prelude::*;

use super::*;

const NOW: Duration = Duration::from_secs(100);

fn at_once(_: u32, _: usize, since: Duration) -> Duration {
    since
}

/// Serves one job the way an endpoint does.
fn serve(queue: &mut Queue, places: &mut BTreeMap<u32, Place>) -> Option<(Lane, u32)> {
    let Pick::Next(lane, source) = queue.pick(NOW, |_| Duration::ZERO, at_once) else {
        return None;
    };
    let Some(Job::Cell(cell)) = queue.of_source(lane, source).next() else {
        return None;
    };
    queue.charge(lane, source);
    queue.remove(places.remove(&cell)?);
    Some((lane, cell))
}

#[test]
fn full_lanes_share_by_weight_and_none_starves() {
    let mut queue = Queue::default();
    let mut places = BTreeMap::new();
    for n in 0..5000u32 {
        let lane = Lane::ALL[n as usize % 5];
        places.insert(n, queue.push(lane, 1, Job::Cell(n), NOW));
    }
    let mut served = [0; 5];
    for _ in 0..910 {
        served[serve(&mut queue, &mut places).unwrap().0 as usize] += 1;
    }
    assert_eq!(served, [640, 160, 80, 20, 10]);
}

#[test]
fn a_fresh_key_goes_before_ten_thousand_polls() {
    let mut queue = Queue::default();
    let mut places = BTreeMap::new();
    for n in 0..10_000 {
        places.insert(n, queue.push(Lane::Refresh, n % 7, Job::Cell(n), NOW));
    }
    for _ in 0..100 {
        serve(&mut queue, &mut places);
    }
    places.insert(77_777, queue.push(Lane::Fresh, 3, Job::Cell(77_777), NOW));
    assert_eq!(serve(&mut queue, &mut places), Some((Lane::Fresh, 77_777)));
}

#[test]
fn sources_take_turns_within_a_lane() {
    let mut queue = Queue::default();
    let mut places = BTreeMap::new();
    for n in 0..100 {
        places.insert(n, queue.push(Lane::Bulk, 1, Job::Cell(n), NOW));
    }
    for n in 100..103 {
        places.insert(n, queue.push(Lane::Bulk, 2, Job::Cell(n), NOW));
    }
    let order: Vec<u32> = (0..6)
        .filter_map(|_| serve(&mut queue, &mut places))
        .map(|(_, cell)| cell)
        .collect();
    assert_eq!(order, [0, 100, 1, 101, 2, 102]);
}

#[test]
fn a_source_that_lingers_and_a_lane_that_is_shut_let_others_pass() {
    let mut queue = Queue::default();
    queue.push(Lane::Fresh, 1, Job::Cell(1), NOW);
    queue.push(Lane::Retry, 2, Job::Cell(2), NOW);
    let linger = |source, _: usize, since| match source {
        1 => since + Duration::from_millis(5),
        _ => since,
    };
    let shut = |lane| match lane {
        Lane::Retry => NOW + Duration::from_secs(1),
        _ => Duration::ZERO,
    };
    let open = |_| Duration::ZERO;
    assert_eq!(queue.pick(NOW, open, linger), Pick::Next(Lane::Retry, 2));
    assert_eq!(
        queue.pick(NOW, shut, linger),
        Pick::Later(NOW + Duration::from_millis(5))
    );
    assert_eq!(Queue::default().pick(NOW, open, linger), Pick::Nobody);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_goes_in_comes_out_once(
        steps in prop::collection::vec((0u8..3, 0usize..5, 0u32..4, 0usize..64), 1..400),
    ) {
        let mut queue = Queue::default();
        let mut places = BTreeMap::new();
        let mut next = 0u32;
        for (step, lane, source, which) in steps {
            match step {
                0 => {
                    let place = queue.push(Lane::ALL[lane], source, Job::Cell(next), NOW);
                    places.insert(next, place);
                    next += 1;
                }
                1 => {
                    if let Some(cell) = places.keys().nth(which).copied() {
                        queue.remove(places.remove(&cell).unwrap());
                    }
                }
                _ => {
                    let nobody = places.is_empty();
                    prop_assert_eq!(serve(&mut queue, &mut places).is_none(), nobody);
                }
            }
            let depth: usize = Lane::ALL.iter().map(|lane| queue.depth(*lane)).sum();
            prop_assert_eq!(depth, places.len());
            prop_assert_eq!(queue.jobs().len(), places.len());
            prop_assert_eq!(queue.is_empty(), places.is_empty());
        }
    }
}
