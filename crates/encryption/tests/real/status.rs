//! Shell. `status` in health and with each thing wrong, and what managed control planes get.

use crate::support::{Bed, config, run, write};

#[tokio::test]
async fn one_screen_tells_what_is_loaded_and_what_is_wrong() {
    let bed = Bed::start(&config(
        &[("secretbox", "s", 3), ("aescbc", "old", 1)],
        false,
    ))
    .await;
    bed.secrets("a", 3).await;
    let ran = bed.run(&["status"]);
    for part in [
        "secrets,configmaps",
        "secretbox:v1:s",
        "aescbc:v1:old",
        "as the file",
        "v1.34.4",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert!(!ran.out.contains("stale\n") && !ran.out.contains("another configuration"));
    // Another file than the one that runs, and an object in the clear.
    write(
        &bed.file(),
        &config(&[("aesgcm", "g", 4), ("secretbox", "s", 3)], false),
    );
    bed.put("/registry/secrets/default/plain", b"k8s\0x").await;
    let ran = bed.run(&["status"]).code(1);
    for part in [
        "runs with another configuration than the file",
        "1 objects are in the clear or unreadable",
        "objects are stale",
        "200,000 writes",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
}

#[tokio::test]
async fn managed_control_planes_get_status_and_rewrite_and_are_refused_the_rest() {
    let bed = Bed::start(&config(&[("secretbox", "s", 3)], true)).await;
    bed.secrets("a", 3).await;
    let flags = bed.cluster_flags();
    let with = |words: &[&'static str]| {
        let flags = flags.iter().map(String::as_str);
        run(&words.iter().copied().chain(flags).collect::<Vec<_>>())
    };
    let ran = with(&["status"]).ok();
    assert!(ran.out.contains("not proven"), "{}", ran.out);
    let ran = with(&["rewrite", "--resource", "secrets"]).ok();
    assert!(ran.out.contains("3 objects: 0 rewritten"), "{}", ran.out);
    assert!(with(&["verify"]).code(1).err.contains("not proven"));
    let ran = with(&["rotate", "--config", "/nonexistent"]).code(4);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(ran.err.contains("needs --etcd"), "{}", ran.err);
}
