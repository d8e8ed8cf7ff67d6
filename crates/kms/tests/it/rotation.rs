//! Shell. Rotations as API servers see them: every node at the same instant, never back.

use std::time::Duration;

use tidegate_contract::WrapFault;
use tidegate_kms::Pin;
use tonic::Code;

use crate::scripted::{START, Scripted, healthz, open, pass, probe, seed, service, version};

#[tokio::test(start_paused = true)]
async fn all_nodes_flip_at_the_versions_creation_plus_the_delay() {
    let scripted = Scripted::new();
    let nodes = [service(&[&scripted], |_| {}), service(&[&scripted], |_| {})];
    for node in &nodes {
        node.look().await;
    }
    let before = probe(&nodes[0], 1).await.unwrap();
    let rotated = version(2, START + Duration::from_secs(10));
    scripted.set(|script| script.versions.push(rotated));
    pass(20).await;
    nodes[0].look().await;
    pass(60).await;
    nodes[1].look().await;
    tokio::time::advance(Duration::from_millis(49_999)).await;
    let calls = scripted.calls();
    for node in &nodes {
        assert_eq!(
            node.status(&mut Pin::default()).unwrap().key_id,
            before.key_id
        );
    }
    tokio::time::advance(Duration::from_millis(1)).await;
    let ids = nodes
        .each_ref()
        .map(|node| node.status(&mut Pin::default()).unwrap().key_id);
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], before.key_id);
    assert_eq!(scripted.calls(), calls, "the flip itself needs no call");
    for node in &nodes {
        assert_eq!(
            open(node, &before).await.unwrap(),
            seed(1),
            "old seeds stay readable"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_flip_between_status_and_encrypt_does_not_part_them() {
    let scripted = Scripted::new();
    let service = service(&[&scripted], |_| {});
    service.look().await;
    scripted.set(|script| script.versions.push(version(2, START)));
    service.look().await;
    tokio::time::advance(Duration::from_millis(119_999)).await;
    let mut pin = Pin::default();
    let told = service.status(&mut pin).unwrap();
    tokio::time::advance(Duration::from_millis(1)).await;
    let wrapped = service
        .encrypt(seed(1), &pin, service.end(None))
        .await
        .unwrap();
    assert_eq!(wrapped.key_id, told.key_id);
    assert_ne!(service.status(&mut pin).unwrap().key_id, told.key_id);
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_nothing_flips_to_a_version_that_cannot_wrap() {
    let scripted = Scripted::new();
    let service = service(&[&scripted], |_| {});
    service.look().await;
    let before = service.status(&mut Pin::default()).unwrap().key_id;
    scripted.set(|script| script.versions.push(version(2, START)));
    service.look().await;
    scripted.set(|script| script.fault = Some(WrapFault::Unavailable));
    pass(61).await;
    service.look().await;
    pass(120).await;
    assert_eq!(service.status(&mut Pin::default()).unwrap().key_id, before);
    scripted.set(|script| script.fault = None);
    service.look().await;
    assert_ne!(service.status(&mut Pin::default()).unwrap().key_id, before);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_went_takes_what_it_opened_and_leaves_the_rest() {
    let scripted = Scripted::new();
    let service = service(&[&scripted], |_| {});
    service.look().await;
    let old = probe(&service, 1).await.unwrap();
    scripted.set(|script| script.versions.push(version(2, START)));
    service.look().await;
    pass(121).await;
    let new = probe(&service, 2).await.unwrap();
    assert_ne!(old.key_id, new.key_id);
    scripted.set(|script| script.versions.retain(|it| it.name == "2"));
    service.look().await;
    assert_eq!(healthz(&service).unwrap(), "ok");
    assert_eq!(
        open(&service, &old).await.unwrap_err().code(),
        Code::FailedPrecondition
    );
    assert_eq!(
        healthz(&service).unwrap(),
        "ok",
        "an old version's end is no revocation"
    );
    let calls = scripted.calls();
    assert_eq!(open(&service, &new).await.unwrap(), seed(2));
    assert_eq!(scripted.calls(), calls, "from memory");
}

#[tokio::test(start_paused = true)]
async fn the_active_versions_end_stops_everything() {
    let scripted = Scripted::new();
    scripted.set(|script| script.versions.push(version(2, Duration::from_secs(2))));
    let service = service(&[&scripted], |_| {});
    service.look().await;
    let wrapped = probe(&service, 1).await.unwrap();
    scripted.set(|script| script.versions.retain(|it| it.name == "1"));
    service.look().await;
    let refusal = healthz(&service).unwrap_err();
    assert_eq!(refusal.code(), Code::FailedPrecondition);
    assert!(
        refusal.text().contains("version \"2\" of the key is gone"),
        "{}",
        refusal.text()
    );
    assert_eq!(
        open(&service, &wrapped).await.unwrap_err().code(),
        Code::FailedPrecondition
    );
}

#[tokio::test(start_paused = true)]
async fn key_ids_are_the_same_on_every_node_and_differ_by_generation() {
    let scripted = Scripted::new();
    let id = async |generation: u32| {
        let service = service(&[&scripted], |options| options.generation = generation);
        service.look().await;
        service.status(&mut Pin::default()).unwrap().key_id
    };
    assert_eq!(id(0).await, id(0).await);
    assert_ne!(id(0).await, id(1).await);
    let service = service(&[&scripted], |_| {});
    service.look().await;
    let wrapped = probe(&service, 1).await.unwrap();
    let next = crate::scripted::service(&[&scripted], |options| options.generation = 1);
    next.look().await;
    assert_eq!(
        open(&next, &wrapped).await.unwrap(),
        seed(1),
        "old generations stay readable"
    );
}
