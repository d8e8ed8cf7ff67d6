//! Shell. Storms against a real backend that a file names: what can be measured, what is left out.

use serde_json::json;
use tidegate_storm::phase::Phase;
use tidegate_testservers::{Vault, VaultOptions};

use crate::support::{Bench, figures, is, text};

const LOAD: [&str; 9] = [
    "--objects=60",
    "--namespaces=3",
    "--keys=12",
    "--shared=6",
    "--nodes=5",
    "--refresh=5s",
    "--no-ceiling",
    "--idle=10ms",
    "--new-objects=2",
];

/// A store of the user's own, with the Secret that it names.
fn store_and_token(vault: &Vault) -> String {
    format!(
        "apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {{ name: any }}
spec:
  provider:
    vault:
      server: {}
      path: apps
      version: v2
      auth: {{ tokenSecretRef: {{ name: token, key: token, namespace: anywhere }} }}
---
apiVersion: v1
kind: Secret
metadata: {{ name: token, namespace: anywhere }}
stringData: {{ token: {} }}
",
        vault.addr(),
        vault.root_token()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_vault_is_read_and_what_would_order_it_about_is_left_out() {
    tidegate::run::install_crypto();
    let vault = Vault::start(VaultOptions::default()).await.unwrap();
    vault.enable_kv("apps", 2).await.unwrap();
    for key in 0..12 {
        let data = json!({ "user": format!("u{key}"), "password": "marker-of-the-vault" });
        vault
            .put("apps", &format!("app/{key}/db"), &data)
            .await
            .unwrap();
    }
    let bench = Bench::new();
    let store = store_and_token(&vault);
    let file = bench.file("store.yaml", &store);
    let ended = tokio::task::spawn_blocking(move || {
        let phases = "steady,new-objects,rotate-one,outage,restart-term,namespace-deletion";
        let line = [
            "--store",
            text(&file),
            "--store-path=app/{}/db",
            "--store-properties=user,password",
            "--steady=5s",
            "--phases",
            phases,
        ];
        bench.storm(&[&LOAD[..], &line].concat())
    });
    let ended = ended.await.unwrap();
    let report = ended.good();
    assert_eq!(report.setup.backend, "vault");
    let ran: Vec<Phase> = report.phases.iter().map(|it| it.phase).collect();
    assert_eq!(
        ran,
        [
            Phase::FirstSync,
            Phase::Steady,
            Phase::NewObjects,
            Phase::RestartTerm,
            Phase::NamespaceDeletion
        ]
    );
    for left_out in ["rotate-one", "outage"] {
        let note = format!("{left_out} is left out: a real backend takes no orders");
        assert!(report.notes.contains(&note), "{:?}", report.notes);
    }
    let first = Phase::FirstSync;
    is(report, first, "unfinished", 0.0);
    is(report, first, "requests.secrets", 60.0);
    is(report, first, "nodes.unseen", 0.0);
    assert_eq!(figures(report, first).get("backend.calls"), None);
    is(report, Phase::NewObjects, "unfinished", 0.0);
    is(report, Phase::RestartTerm, "requests.secrets.needless", 0.0);
    // What Vault itself says: each path, and one look at the token for each start.
    let asked = vault.requests().unwrap();
    let reads = asked.iter().filter(|it| it.path.starts_with("apps/data/"));
    assert!(reads.count() >= 12);
}

#[test]
fn a_store_file_that_is_none_is_refused_without_a_word_of_its_contents() {
    let bench = Bench::new();
    let refused = |text: &str| {
        let file = bench.file("store.yaml", text);
        let ended = bench.storm(&[&LOAD[..], &["--store", file.to_str().unwrap()]].concat());
        ended.complaint(2).to_owned()
    };
    let told = refused("token: [hvs.very-secret");
    assert!(told.contains("it is no YAML"), "{told}");
    assert!(!told.contains("hvs."), "{told}");
    let told = refused("kind: Secret\nmetadata: { name: a }\n");
    assert!(told.contains("holds no SecretStore"), "{told}");
    let ended = bench.storm(&[&LOAD[..], &["--store", "/nonexistent.yaml"]].concat());
    assert!(ended.complaint(2).contains("--store /nonexistent.yaml"));
}
