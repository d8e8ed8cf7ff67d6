//! Pure. Configurations: what is read, and what is said of a wrong one.

use super::*;

const WHOLE: &str = r#"
admin: 127.0.0.1:8085
allowed-uids: [0]
services:
- name: vault
  socket: /run/tidegate-kms/vault.sock
  socket-mode: "0660"
  offline: strict
  grace: 45s
  revocation-horizon: 12h
  activation-delay: 5m
  attempt-timeout: 900ms
  local-hierarchy: true
  generation: 3
  transit:
    endpoints: [https://vault-1.example:8200, https://vault-2.example:8200]
    key: kms
    ca-file: /etc/tidegate/vault-ca.pem
    login:
      approle:
        role-id-file: /etc/tidegate/role-id
        secret-id-file: /etc/tidegate/secret-id
- name: edge
  socket: /run/tidegate-kms/edge.sock
  local: {folder: /etc/tidegate/keys}
"#;

#[test]
fn a_whole_file_is_read_with_defaults_for_the_rest() {
    let config = Config::read(WHOLE).unwrap();
    let [vault, edge] = config.services.as_slice() else {
        panic!("two services");
    };
    let options = vault.options();
    assert_eq!(options.contact.policy, Policy::Strict);
    assert_eq!(options.contact.grace, Duration::from_secs(45));
    assert_eq!(options.contact.horizon, Duration::from_secs(43_200));
    assert_eq!(options.activation_delay, Duration::from_secs(300));
    assert_eq!(options.attempt, Duration::from_millis(900));
    assert_eq!((options.generation, options.local_hierarchy), (3, true));
    assert_eq!(vault.socket_mode.bits(), 0o660);
    assert_eq!(edge.options().contact.policy, Policy::Coast);
    assert_eq!(edge.socket_mode.bits(), 0o600);
    assert_eq!(vault.transit.as_ref().unwrap().mount, "transit");
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let check = |from: &str, to: &str, expected: &str| {
        assert!(WHOLE.contains(from), "{from}");
        let error = Config::read(&WHOLE.replace(from, to)).unwrap_err();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    };
    check("grace: 45s", "grace: often", "is no duration such as 30s");
    check("grace: 45s", "graze: 45s", "graze");
    check("offline: strict", "offline: maybe", "maybe");
    check("\"0660\"", "\"0666\"", "0666");
    check("12h", "1m", "revocation-horizon: use at least 3m");
    check("900ms", "3s", "attempt-timeout");
    check(
        "name: edge",
        "name: vault",
        "services[1] (vault): another service",
    );
    check(
        "edge.sock",
        "vault.sock",
        "another service has this name or socket",
    );
    check("name: edge", "name: ed/ge", "name: use 1 to 63");
    check(
        "  local: {folder: /etc/tidegate/keys}",
        "",
        "exactly one of local, transit and aws",
    );
    check(
        "    key: kms",
        "    key: kms\n    client-key-file: /x",
        "go together",
    );
    check(
        "endpoints: [https://vault-1.example:8200, https://vault-2.example:8200]",
        "endpoints: []",
        "1 to 8 addresses",
    );
    assert!(
        Config::read("services: []")
            .unwrap_err()
            .contains("1 to 16")
    );
    assert!(Config::read("").is_err());
}

#[test]
fn durations_have_a_unit() {
    let check = |text: &str, millis: Option<u64>| {
        assert_eq!(span(text), millis.map(Duration::from_millis), "{text}");
    };
    check("2500ms", Some(2500));
    check("30s", Some(30_000));
    check("2m", Some(120_000));
    check("24h", Some(86_400_000));
    for wrong in [
        "",
        "30",
        "s",
        "1d",
        "-1s",
        "1.5s",
        "99999999999999999999s",
        "18446744073709551615h",
    ] {
        check(wrong, None);
    }
}
