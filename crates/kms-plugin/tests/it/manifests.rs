//! Shell. What control-plane nodes get: the unit, the static pod and the configuration fit together
//! and the program takes their command lines.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tidegate_testservers::{ADMIN, ControlPlane};

use crate::plugin::Folder;

const PROGRAM: &str = "/usr/local/bin/tidegate-kms";
const CONFIG: &str = "/etc/tidegate/kms.yaml";

fn manifest(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/kms");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&manifest(name)).unwrap()
}

/// Runs the words of a command line, with the built program and our copy of the configuration.
fn is_taken(words: &[&str]) {
    assert_eq!(words[0], PROGRAM);
    let folder = Folder::new();
    let config = folder.write("kms.yaml", manifest("kms.yaml"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate-kms"));
    for word in &words[1..] {
        match *word {
            CONFIG => command.arg(&config),
            word => command.arg(word),
        };
    }
    let output = command.arg("--check").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {text}");
    assert!(words.contains(&CONFIG), "{words:?}");
}

/// Key and value of each directive, in order; a key may come again.
fn directives(unit: &str) -> Vec<(String, String)> {
    let lines = unit.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn the_unit_starts_the_program_and_keeps_it_in_its_place() {
    let directives = directives(&manifest("tidegate-kms.service"));
    let value = |key: &str| {
        let found = directives.iter().find(|(it, _)| it == key);
        found
            .unwrap_or_else(|| panic!("{key} is missing"))
            .1
            .as_str()
    };
    is_taken(&value("ExecStart").split_whitespace().collect::<Vec<_>>());
    for (key, expected) in [
        // It says when its sockets are there, and is there before whoever needs it.
        ("Type", "notify"),
        ("Before", "kubelet.service"),
        ("Restart", "always"),
        // The socket's folder: the program's own, closed to others, kept over restarts.
        ("RuntimeDirectory", "tidegate-kms"),
        ("RuntimeDirectoryMode", "0700"),
        ("RuntimeDirectoryPreserve", "yes"),
        ("LimitCORE", "0"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
        ("MemoryDenyWriteExecute", "yes"),
    ] {
        assert_eq!(value(key), expected, "{key}");
    }
    let config = yaml("kms.yaml");
    for service in config["services"].as_array().unwrap() {
        let socket = Path::new(service["socket"].as_str().unwrap());
        assert_eq!(socket.parent(), Some(Path::new("/run/tidegate-kms")));
    }
}

/// Where systemd is at hand, it has no word to say about the unit.
#[test]
fn systemd_takes_the_unit() {
    let folder = Folder::new();
    let unit = manifest("tidegate-kms.service");
    let unit = unit.replace(PROGRAM, env!("CARGO_BIN_EXE_tidegate-kms"));
    let path = folder.write("tidegate-kms.service", unit);
    let Ok(output) = Command::new("systemd-analyze")
        .arg("verify")
        .arg(&path)
        .output()
    else {
        // Without it, the directives of the other test are what is checked.
        return;
    };
    let told = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<_> = told
        .lines()
        .filter(|line| line.contains("tidegate-kms"))
        .collect();
    assert!(output.status.success() && ours.is_empty(), "{told}");
}

#[test]
fn the_pod_fits_its_configuration_and_profile() {
    let (pod, config) = (yaml("static-pod.yaml"), yaml("kms.yaml"));
    let spec = &pod["spec"];
    let container = &spec["containers"][0];
    let words = container["command"].as_array().unwrap().iter();
    is_taken(&words.map(|word| word.as_str().unwrap()).collect::<Vec<_>>());
    // kubelet starts it without an API server, so it may need none.
    assert_eq!(spec["automountServiceAccountToken"], false);
    assert_eq!(spec["priorityClassName"], "system-node-critical");
    assert_eq!(spec["hostNetwork"], true);

    let admin = config["admin"].as_str().unwrap();
    for (probe, path) in [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")] {
        let get = &container[probe]["httpGet"];
        let address = format!("{}:{}", get["host"].as_str().unwrap(), get["port"]);
        assert_eq!(
            (address.as_str(), get["path"].as_str().unwrap()),
            (admin, path)
        );
    }
    let security = &container["securityContext"];
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
    let profile = security["appArmorProfile"]["localhostProfile"]
        .as_str()
        .unwrap();
    let apparmor = manifest("apparmor-tidegate-kms");
    assert!(apparmor.contains(&format!("profile {profile} ")));
    assert_eq!(spec["securityContext"]["seLinuxOptions"]["type"], "spc_t");

    // Folders, never the socket's file; what the configuration names is mounted and allowed.
    let mounts = container["volumeMounts"].as_array().unwrap();
    let folders: BTreeSet<_> = mounts
        .iter()
        .map(|it| it["mountPath"].as_str().unwrap())
        .collect();
    let host: BTreeSet<_> = spec["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|volume| {
            assert_eq!(volume["hostPath"]["type"], "Directory");
            volume["hostPath"]["path"].as_str().unwrap()
        })
        .collect();
    assert_eq!(folders, host);
    for path in paths(&config) {
        let folder = path.parent().unwrap().to_str().unwrap().to_owned();
        assert!(folders.contains(folder.as_str()), "{}", path.display());
        assert!(
            apparmor.contains(&format!("{folder}/**")),
            "{}",
            path.display()
        );
    }
}

/// Every absolute path that stands in a configuration.
fn paths(value: &Value) -> Vec<PathBuf> {
    match value {
        Value::String(text) if text.starts_with('/') => vec![PathBuf::from(text)],
        Value::Array(items) => items.iter().flat_map(paths).collect(),
        Value::Object(fields) => fields.values().flat_map(paths).collect(),
        _ => Vec::new(),
    }
}

/// A real API server takes the pod as it stands: no field is unknown, none is wrong.
pub async fn is_accepted(plane: &ControlPlane) {
    let api = plane.api(ADMIN).unwrap();
    let path = "/api/v1/namespaces/kube-system/pods?dryRun=All&fieldValidation=Strict";
    let pod = yaml("static-pod.yaml");
    // The namespace and the priority class are made by the API server itself, shortly after start.
    crate::plugin::until("the pod is accepted", async || {
        let answer = api.post(path, &pod).await.unwrap();
        let message = answer.body["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(!message.contains("unknown field"), "{message}");
        answer.status == 201
    })
    .await;
    let mut wrong = pod;
    wrong["spec"]["hostNetwrok"] = true.into();
    assert_eq!(api.post(path, &wrong).await.unwrap().status, 400);
}
