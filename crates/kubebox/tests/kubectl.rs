//! Shell. Tests with a real kubectl, built into the servers' cache, against the loopback server.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::path::{Path, PathBuf};
use std::process::Stdio;

use kubebox::{Access, Kubebox, Options, write_kubeconfig};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const DEFINITION: &str = r#"{"apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition", "metadata": {"name": "widgets.x.io"},
  "spec": {"group": "x.io", "scope": "Namespaced",
    "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
    "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
      "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
      "schema": {"openAPIV3Schema": {"type": "object", "properties": {
        "spec": {"type": "object", "description": "What is wanted.", "required": ["size"],
          "properties": {"size": {"type": "integer", "minimum": 1, "description": "How big."}}},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}]}}"#;

/// What a command did.
struct Ran {
    ok: bool,
    out: String,
    err: String,
}

struct Shell {
    folder: tempfile::TempDir,
    kubectl: PathBuf,
    tasks: tokio::task::JoinSet<std::io::Result<()>>,
}

impl Shell {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let access = Access::new("a-token-of-this-test").unwrap();
        let config = folder.path().join("config");
        write_kubeconfig(&config, listener.local_addr().unwrap(), &access).unwrap();
        let kubebox = Kubebox::new(Options::default());
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move {
            kubebox
                .serve(listener, &access, std::future::pending::<()>())
                .await
        });
        Self {
            folder,
            kubectl: tidegate_testservers::ensure("kubectl").await.unwrap(),
            tasks,
        }
    }

    async fn run(&self, input: &str, arguments: &[&str]) -> Ran {
        assert_eq!(self.tasks.len(), 1);
        let path = |name: &str| -> PathBuf { Path::join(self.folder.path(), name) };
        let mut child = Command::new(&self.kubectl)
            .args(arguments)
            .env("KUBECONFIG", path("config"))
            .env("KUBECACHEDIR", path("cache"))
            .env("KUBE_EDITOR", "sed -i s/size:.5/size:\\ 6/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let done = child.wait_with_output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ran {
            ok: done.status.success(),
            out: text(done.stdout),
            err: text(done.stderr),
        }
    }

    /// Runs a command that must work, and gives what it printed.
    async fn out(&self, line: &str) -> String {
        self.with("", line).await
    }

    async fn with(&self, input: &str, line: &str) -> String {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ran = self.run(input, &arguments).await;
        assert!(ran.ok, "kubectl {line}: {}{}", ran.out, ran.err);
        ran.out
    }

    /// Runs a command that must fail, and gives its complaint.
    async fn fails(&self, input: &str, line: &str) -> String {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ran = self.run(input, &arguments).await;
        assert!(!ran.ok, "kubectl {line}: {}", ran.out);
        ran.err
    }
}

fn widget(size: i32) -> String {
    format!(
        r#"{{"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {{"name": "w"}},
            "spec": {{"size": {size}}}}}"#
    )
}

#[tokio::test]
async fn kubectl_manages_custom_resources() {
    let sh = Shell::start().await;
    sh.with(DEFINITION, "create -f -").await;
    sh.out("wait --for=condition=established crd/widgets.x.io --timeout=10s")
        .await;
    assert_eq!(
        sh.with(&widget(3), "apply -f -").await,
        "widget.x.io/w created\n"
    );
    assert_eq!(
        sh.with(&widget(3), "apply -f -").await,
        "widget.x.io/w unchanged\n"
    );
    let differing = sh.run(&widget(5), &["diff", "-f", "-"]).await;
    assert!(!differing.ok);
    let changed: Vec<&str> = differing
        .out
        .lines()
        .filter(|l| matches!(l.as_bytes(), [b'+' | b'-', b' ', ..]))
        .collect();
    assert_eq!(
        changed,
        [
            "-  generation: 1",
            "+  generation: 2",
            "-  size: 3",
            "+  size: 5"
        ]
    );
    assert_eq!(
        sh.with(&widget(5), "apply -f -").await,
        "widget.x.io/w configured\n"
    );
    assert_eq!(sh.out("edit wd w").await, "widget.x.io/w edited\n");
    assert_eq!(sh.out("get wd").await, "NAME   SIZE\nw      6\n");
    assert_eq!(
        sh.out("get wd w -o jsonpath={.metadata.generation}").await,
        "3"
    );
    let explained = sh.out("explain widget.spec.size").await;
    assert!(explained.contains("How big."), "{explained}");
    let described = sh.out("describe wd w").await;
    assert!(described.contains("Size:  6"), "{described}");
    let unknown = widget(1).replace("\"size\"", "\"sizes\": 1, \"size\"");
    let refused = sh.fails(&unknown, "apply -f -").await;
    assert!(
        refused.contains("unknown field \"spec.sizes\""),
        "{refused}"
    );
    let refused = sh.fails(&widget(0), "apply -f -").await;
    let words =
        "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1";
    assert!(refused.contains(words), "{refused}");
    let refused = sh.fails(&widget(7), "apply --server-side -f -").await;
    assert!(refused.contains("no server-side apply"), "{refused}");
    sh.out("delete wd w --timeout=10s").await;
    sh.out("delete crd widgets.x.io --timeout=10s").await;
    let missing = sh.fails("", "get wd").await;
    assert!(
        missing.contains("could not find the requested resource"),
        "{missing}"
    );
}

#[tokio::test]
async fn kubectl_manages_built_in_objects() {
    let sh = Shell::start().await;
    let listed = sh.out("api-resources -o name").await;
    assert!(listed.contains("secrets\n") && listed.contains("leases.coordination.k8s.io\n"));
    assert_eq!(
        sh.out("create namespace team").await,
        "namespace/team created\n"
    );
    sh.out("create secret generic s --from-literal=k=v -n team")
        .await;
    sh.out("create configmap c --from-literal=a=b -n team")
        .await;
    sh.out("create serviceaccount robot -n team").await;
    assert!(sh.out("create token robot -n team").await.starts_with("ey"));
    sh.out("label secret s tier=gold -n team").await;
    sh.out("annotate secret s note=here -n team").await;
    assert_eq!(
        sh.out("get secret -l tier=gold -n team -o name").await,
        "secret/s\n"
    );
    let patch = r#"{"data":{"k":null,"n":"bmV3"}}"#;
    sh.run("", &["patch", "secret", "s", "-n", "team", "-p", patch])
        .await;
    assert_eq!(
        sh.out("get secret s -n team -o jsonpath={.data}").await,
        r#"{"n":"bmV3"}"#
    );
    let table = sh.out("get secrets -A --no-headers").await;
    let cells: Vec<&str> = table.split_whitespace().collect();
    assert_eq!(cells[..4], ["team", "s", "Opaque", "1"]);
    assert_eq!(sh.out("auth can-i delete secrets").await, "yes\n");
    assert!(sh.out("auth whoami").await.contains("kubebox-admin"));
    sh.out("wait --for=jsonpath={.type}=Opaque secret/s -n team --timeout=10s")
        .await;
    let again = sh.fails("", "create namespace team").await;
    assert!(
        again.contains("(AlreadyExists): namespaces \"team\" already exists"),
        "{again}"
    );
    let web = r#"{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}"#;
    let unserved = sh.fails(web, "apply -f -").await;
    assert!(
        unserved.contains("no matches for kind \"Deployment\" in version \"apps/v1\""),
        "{unserved}"
    );
    sh.out("delete namespace team --timeout=20s").await;
    let gone = sh.fails("", "get namespace team").await;
    assert!(
        gone.contains("(NotFound): namespaces \"team\" not found"),
        "{gone}"
    );
}
