//! Shell. A backend with a token bucket: how much of it is used, and how often it is overrun.

use super::{MINUTE, SECOND, load, trickle};
use crate::support::depot::{PUSH_BACK, Told};
use crate::support::{QUIET, Sim, pass};

const RATE: f64 = 40.0;
const OBJECTS: usize = 600;

#[tokio::test(start_paused = true)]
async fn a_bucket_of_forty_is_nearly_full_and_hardly_ever_overrun() {
    let sim = Sim::new(41).await;
    // Sixty polls a second are due where forty are possible.
    load(&sim, OBJECTS, OBJECTS, "10s").await;
    sim.depot.throttle(RATE, RATE);
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    let pushed_back = |calls: &[crate::support::depot::Call]| {
        let back = |call: &&crate::support::depot::Call| call.told == Told::Failed(PUSH_BACK);
        calls.iter().filter(back).count()
    };
    let first = sim.depot.calls();
    sim.count_from_here();

    let began = sim.now();
    let waits = trickle(&sim, 60, "10s").await;
    pass(9 * MINUTE).await;
    let calls = sim.depot.calls();
    let seconds = sim.now().duration_since(began).as_secs_f64();
    let good = calls.len() - pushed_back(&calls);
    let goodput = good as f64 / (RATE * seconds);
    let all = first.len() + calls.len();
    let share = (pushed_back(&first) + pushed_back(&calls)) as f64 / all as f64;
    let slowest = waits[waits.len() - 1];
    eprintln!(
        "S11: {share:.4} of {all} calls pushed back ({} of {} in the first sync), goodput \
         {goodput:.3} of the limit, slowest new object {slowest:?}",
        pushed_back(&first),
        first.len(),
    );
    assert!(share <= 0.01, "{share:.4} of the calls were pushed back");
    assert!(goodput >= 0.9, "{goodput:.3} of the limit");
    assert!(slowest <= 2 * SECOND, "{slowest:?}");
    controller.stop().await;
}
