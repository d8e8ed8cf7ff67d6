//! Shell. `config` and `config check` beside a real kube-apiserver: the same files, the same
//! verdicts, the same words.

use std::os::unix::fs::MetadataExt as _;

use futures::StreamExt as _;
use tidegate_testservers::{ControlPlane, ControlPlaneOptions};

use crate::support::{Bed, MARKER, flags, run, write};

const HEAD: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n";
const KEY: &str = "{name: k, secret: QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=}";

fn rule(resources: &str, providers: &str) -> String {
    format!("{HEAD}resources: [{{resources: [{resources}], providers: [{providers}]}}]\n")
}

fn kms(rest: &str) -> String {
    rule("secrets", &format!("{{kms: {{{rest}}}}}"))
}

/// Names of resources, good and bad.
const NAMES: [&str; 12] = [
    "Secrets",
    "'*'",
    "'*.'",
    "'*.*'",
    "'*.apps', secrets",
    "secrets, '*.'",
    "secrets, '*.*'",
    "secrets, secrets",
    "'secrets.*'",
    "events.events.k8s.io",
    "ingresses.extensions",
    "apiserveripinfo",
];

/// Files that an API server may or may not accept: the test asks it.
fn files() -> Vec<String> {
    let good = &format!("{{secretbox: {{keys: [{KEY}]}}}}");
    let end = "endpoint: 'unix:///nowhere/kms.sock'";
    let with = |from: &str, to: &str| rule("secrets", &good.replace(from, to));
    let secret = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    let mut files = vec![
        String::new(),
        "\n# nothing\n".to_owned(),
        "[1, 2]\n".to_owned(),
        "apiVersion: v1\nkind: Secret\n".to_owned(),
        HEAD.to_owned(),
        rule("", good),
        rule("secrets", ""),
        rule("secrets", "{}"),
        rule("secrets", "{identity: {}}"),
        rule("secrets", &format!("{good}, {{identity: {{}}}}")),
        with("secretbox", "aesgcm"),
        with("secretbox", "aescbc"),
        with("secretbox", "rot13"),
        with("name: k", "name: ''"),
        with("name: k, ", ""),
        with("name: k", "name: 7"),
        with("name: k", "name: k, nmae: l"),
        with("name: k", "name: k, name: l"),
        with(secret, "''"),
        with(secret, "'???'"),
        with(secret, "QUFB"),
        with(secret, "12345678"),
        with("{secretbox", "{identity: {}, secretbox"),
        with("keys: [", "keys: [] #"),
        kms(&format!("apiVersion: v2, name: a, {end}, timeout: 0s")),
        kms(&format!("apiVersion: v2, name: a, {end}, timeout: -1s")),
        kms(&format!("apiVersion: v2, name: a, {end}, timeout: soon")),
        kms(&format!("apiVersion: v2, name: a, {end}, cachesize: 10")),
        kms(&format!("apiVersion: v2, name: 'a:b', {end}")),
        kms(&format!("apiVersion: v2, {end}")),
        kms(&format!("apiVersion: v3, name: a, {end}")),
        kms(&format!("name: a, {end}")),
        kms("apiVersion: v2, name: a"),
        kms("apiVersion: v2, name: a, endpoint: 'tcp://127.0.0.1:1'"),
        kms("apiVersion: v2, name: a, endpoint: '/nowhere'"),
    ];
    for names in NAMES {
        files.push(rule(names, good));
    }
    let one = format!("{{kms: {{apiVersion: v2, name: a, {end}}}}}");
    files.push(rule("secrets", &format!("{one}, {one}")));
    let two = |first: &str, second: &str| {
        format!(
            "{HEAD}resources: [{{resources: [{first}], providers: [{good}]}}, \
             {{resources: [{second}], providers: [{good}]}}]\n"
        )
    };
    files.push(two("'*.*'", "secrets"));
    files.push(two("'*.'", "secrets"));
    files.push(two("secrets", "'*.'"));
    files
}

/// What of our words must stand in the server's: not the place in a YAML file, and not the value
/// that it prints (a key may be in it) and we do not.
fn parts(line: &str) -> Vec<String> {
    let line = line.trim_start_matches("error: ");
    if line.contains(": line ") || line.starts_with("line ") || line.contains("the file ") {
        return Vec::new();
    }
    line.split(": Invalid value: ").map(str::to_owned).collect()
}

#[tokio::test]
async fn check_gives_the_api_servers_own_verdicts_and_words() {
    let options = ControlPlaneOptions::default().without_controllers();
    let plane = &ControlPlane::start(options).await.unwrap();
    let folder = &tempfile::tempdir().unwrap();
    let (mut accepted, mut refused, mut differ) = (0, 0, Vec::new());
    let looks = files().into_iter().enumerate().map(|(i, text)| async move {
        let path = folder.path().join(format!("{i}.yaml"));
        write(&path, &text);
        let words = plane.last_words_of_apiserver(&flags(&path)).await.unwrap();
        (
            text,
            words,
            run(&["config", "check", path.to_str().unwrap()]),
        )
    });
    let mut looks = std::pin::pin!(futures::stream::iter(looks).buffered(2));
    while let Some((text, words, ours)) = looks.next().await {
        let theirs = words.contains("command failed");
        if (ours.code == 1) != theirs {
            differ.push(format!("{text}\n{}{}\n{words}", ours.out, ours.err));
        } else if !theirs {
            assert!(words.contains(ControlPlane::PASSED), "no verdict: {words}");
            accepted += 1;
        } else {
            refused += 1;
            let errors = ours.out.lines().filter(|line| line.starts_with("error: "));
            // The server logs its words as a quoted string.
            let words = words.replace("\\\"", "\"").replace("\\\\", "\\");
            let missing = errors.flat_map(parts).filter(|part| !words.contains(part));
            differ.extend(missing.map(|part| format!("{text}\nours: {part}\n{words}")));
        }
    }
    assert!(
        differ.is_empty(),
        "{} differ:\n{}",
        differ.len(),
        differ.join("\n----\n")
    );
    assert!(
        accepted >= 8 && refused >= 30,
        "{accepted} accepted, {refused} refused"
    );
}

#[tokio::test]
async fn a_made_configuration_encrypts_all_three_resources() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("enc.yaml");
    let path = file.to_str().unwrap();
    let ran = run(&["config", path]).ok();
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    assert!(
        ran.out
            .contains(&format!("--encryption-provider-config={path}")),
        "{}",
        ran.out
    );
    let text = std::fs::read_to_string(&file).unwrap();
    let secret = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("secret: "))
        .unwrap();
    assert!(
        !ran.out.contains(secret) && !ran.err.contains(secret),
        "the key was printed"
    );
    assert!(run(&["config", path]).code(4).err.contains("exists"));
    run(&["config", "check", path]).ok();

    let bed = Bed::start(&text).await;
    bed.secrets("a", 2).await;
    let map = serde_json::json!({ "metadata": { "name": "m" }, "data": { "value": MARKER } });
    bed.admin()
        .post("/api/v1/namespaces/default/configmaps", &map)
        .await
        .unwrap()
        .ok()
        .unwrap();
    // What was there before the configuration: the server's own ConfigMaps are made under it.
    let report = bed.run(&["verify", "-o", "json"]).ok().json();
    assert_eq!(report["failed"], 0);
    assert!(report["objects"].as_u64().unwrap() >= 3);
    assert!(!text.contains("aescbc"));
}

#[test]
fn weak_providers_come_with_a_warning_and_kms_with_its_mount() {
    let ran = run(&["config", "--provider", "aesgcm"]).ok();
    assert!(ran.err.contains("200,000 writes"), "{}", ran.err);
    let ran = run(&["config", "--provider", "aescbc"]).ok();
    assert!(ran.err.contains("padding oracle"), "{}", ran.err);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("enc.yaml");
    let path = file.to_str().unwrap();
    let ran = run(&["config", path, "--kms-endpoint", "unix:///run/kms/p.sock"]).ok();
    assert!(ran.out.contains("hostPath: /run/kms"), "{}", ran.out);
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .contains("apiVersion: v2")
    );
    run(&["config", "--provider", "kms"]).code(2);
    run(&["config", "--resource", "Secrets"]).code(2);
    run(&["config", "relative.yaml"]).code(2);
}

#[test]
fn files_that_are_not_what_was_meant_are_named_and_nothing_is_left_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, missing) = (path("enc.yaml"), path("missing.yaml"));
    run(&["config", &file]).ok();
    let check = |args: &[&str], code: i32, part: &str| {
        let ran = run(args).code(code);
        let told = format!("{}{}", ran.out, ran.err);
        assert!(told.contains(part), "{args:?}: {told}");
        assert_eq!(ran.err.lines().count(), usize::from(code != 0), "{told}");
    };
    let etcd = "https://127.0.0.1:1";
    let verify = ["verify", "--config", &file, "--etcd", etcd];
    let with = |more: &[&'static str], name: &str| -> Vec<String> {
        let words = verify.iter().chain(more).map(|&word| word.to_owned());
        words.chain([name.to_owned()]).collect()
    };
    let words = with(&["--etcd-ca"], &file);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    check(&words, 2, "holds no CERTIFICATE in PEM");
    let words = with(&["--etcd-ca"], &missing);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    check(&words, 2, "missing.yaml: No such file");
    check(&verify, 3, "etcd cannot be read");

    let rotate = ["rotate", "--config", &missing, "--etcd", etcd];
    check(&rotate, 2, "missing.yaml: No such file");
    assert!(!folder.path().join(".missing.yaml.lock").exists());
    check(&["status"], 2, "--kubeconfig names one");

    let text = std::fs::read_to_string(&file).unwrap();
    write(
        &folder.path().join("two.yaml"),
        &format!("{text}---\n{text}"),
    );
    check(
        &["config", "check", &path("two.yaml")],
        0,
        "first document alone",
    );
    write(
        &folder.path().join("kubeconfig"),
        "{apiVersion: v1, kind: Config, current-context: c, \
         clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], \
         users: [{name: u, user: {}}], contexts: [{name: c, context: {cluster: c, user: u}}]}",
    );
    let kubeconfig = path("kubeconfig");
    for command in ["status", "verify", "rewrite"] {
        check(
            &[command, "--kubeconfig", &kubeconfig],
            3,
            "Connection refused",
        );
    }
    check(
        &["rotate", "--kubeconfig", &kubeconfig, "--config", &file],
        4,
        "needs --etcd",
    );
    // Nothing of it is quoted: it may hold a token.
    let broken = path("broken");
    write(
        &folder.path().join("broken"),
        "users:\n- user: {token: s3cr3t\n",
    );
    let status = ["status", "--kubeconfig", &broken];
    check(&status, 2, "broken: it is no kubeconfig (line ");
    assert!(!run(&status).err.contains("s3cr3t"));
}
