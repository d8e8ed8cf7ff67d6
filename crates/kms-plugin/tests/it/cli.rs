//! Shell. The program's own face: usage errors, the check of a configuration, dumps.

use std::process::{Command, Output};

use crate::plugin::{Folder, Plugin, until};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate-kms"))
        .args(args)
        .output()
        .unwrap()
}

fn refused(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!text.is_empty());
    text
}

#[test]
fn wrong_usage_ends_with_code_2_and_the_reason() {
    assert!(refused(&[]).contains("--config"));
    assert!(refused(&["--socket", "/run/x.sock"]).contains("--local-keys"));
    assert!(refused(&["--config", "/nonexistent.yaml"]).contains("cannot be read"));
    let folder = Folder::new();
    let config = folder.write("kms.yaml", "services: [{name: a, socket: /run/a.sock}]");
    let config = config.to_str().unwrap();
    let text = refused(&["--config", config, "--check"]);
    assert!(
        text.contains("services[0] (a): name exactly one of local, transit and aws"),
        "{text}"
    );
    let keys = folder.path("keys");
    let keys = keys.to_str().unwrap();
    assert!(refused(&["--socket", "@kms", "--local-keys", keys]).contains("abstract"));
    let nowhere = refused(&["--socket", "/nonexistent/kms.sock", "--local-keys", keys]);
    assert!(
        nowhere.contains("install -d -m 0700 /nonexistent"),
        "{nowhere}"
    );
}

#[test]
fn a_good_configuration_is_checked_without_serving() {
    let folder = Folder::new();
    let (socket, keys) = (folder.path("kms.sock"), folder.path("keys"));
    let text = format!(
        "services: [{{name: a, socket: {}, local: {{folder: {}}}}}]",
        socket.display(),
        keys.display()
    );
    let config = folder.write("kms.yaml", text);
    let output = run(&["--config", config.to_str().unwrap(), "--check"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(!socket.exists());
}

#[tokio::test]
async fn it_can_neither_dump_core_nor_be_attached_to() {
    let folder = Folder::new();
    folder.key("one", 1, std::time::Duration::from_secs(60));
    let plugin = Plugin::local(&folder);
    until("it works", async || {
        plugin.log().contains("the key service works")
    })
    .await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", plugin.pid())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let words: Vec<_> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", plugin.pid())).unwrap();
    let locked = status
        .lines()
        .find(|line| line.starts_with("VmLck:"))
        .unwrap();
    assert!(!locked.ends_with("\t       0 kB"), "{locked}");
}
