//! Shell. `tidegate template` as a user meets it: what it prints, hides and refuses, and its codes.

#![cfg(test)]

mod errors;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Stands in the values; nothing that is printed without --reveal may have it.
const MARKER: &str = "MARKER-51c9";

const OBJECT: &str = r#"
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: { name: app, namespace: team }
spec:
  target:
    name: app-config
    template:
      type: kubernetes.io/basic-auth
      metadata:
        labels: { team: a, who: "{{ .user }}" }
        finalizers: [example.com/keep]
      data:
        url: "https://{{ .user }}:{{ .password | urlquery }}@db"
      templateFrom:
        - configMap: { name: texts, items: [{ key: ini }] }
        - secret: { name: more, items: [{ key: yaml, templateAs: KeysAndValues }] }
        - literal: "num: 0755"
"#;

const CONFIG_MAP: &str = r#"
kind: ConfigMap
metadata: { name: texts }
data: { ini: "user = {{ .user | upper }}" }
"#;

const SECRET: &str = r#"
kind: Secret
metadata: { name: more }
stringData: { yaml: "pass: {{ .password | quote }}" }
"#;

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

struct Ran {
    code: Option<i32>,
    out: String,
    told: String,
}

fn template(args: &[&str]) -> Ran {
    piped(args, "")
}

fn piped(args: &[&str], input: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    // No cluster is asked, whatever the machine knows of one.
    command
        .env("KUBECONFIG", "/nonexistent")
        .env("HOME", "/nonexistent");
    command.arg("template").args(args);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that ends early closes the pipe.
    let _closed = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    Ran {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        told: String::from_utf8(stderr).unwrap(),
    }
}

/// Runs over the object above with all its sources.
fn whole(more: &[&str]) -> Ran {
    let files = Files::new();
    let object = files.put("es.yaml", OBJECT);
    let (map, secret) = (
        files.put("map.yaml", CONFIG_MAP),
        files.put("secret.yaml", SECRET),
    );
    let password = format!("password={MARKER} &");
    let mut args = vec!["--source-templated-object", &object, "--value", "user=ann"];
    args.extend(["--value", &password, "--template-from-config-map", &map]);
    args.extend(["--template-from-secret", &secret]);
    args.extend(more);
    template(&args)
}

#[test]
fn a_secret_is_printed_with_its_values_hidden() {
    let ran = whole(&[]);
    assert_eq!((ran.code, ran.told.as_str()), (Some(0), ""));
    let expected = r#"apiVersion: "v1"
kind: "Secret"
metadata:
  name: "app-config"
  namespace: "team"
  labels:
    "team": "a"
    "who": "<redacted: 3 bytes>"
  finalizers:
    - "example.com/keep"
type: "kubernetes.io/basic-auth"
data:
  "ini": "<redacted: 10 bytes>"
  "num": "<redacted: 3 bytes>"
  "pass": "<redacted: 13 bytes>"
  "url": "<redacted: 30 bytes>"
"#;
    assert_eq!(ran.out, expected);
}

#[test]
fn values_are_printed_where_they_are_asked_for() {
    let yaml = whole(&["--reveal"]);
    // base64 of `user = ANN`, `493`, and the two with the marker.
    for part in [
        "\"who\": \"ann\"",
        "\"ini\": \"dXNlciA9IEFOTg==\"",
        "\"num\": \"NDkz\"",
        "\"pass\": \"TUFSS0VSLTUxYzkgJg==\"",
        "\"url\": \"aHR0cHM6Ly9hbm46TUFSS0VSLTUxYzkrJTI2QGRi\"",
    ] {
        assert!(yaml.out.contains(part), "{part} in {}", yaml.out);
    }
    let json = whole(&["--reveal", "--format", "json"]);
    let read: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let same: serde_json::Value = serde_saphyr::from_str(&yaml.out).unwrap();
    assert_eq!(read, same);
    let raw = whole(&["--reveal", "--format", "raw", "--key", "ini"]);
    assert_eq!((raw.code, raw.out.as_str()), (Some(0), "user = ANN"));
}

#[test]
fn a_file_is_for_its_owner_alone() {
    let files = Files::new();
    let output = files.put(
        "out.yaml",
        "what was there, and was longer than what comes"
            .repeat(50)
            .as_str(),
    );
    let ran = whole(&["--reveal", "--output", &output]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
    assert_eq!(
        std::fs::read_to_string(&output).unwrap(),
        whole(&["--reveal"]).out
    );
    let mode = std::fs::metadata(&output).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

fn one_text(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!(
        "kind: ExternalSecret\nmetadata: {{ name: a }}\nspec: {{ target: {{ template: {{ data: {{ k: {text} }} }} }} }}\n"
    )
}

#[test]
fn values_come_from_files_in_order() {
    let files = Files::new();
    let object = files.put("es.yaml", &one_text("{{ .a }} {{ .b }} {{ .c }} {{ .d }}"));
    let data = files.put("data.yaml", "a: YQ==\nb: YQ==\nc: |\n  Y\n  Q==\n");
    let values = files.put("values.yaml", "b: b\nd: 4\n");
    let args = [
        "--source-templated-object",
        &object,
        "--source-secret-data-file",
        &data,
        "--values-file",
        &values,
        "--value",
        "c=x=y",
        "--reveal",
        "--format",
        "raw",
        "--key",
        "k",
    ];
    let ran = template(&args);
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.told.as_str()),
        (Some(0), "a b x=y 4", "")
    );
}

#[test]
fn several_objects_and_kinds_become_several_secrets() {
    let push = "kind: PushSecret\nmetadata: { name: p }\nspec: { template: { data: { k: \"{{ .v }}\" } } }";
    let cluster = "kind: ClusterExternalSecret\nmetadata: { name: c }\nspec: { externalSecretSpec: { target: { name: t } } }";
    let text = format!(
        "{}---\nkind: ConfigMap\n---\n{push}\n---\n{cluster}\n",
        one_text("{{ .v }}")
    );
    let args = [
        "--source-templated-object",
        "-",
        "--value",
        "v=1",
        "--reveal",
        "--format",
        "json",
    ];
    let ran = piped(&args, &text);
    assert_eq!(ran.told, "");
    let read: Vec<serde_json::Value> = ran
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let names: Vec<_> = read
        .iter()
        .map(|s| s["metadata"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a", "p", "t"]);
    // Without a template the values themselves are the Secret.
    assert_eq!(read[2]["data"], serde_json::json!({ "v": "MQ==" }));
}

#[test]
fn delimiters_and_time_are_given() {
    let text = one_text("<< now | date \"2006-01-02\" >> {{ as it is }}");
    let args = [
        "--source-templated-object",
        "-",
        "--reveal",
        "--format",
        "raw",
        "--key",
        "k",
        "--template-left-delimiter",
        "<<",
        "--template-right-delimiter",
        ">>",
        "--now",
        "2026-01-31T12:00:00Z",
    ];
    let ran = piped(&args, &text);
    assert_eq!(
        (ran.out.as_str(), ran.told.as_str()),
        ("2026-01-31 {{ as it is }}", "")
    );
}

#[test]
fn help_teaches_by_example() {
    let help = template(&["--help"]);
    assert_eq!(help.code, Some(0));
    for part in [
        "Examples:",
        "--reveal",
        "Exit codes:",
        "esoctl template",
        "--source-secret-data-file",
    ] {
        assert!(help.out.contains(part), "{part}");
    }
    assert!(
        template(&["--version"])
            .out
            .contains(env!("CARGO_PKG_VERSION"))
    );
}

/// The page shows a run; what it shows is what comes out.
#[test]
fn the_page_shows_what_is_printed() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/templates.md");
    let page = std::fs::read_to_string(page).unwrap();
    let block = |mark: &str| {
        let start = page.find(mark).unwrap_or_else(|| panic!("{mark}"));
        let start = start + page[start..].find('\n').unwrap() + 1;
        page[start..start + page[start..].find("```").unwrap()].to_owned()
    };
    let files = Files::new();
    let object = files.put("es.yaml", &block("```yaml title=es.yaml"));
    let ran = template(&[
        "--source-templated-object",
        &object,
        "--value",
        "user=ann",
        "--value",
        "password=p&q",
    ]);
    assert_eq!(
        (ran.told.as_str(), ran.out),
        ("", block("```yaml title=output"))
    );
    let ran = template(&["--source-templated-object", &object, "--value", "user=ann"]);
    assert_eq!(
        (ran.code, ran.told),
        (Some(1), block("```text title=error"))
    );
}
