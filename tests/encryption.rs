//! Shell. `tidegate encryption` in the binary itself: wiring, exit codes, and the controller's
//! limit of writes at work on a real API server. What the commands do is tested beside their crate.

#![cfg(test)]

use std::process::{Command, Output};

use serde_json::json;
use tidegate_testservers::{ADMIN, ControlPlane, ControlPlaneOptions};

fn tidegate(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    // No cluster of the machine's own may be found.
    command.env_remove("KUBECONFIG").env("HOME", "/nonexistent");
    command.arg("encryption").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_teaches_and_failures_end_with_one_line_and_their_code() {
    for command in ["config", "verify", "rewrite", "rotate", "status"] {
        let output = tidegate(&[command, "--help"]);
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{command}"
        );
    }
    let check = |args: &[&str], code: i32, part: &str| {
        let output = tidegate(args);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
        assert_eq!(told.lines().count(), 1, "{args:?}: {told}");
        assert!(
            told.starts_with("tidegate: ") && told.contains(part),
            "{args:?}: {told}"
        );
    };
    check(
        &["config", "check", "/nonexistent/enc.yaml"],
        2,
        "/nonexistent/enc.yaml",
    );
    check(
        &["verify", "--etcd", "http://127.0.0.1:1"],
        3,
        "etcd cannot be read",
    );
    check(&["verify", "--etcd", "nowhere"], 2, "use https://HOST:PORT");
    check(&["rewrite"], 2, "no cluster is known");
    check(&["rotate", "--config", "/nonexistent"], 4, "needs --etcd");
}

#[tokio::test]
async fn the_binary_rewrites_at_the_controllers_pace() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("enc.yaml");
    let path = file.to_str().unwrap();
    assert!(
        tidegate(&["config", path, "--resource", "secrets"])
            .status
            .success()
    );
    let options = ControlPlaneOptions::default().without_controllers();
    let plane = ControlPlane::start(options).await.unwrap();
    let api = plane.api(ADMIN).unwrap();
    for i in 0..200 {
        let secret = json!({ "metadata": { "name": format!("s-{i}") } });
        let path = "/api/v1/namespaces/default/secrets";
        api.post(path, &secret).await.unwrap().ok().unwrap();
    }
    let flag = format!("--encryption-provider-config={path}");
    plane.restart_apiserver_with(vec![flag]).await.unwrap();
    let kubeconfig = plane.kubeconfig_path(ADMIN).unwrap();
    let etcd = plane.etcd_endpoint();
    let ends = ["--config", path, "--etcd", &etcd];
    let verify: Vec<&str> = ["verify"].into_iter().chain(ends).collect();
    assert_eq!(
        tidegate(&verify).status.code(),
        Some(1),
        "everything is in the clear"
    );
    let rewrite = ["rewrite", "--kubeconfig", kubeconfig.to_str().unwrap()];
    let rewrite: Vec<&str> = rewrite.into_iter().chain(ends).collect();
    let output = tidegate(&rewrite);
    let told = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert!(told.contains("200 objects: 200 rewritten"), "{told}");
    let output = tidegate(&verify);
    assert!(output.status.success(), "{}", text(&output.stderr));
}
