//! Shell. A namespace that is deleted while its values change: nothing is written into it any more.

use super::{MINUTE, load};
use crate::support::{QUIET, Sim, external_secret, extract, folder, pass};

const KEYS: usize = 20;

#[tokio::test(start_paused = true)]
async fn nothing_is_written_into_a_namespace_that_ends() {
    let sim = Sim::new(81).await;
    load(&sim, 50, KEYS, "10s").await;
    sim.namespace("doomed").await;
    for number in 0..200 {
        let key = format!("k{}", number % KEYS);
        let body = external_secret(&format!("es{number}"), &extract(&[&key], "10s"));
        sim.create(&folder("doomed", "externalsecrets"), &body)
            .await;
    }
    let controller = sim.start(QUIET);
    sim.until_ready().await;
    pass(2 * MINUTE).await;
    for key in 0..KEYS {
        sim.depot.put(&format!("k{key}"));
    }
    sim.delete("/api/v1/namespaces/doomed").await;
    sim.count_from_here();
    pass(2 * MINUTE).await;
    assert!(sim.get("/api/v1/namespaces/doomed").await.is_none());
    let writes = sim.writes();
    let (doomed, others): (Vec<_>, Vec<_>) =
        writes.iter().partition(|write| write.namespace == "doomed");
    assert!(doomed.is_empty(), "{} of {:?}", doomed.len(), doomed[0]);
    let secrets = others.iter().filter(|write| write.resource == "secrets");
    assert_eq!(secrets.count(), 50, "the others have their new values");
    controller.stop().await;
}
