//! Shell. The manifests as a user installs them, with a real kubectl.

use serde_json::json;
use tidegate_testservers::{ADMIN, ensure};

use crate::support::{Fixture, World, manifests};

async fn kubectl_applies_the_manifests_and_pods_pass_restricted(fixture: Fixture) {
    let world = World::new(fixture, "install").await;
    let kubectl = ensure("kubectl").await.unwrap();
    let kubeconfig = world.servers.plane().kubeconfig_path(ADMIN).unwrap();
    let applied = tokio::process::Command::new(kubectl)
        .args(["apply", "-f", "manifests/install", "--kubeconfig"])
        .arg(&kubeconfig)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("HOME", kubeconfig.parent().unwrap())
        .output()
        .await
        .unwrap();
    let told = String::from_utf8_lossy(&applied.stderr);
    assert!(applied.status.success(), "{told}");

    // The pod that the Deployment makes, judged by the admission of its namespace.
    let documents = manifests::documents("manifests/install");
    let deployment = documents
        .iter()
        .find(|d| d["kind"] == "Deployment")
        .unwrap();
    let mut pod = deployment["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("probe");
    let path = "/api/v1/namespaces/tidegate/pods?dryRun=All";
    let admitted = world.servers.admin.post(path, &pod).await.unwrap();
    assert_eq!(admitted.status, 201, "{}", admitted.body["message"]);
    pod["spec"]["hostNetwork"] = json!(true);
    let refused = world.servers.admin.post(path, &pod).await.unwrap();
    assert_eq!(
        refused.status, 403,
        "the namespace does not enforce restricted"
    );
}

on_real!(Workloads: kubectl_applies_the_manifests_and_pods_pass_restricted);
