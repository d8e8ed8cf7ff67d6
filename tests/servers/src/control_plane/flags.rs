//! Pure. The command lines of the servers.

use std::path::Path;

/// The ports of etcd: for clients in the clear, for clients with certificates, for peers.
pub(super) struct EtcdPorts {
    pub(super) plain: u16,
    pub(super) tls: u16,
    pub(super) peer: u16,
}

pub(super) fn etcd(data: &Path, files: &Path, ports: &EtcdPorts) -> Vec<String> {
    let (client, peer) = (address(ports.plain), address(ports.peer));
    let file = |flag: &str, name: &str| format!("--{flag}={}", files.join(name).display());
    vec![
        format!("--data-dir={}", data.display()),
        format!(
            "--listen-client-urls={client},https://127.0.0.1:{}",
            ports.tls
        ),
        // These concern the second address alone.
        "--client-cert-auth".to_owned(),
        file("trusted-ca-file", "etcd-client-ca.crt"),
        file("cert-file", "server.crt"),
        file("key-file", "server.key"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        // The data lives only as long as the process; waiting for the disk shows nothing.
        "--unsafe-no-fsync".to_owned(),
        "--quota-backend-bytes=4294967296".to_owned(),
        "--log-level=warn".to_owned(),
    ]
}

fn address(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// What the API server's command line depends on.
pub(super) struct Apiserver<'a> {
    /// Address that clients use, and issuer of service account tokens.
    pub(super) url: &'a str,
    /// Port of that address.
    pub(super) port: u16,
    /// Address of etcd.
    pub(super) etcd: &'a str,
    /// Folder of keys, tokens and policies.
    pub(super) files: &'a Path,
    /// Where to record requests.
    pub(super) audit_log: &'a Path,
    /// Flags of the test's own.
    pub(super) extra: &'a [String],
}

pub(super) fn apiserver(own: &Apiserver<'_>) -> Vec<String> {
    let (url, etcd) = (own.url, own.etcd);
    let file = |flag: &str, name: &str| format!("--{flag}={}", own.files.join(name).display());
    let mut flags = vec![
        format!("--etcd-servers={etcd}"),
        format!("--secure-port={}", own.port),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
        file("tls-cert-file", "server.crt"),
        file("tls-private-key-file", "server.key"),
        file("token-auth-file", "tokens.csv"),
        "--authorization-mode=RBAC".to_owned(),
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        format!("--service-account-issuer={url}"),
        format!("--service-account-jwks-uri={url}/openid/v1/jwks"),
        file("service-account-key-file", "service-accounts.pub"),
        file("service-account-signing-key-file", "service-accounts.key"),
        file("audit-policy-file", "audit-policy.json"),
        format!("--audit-log-path={}", own.audit_log.display()),
        "--audit-log-format=json".to_owned(),
        "--audit-log-mode=blocking".to_owned(),
        // In megabytes: one file, since a test counts from its beginning.
        "--audit-log-maxsize=1000000".to_owned(),
        "--profiling=false".to_owned(),
    ];
    flags.extend_from_slice(own.extra);
    flags
}

pub(super) fn controller_manager(kubeconfig: &Path, controllers: &[String]) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        format!("--controllers={}", controllers.join(",")),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ]
}
