//! Pure. The API server's static-pod manifest: its flags and mounts for encryption, as found and
//! as they should be.

use std::path::Path;

use crate::config::Finding;
use crate::yaml::{self, Kind, Node};

const FLAG: &str = "--encryption-provider-config";
const RELOAD: &str = "--encryption-provider-config-automatic-reload";

/// What a manifest says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Whether the server reloads the file by itself; none where the flag is not set.
    pub reload: bool,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Looks whether a kube-apiserver manifest runs with `config` and mounts it so that a replaced
/// file is seen.
///
/// # Errors
/// When the text is no manifest; the line quotes nothing of it.
pub fn check(text: &str, config: &Path) -> Result<Report, String> {
    let pod = yaml::parse(text).map_err(|error| error.to_string())?;
    let spec = get(&pod, "spec").ok_or("the manifest has no spec")?;
    let mut report = Report::default();
    let mut warn = |words: String| report.findings.push(Finding::warning("manifest", words));
    let containers = items(get(spec, "containers"));
    let container = containers.iter().find(|container| {
        arguments(container).any(|word| word.contains("kube-apiserver"))
            || text_of(get(container, "name")) == Some("kube-apiserver")
    });
    let container = container.ok_or("no container of the manifest is kube-apiserver")?;
    report.reload = flag(container, RELOAD) == Some("true");
    if !report.reload {
        warn(format!("{RELOAD} is not true: each change needs a restart"));
    }
    let Some(file) = flag(container, FLAG) else {
        warn(format!("{FLAG} is not set: nothing is encrypted"));
        return Ok(report);
    };
    match mount(spec, container, file) {
        Some(mount) => {
            if mount.single_file {
                warn(format!(
                    "the file alone is mounted at {}: a replaced file is never seen; mount its \
                     folder",
                    mount.at
                ));
            }
            let host = format!("{}{}", mount.host, &file[mount.at.len()..]);
            if Path::new(&host) != config {
                let config = config.display();
                warn(format!(
                    "the API server reads {host} of the host, not {config}"
                ));
            }
        }
        None => warn(format!("no hostPath volume is mounted that holds {file}")),
    }
    Ok(report)
}

struct Mount {
    at: String,
    host: String,
    single_file: bool,
}

/// The innermost hostPath mount that holds a path of the container.
fn mount(spec: &Node, container: &Node, file: &str) -> Option<Mount> {
    let volumes = items(get(spec, "volumes"));
    let mounts = items(get(container, "volumeMounts"))
        .iter()
        .filter_map(|mount| {
            let at = text_of(get(mount, "mountPath"))?.trim_end_matches('/');
            let holds = file == at
                || file
                    .strip_prefix(at)
                    .is_some_and(|rest| rest.starts_with('/'));
            let name = text_of(get(mount, "name"))?;
            let volume = volumes
                .iter()
                .find(|one| text_of(get(one, "name")) == Some(name))?;
            let host = get(volume, "hostPath")?;
            let kind = text_of(get(host, "type")).unwrap_or_default();
            let sub = text_of(get(mount, "subPath")).unwrap_or_default();
            let path = text_of(get(host, "path"))?.trim_end_matches('/');
            let path = match sub {
                "" => path.to_owned(),
                sub => format!("{path}/{sub}"),
            };
            holds.then(|| Mount {
                at: at.to_owned(),
                host: path,
                single_file: kind.starts_with("File") || !sub.is_empty() || file == at,
            })
        });
    mounts.max_by_key(|mount| mount.at.len())
}

fn get<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.kind {
        Kind::Map(members) => members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, node)| node),
        _ => None,
    }
}

fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.kind) {
        Some(Kind::List(items)) => items,
        _ => &[],
    }
}

fn text_of(node: Option<&Node>) -> Option<&str> {
    match node.map(|node| &node.kind) {
        Some(Kind::Text(text)) => Some(text),
        _ => None,
    }
}

fn arguments(container: &Node) -> impl Iterator<Item = &str> {
    ["command", "args"]
        .into_iter()
        .flat_map(|name| items(get(container, name)))
        .filter_map(|item| text_of(Some(item)))
}

/// The last value of a flag, as Go's flags count.
fn flag<'n>(container: &'n Node, name: &str) -> Option<&'n str> {
    let values = arguments(container).filter_map(|word| match word.strip_prefix(name)? {
        "" => Some("true"),
        rest => rest.strip_prefix('='),
    });
    values.last()
}

/// What the API server needs so that it runs with `config`: flags, kubeadm patch, mounts.
#[must_use]
pub fn instructions(config: &Path, socket_folder: Option<&str>) -> String {
    let folder = config.parent().unwrap_or(Path::new("/")).display();
    let file = config.display();
    let mut mounts = format!(
        "      volumeMounts:\n      - {{name: encryption, mountPath: {folder}, readOnly: true}}\n"
    );
    let mut volumes = format!(
        "    volumes:\n    - name: encryption\n      hostPath: {{path: {folder}, \
         type: DirectoryOrCreate}}\n"
    );
    let mut extra = format!(
        "  - {{name: encryption, hostPath: {folder}, mountPath: {folder}, readOnly: true, \
         pathType: DirectoryOrCreate}}\n"
    );
    if let Some(socket) = socket_folder {
        mounts.push_str(&format!(
            "      - {{name: kms-socket, mountPath: {socket}}}\n"
        ));
        volumes.push_str(&format!(
            "    - name: kms-socket\n      hostPath: {{path: {socket}, type: Directory}}\n"
        ));
        extra.push_str(&format!(
            "  - {{name: kms-socket, hostPath: {socket}, mountPath: {socket}, pathType: \
             Directory}}\n"
        ));
    }
    format!(
        "# Flags of kube-apiserver:\n\
         #   {FLAG}={file}\n\
         #   {RELOAD}=true\n\
         # The folder is mounted, not the file: a replaced file would never be seen.\n\
         #\n\
         # kubeadm (ClusterConfiguration, kubeadm.k8s.io/v1beta4):\n\
         apiServer:\n  extraArgs:\n  - {{name: encryption-provider-config, value: {file}}}\n  \
         - {{name: encryption-provider-config-automatic-reload, value: \"true\"}}\n  \
         extraVolumes:\n{extra}\
         # In the static pod itself (kube-apiserver.yaml):\n\
         #   spec:\n#     containers:\n#     - command:\n\
         #       - {FLAG}={file}\n#       - {RELOAD}=true\n{}{}",
        comment(&mounts),
        comment(&volumes)
    )
}

fn comment(text: &str) -> String {
    text.lines().map(|line| format!("# {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = "
apiVersion: v1
kind: Pod
spec:
  containers:
  - name: kube-apiserver
    command:
    - kube-apiserver
    - --encryption-provider-config=/etc/kubernetes/enc/enc.yaml
    - --encryption-provider-config-automatic-reload=true
    volumeMounts:
    - {name: enc, mountPath: /etc/kubernetes/enc}
    - {name: pki, mountPath: /etc/kubernetes/pki}
  volumes:
  - {name: enc, hostPath: {path: /srv/enc, type: Directory}}
  - {name: pki, hostPath: {path: /etc/kubernetes/pki}}
";

    fn words(text: &str, config: &str) -> Vec<String> {
        let report = check(text, Path::new(config)).unwrap();
        report
            .findings
            .into_iter()
            .map(|finding| finding.words)
            .collect()
    }

    #[test]
    fn a_good_manifest_has_no_findings() {
        assert_eq!(words(POD, "/srv/enc/enc.yaml"), Vec::<String>::new());
    }

    #[test]
    fn each_fault_is_found() {
        let check = |from: &str, to: &str, part: &str| {
            assert!(POD.contains(from));
            let found = words(&POD.replace(from, to), "/srv/enc/enc.yaml");
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(part), "{found:?}");
        };
        check(
            "    - --encryption-provider-config=/etc/kubernetes/enc/enc.yaml\n",
            "",
            "not set",
        );
        check("reload=true", "reload=false", "restart");
        check(
            "mountPath: /etc/kubernetes/enc}",
            "mountPath: /elsewhere}",
            "no hostPath volume",
        );
        check(
            "/srv/enc, type: Directory",
            "/srv/other, type: Directory",
            "not /srv/enc",
        );
        check(
            "{name: enc, mountPath: /etc/kubernetes/enc}",
            "{name: enc, mountPath: /etc/kubernetes/enc/enc.yaml, subPath: enc.yaml}",
            "never seen",
        );
        let found = words(
            &POD.replace(
                "mountPath: /etc/kubernetes/enc}",
                "mountPath: /etc/kubernetes/enc/enc.yaml}",
            )
            .replace("/srv/enc, type: Directory", "/srv/enc/enc.yaml, type: File"),
            "/srv/enc/enc.yaml",
        );
        assert!(
            found.len() == 1 && found[0].contains("never seen"),
            "{found:?}"
        );
    }

    #[test]
    fn what_is_no_manifest_is_told_without_its_text() {
        for text in ["", "spec: {}", "kind: [", "spec: {containers: [{name: x}]}"] {
            assert!(check(text, Path::new("/x")).is_err(), "{text}");
        }
    }
}
