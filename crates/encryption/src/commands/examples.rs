//! Pure. What the help shows below the flags: how each command is used, and how it ends.

/// Of `tidegate encryption`.
pub(super) const ENCRYPTION: &str = "\
The order of things:
  1. config    makes the file and says how the API servers are to load it
  2. rewrite   encrypts what was stored before
  3. verify    proves it in etcd
  4. rotate    replaces the key, now and then; status shows where everything stands

Exit codes: 0 done, 1 findings, 2 wrong usage, 3 etcd or an API server cannot be reached, 4 unsafe
now, and nothing was changed.";

/// Of `config`.
pub(super) const CONFIG: &str = "\
Examples:
  # A key in the file; the flags, mounts and kubeadm's patch for it are printed
  tidegate encryption config /etc/kubernetes/enc/enc.yaml
  # A KMS v2 plugin, such as `tidegate kms`
  tidegate encryption config /etc/kubernetes/enc/enc.yaml --kms-endpoint unix:///run/kms/kms.sock
  # What would an API server say to this file, and to how it is mounted?
  tidegate encryption config check /etc/kubernetes/enc/enc.yaml --manifest kube-apiserver.yaml";

/// Of `verify`.
pub(super) const VERIFY: &str = "\
Examples:
  # On a control-plane node of kubeadm; code 0 is the proof that nothing is in the clear
  tidegate encryption verify --config /etc/kubernetes/enc/enc.yaml --etcd https://127.0.0.1:2379 \\
    --etcd-ca ca.crt --etcd-cert apiserver-etcd-client.crt --etcd-key apiserver-etcd-client.key
  # Without etcd: what the API servers tell, which proves nothing (code 1)
  tidegate encryption verify --kubeconfig admin.conf

Exit codes: 0 all encrypted, 1 something is not, or nothing is proven, 2 wrong usage, 3 not
reached, 4 etcd is not that of the API servers.";

/// Of `rewrite`.
pub(super) const REWRITE: &str = "\
Examples:
  # By the API alone, also on a managed control plane
  tidegate encryption rewrite --kubeconfig admin.conf --resource secrets --checkpoint rewrite.json
  # With etcd only what is stale is touched; first see how much that is
  tidegate encryption rewrite --config enc.yaml --etcd https://127.0.0.1:2379 --dry-run

Exit codes: 0 done, 1 some objects failed (run it again), 2 wrong usage, 3 not reached, 4 an API
server has not loaded --config: nothing was rewritten.";

/// Of `rotate`.
pub(super) const ROTATE: &str = "\
Examples:
  # Begin; the same words without --begin go on, also after a crash, until it says `rotated to`
  tidegate encryption rotate --begin --config enc.yaml --archive enc-2026.yaml \\
    --server https://10.0.0.1:6443 --server https://10.0.0.2:6443 --etcd https://127.0.0.1:2379
  # From a key in the file to a KMS v2 plugin, or from no encryption to either
  tidegate encryption rotate --begin --config enc.yaml --archive enc-2026.yaml \\
    --kms-endpoint unix:///run/kms/kms.sock --etcd https://127.0.0.1:2379

Exit codes: 0 rotated, or soaking as told, 1 findings, 2 wrong usage, 3 not reached, 4 unsafe now:
what has to happen first is told, and nothing was changed.";

/// Of `status`.
pub(super) const STATUS: &str = "\
Examples:
  # On a managed control plane: what its metrics tell
  tidegate encryption status --kubeconfig admin.conf
  # Every API server by itself, past the load balancer, against the file and etcd
  tidegate encryption status --config enc.yaml --server https://10.0.0.1:6443 \\
    --server https://10.0.0.2:6443 --etcd https://127.0.0.1:2379

Exit codes: 0 nothing is wrong, 1 something is, 2 wrong usage, 3 not reached.";

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::Args;
    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        _args: Args,
    }

    #[test]
    fn every_example_is_understood() {
        let mut seen = 0;
        for text in [CONFIG, VERIFY, REWRITE, ROTATE, STATUS] {
            let text = text.replace("\\\n", "");
            let lines = text.lines().map(str::trim);
            for line in lines.filter(|line| line.starts_with("tidegate ")) {
                let words: Vec<&str> = line.split_whitespace().collect();
                assert_eq!(words[..2], ["tidegate", "encryption"]);
                let parsed = Cli::try_parse_from(&words[1..]);
                assert!(parsed.is_ok(), "{line}: {}", parsed.err().unwrap());
                seen += 1;
            }
        }
        assert_eq!(seen, 11);
    }
}
