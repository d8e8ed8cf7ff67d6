//! Shell. The two servers, and kubectl against each.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use kubebox::{Access, Kubebox, Options, write_kubeconfig};
use tidegate_testservers::{ADMIN, ControlPlane, shared};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use super::normal::normal;
use super::session::Line;

/// What a command did, in the common form.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {:?}\n{}{}", self.code, self.out, self.err)
    }
}

pub struct Sides {
    folder: tempfile::TempDir,
    kubectl: PathBuf,
    namespace: String,
    _plane: &'static ControlPlane,
    _serving: tokio::task::JoinSet<std::io::Result<()>>,
}

impl Sides {
    /// Starts both; the namespace that kubectl is in is this session's own.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let access = Access::new("a-token-of-this-test").unwrap();
        let config = folder.path().join("ours");
        write_kubeconfig(&config, listener.local_addr().unwrap(), &access).unwrap();
        let mut serving = tokio::task::JoinSet::new();
        let kubebox = Kubebox::new(Options::default());
        serving.spawn(async move {
            kubebox
                .serve(listener, &access, std::future::pending::<()>())
                .await
        });
        let plane = shared().await.unwrap();
        let config = plane.kubeconfig(ADMIN).unwrap();
        std::fs::write(folder.path().join("real"), config).unwrap();
        let name = folder
            .path()
            .file_name()
            .unwrap()
            .to_string_lossy()
            .to_lowercase();
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let sides = Self {
            kubectl: tidegate_testservers::ensure("kubectl").await.unwrap(),
            namespace: format!("ns-{name}"),
            folder,
            _plane: plane,
            _serving: serving,
        };
        let create = format!("create namespace {}", sides.namespace);
        let (real, ours) = sides.run(&Line::new(&create)).await;
        assert_eq!((real.code, ours.code), (Some(0), Some(0)), "{real}\n{ours}");
        sides
    }

    fn spawn(&self, side: &str, arguments: &str, editor: &str) -> Child {
        let path = |name: &str| Path::join(self.folder.path(), name);
        Command::new(&self.kubectl)
            .arg(format!("--namespace={}", self.namespace))
            .args(arguments.split(' '))
            .env("KUBECONFIG", path(side))
            .env("KUBECACHEDIR", path(&format!("{side}-cache")))
            .env("KUBE_EDITOR", editor)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    async fn run_on(&self, side: &str, line: &Line) -> Ran {
        let mut input = line.input.replace("{{namespace}}", &self.namespace);
        while let Some(from) = input.find("{{uid ") {
            let to = from + input[from..].find("}}").unwrap();
            let object = &input[from + "{{uid ".len()..to];
            let arguments = format!("get {object} -o jsonpath={{.metadata.uid}}");
            let asked = self.spawn(side, &arguments, "").wait_with_output().await;
            let uid = String::from_utf8(asked.unwrap().stdout).unwrap();
            assert!(!uid.is_empty(), "{side} has no {object}");
            input.replace_range(from..to + "}}".len(), &uid);
        }
        let mut child = self.spawn(side, &line.arguments, &line.editor);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.unwrap();
        drop(stdin);
        let done = child.wait_with_output().await.unwrap();
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            normal(
                &text
                    .replace(&self.namespace, "NS")
                    .replace("kubebox-admin", "admin"),
            )
        };
        Ran {
            code: done.status.code(),
            out: text(done.stdout),
            err: text(done.stderr),
        }
    }

    /// Runs a command on both servers.
    pub async fn run(&self, line: &Line) -> (Ran, Ran) {
        tokio::join!(self.run_on("real", line), self.run_on("ours", line))
    }

    /// What a command prints that goes on, up to a number of lines, while something is done.
    pub async fn watching<F: Future<Output = ()>>(
        &self,
        arguments: &str,
        count: usize,
        deed: impl FnOnce() -> F,
    ) -> (Vec<String>, Vec<String>) {
        let mut children = [
            self.spawn("real", arguments, ""),
            self.spawn("ours", arguments, ""),
        ];
        let [real, ours] = children.each_mut().map(|c| {
            let out = c.stdout.take().unwrap();
            let mut reader = BufReader::new(out).lines();
            async move {
                let mut lines: Vec<String> = Vec::new();
                while lines.len() < count {
                    match reader.next_line().await.unwrap() {
                        // A real cluster has a ConfigMap of its own in each namespace, some have.
                        Some(line) if line.contains("kube-root-ca") => {}
                        Some(line) => lines.push(normal(&line)),
                        None => break,
                    }
                }
                lines
            }
        });
        // kubectl gives no sign that it watches; what happens before then is listed as ADDED.
        let later = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            deed().await;
        };
        let all = async { tokio::join!(real, ours, later) };
        let (real, ours, ()) = tokio::time::timeout(Duration::from_secs(60), all)
            .await
            .unwrap();
        (real, ours)
    }
}
