//! Shell. The failure table: what a real API server sees of each failure, and that nothing is lost.
//!
//! An API server keeps its seeds per provider, so each row has a resource, a provider and a key
//! service of its own, and all rows go through their three minutes of seed life side by side on one
//! API server. A second one starts in the midst of it: it shows what a restart would.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::plugin::until;
use objects::{Objects, Writer};
use rows::{ROWS, Restarted, Row, Writes};
use stage::{Server, Stage};

mod corrupt;
mod faults;
mod objects;
mod probe;
mod relay;
mod rows;
mod stage;

/// The life of a seed that Status did not confirm, and a little.
const SEED_LIFE: Duration = Duration::from_secs(185);

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_is_told_loses_nothing_and_ends() {
    let mut stage = Stage::start().await;
    let first = stage.first();
    for row in &ROWS {
        assert_eq!(first.objects(row).create("before").await, 201, "{row:?}");
    }
    let corrupted = Objects::new(first.api(), "corrupted");
    assert_eq!(corrupted.create("victim").await, 201);
    let writers: Vec<Writer> = ROWS
        .iter()
        .map(|row| Writer::start(first.objects(row)))
        .collect();

    faults::inject(&mut stage).await;
    until("every failure is told", async || {
        let told = first.readyz().await;
        !told.is_empty() && ROWS.iter().all(|row| row.is_told(&told))
    })
    .await;
    let told_at = Instant::now();
    // One broken object is an error alone, and so is the list of all, which is never partial: the
    // API server cannot build its cache anew, and says 500 or "too many requests" meanwhile.
    assert_eq!(corrupted.read("victim").await, Err(500));
    until("the list is an error", async || {
        matches!(corrupted.list().await, Err(429 | 500))
    })
    .await;
    let second = stage.second().await;
    tokio::join!(
        async {
            while_it_lasts(&second).await;
            stage.rotate_in_a_probe(&first).await;
        },
        writes_stop(&first),
    );
    // The seeds of the others are older than their life as well, and they write on.
    sleep_until(told_at + SEED_LIFE).await;
    for row in ROWS.iter().filter(|row| row.writes == Writes::GoOn) {
        assert_eq!(first.objects(row).create("on").await, 201, "{row:?}");
    }
    let one = first.counted_codes().await;
    let two = second.counted_codes().await;
    for row in &ROWS {
        // What is in the memory of the API server can be read throughout.
        assert_eq!(first.objects(row).read("before").await, Ok(()), "{row:?}");
        assert!(
            row.answered(&one) || row.answered(&two),
            "{row:?}\n{one}\n{two}"
        );
    }

    faults::lift(&mut stage).await;
    // A running API server asks for an absent plugin again after ever longer pauses, of up to two
    // minutes; one that starts finds it at once, and is ready.
    let running = ROWS.iter().filter(|row| row.name != "absent");
    recovers(&first, running).await;
    let second = stage.restarted(second).await;
    recovers(&second, ROWS.iter()).await;
    assert_eq!(corrupted.read("victim").await, Ok(()));
    for (row, writer) in ROWS.iter().zip(writers) {
        let acknowledged = writer.stop().await;
        assert!(acknowledged.len() > 1, "{row:?}");
        let written = stage.written(row).await;
        assert_eq!(written, acknowledged, "{row:?}");
        let readable = second.objects(row).list().await.unwrap();
        assert!(readable.is_superset(&written), "{row:?}");
    }
}

/// What a server that started in the midst of the failures can do.
async fn while_it_lasts(second: &Server) {
    for row in &ROWS {
        let objects = second.objects(row);
        let expected = match row.restarted {
            Restarted::Refuses => Err(500),
            Restarted::WritesAlone => Err(500),
            Restarted::Serves => Ok(()),
        };
        let what = format!("{row:?} after a restart");
        until(&what, async || objects.read("before").await == expected).await;
        let created = objects.create("restarted").await;
        match row.restarted {
            Restarted::Refuses => assert_eq!(created, 500, "{what}"),
            Restarted::WritesAlone | Restarted::Serves => {
                assert_eq!(created, 201, "{what}");
                assert_eq!(objects.read("restarted").await, Ok(()), "{what}");
            }
        }
    }
}

/// A list is whole or an error.
async fn recovers(server: &Server, rows: impl Iterator<Item = &'static Row>) {
    for row in rows {
        let objects = server.objects(row);
        until(&format!("{row:?} recovers"), async || {
            matches!(objects.create("after").await, 201 | 409)
                && objects.read("before").await == Ok(())
                && objects.list().await.is_ok()
        })
        .await;
    }
}

async fn writes_stop(first: &Server) {
    for row in ROWS.iter().filter(|row| row.writes == Writes::Stop) {
        let objects: Objects = first.objects(row);
        let mut tries = 0;
        let what = format!("{row:?} stops writes");
        loop {
            let name = format!("stop-{tries}");
            match objects.create(&name).await {
                500 => break,
                status => assert_eq!(status, 201, "{what}"),
            }
            tries += 1;
            assert!(tries < 600, "{what}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}
