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
        text.contains("services[0] (a): name exactly one of local, transit, aws and azure"),
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
fn what_is_wrong_with_a_key_of_a_cloud_is_one_line_with_file_and_field() {
    let folder = Folder::new();
    let check = |service: &str, expected: &str| {
        let text = format!("services:\n- name: a\n  socket: /run/a.sock\n  {service}\n");
        let config = folder.write("kms.yaml", text);
        let config = config.to_str().unwrap();
        let told = refused(&["--config", config, "--check"]);
        let begins = format!("tidegate-kms: {config}: ");
        assert!(
            told.starts_with(&begins) && told.lines().count() == 1,
            "{told}"
        );
        assert!(told.contains(expected), "{told}");
    };
    let file = "credentials: {file: {path: /nonexistent/aws}}";
    check(
        &format!("aws: {{key: alias/etcd, region: eu-central-1, {file}}}"),
        "services[0] (a): aws.credentials.file.path: /nonexistent/aws cannot be read: entity not",
    );
    check(
        "aws: {key: alias/etcd}",
        "services[0] (a): aws.region: the key is no ARN",
    );
    check(
        "aws: {key: 'arn:aws:kms:x'}",
        "\"arn:aws:kms:x\" is no key of AWS KMS",
    );
    check("aws: {key: alias/etcd, regoin: x}", "regoin");
    let login = "login: {managed-identity: {}}";
    let azure = |vault: &str, more: &str| format!("azure: {{vault: '{vault}', key: kms, {more}}}");
    check(
        &azure("http://a.vault.azure.net", login),
        "services[0] (a): azure.vault: \"http://a.vault.azure.net\" is not https",
    );
    check(
        &azure("a.vault.azure.net", login),
        "azure.vault: \"a.vault.azure.net\" is no address",
    );
    let trust = format!("ca-file: /nonexistent/ca, {login}");
    check(
        &azure("https://a.vault.azure.net", &trust),
        "services[0] (a): azure.ca-file: /nonexistent/ca cannot be read: entity not found",
    );
    let secret = "login: {client-secret: {tenant: t, client-id: c, secret-file: /nonexistent/s}}";
    check(
        &azure("https://a.vault.azure.net", secret),
        "azure.login.client-secret.secret-file: /nonexistent/s cannot be read",
    );
}

#[test]
fn an_environment_without_credentials_is_told_at_the_start() {
    let folder = Folder::new();
    let text = format!(
        "services: [{{name: a, socket: {}, aws: {{key: alias/etcd, region: eu-central-1}}}}]",
        folder.path("kms.sock").display()
    );
    let config = folder.write("kms.yaml", text);
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate-kms"))
        .args(["--config", config.to_str().unwrap()])
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    let expected = "a: aws.credentials: the environment has no AWS_ACCESS_KEY_ID with";
    assert!(told.contains(expected), "{told}");
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
