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
        "exactly one of local, transit, aws and azure",
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

const CLOUDS: &str = r#"
services:
- name: aws
  socket: /run/tidegate-kms/aws.sock
  aws:
    key: arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd
    replicas:
    - region: eu-west-1
      endpoint: https://vpce-1.kms.eu-west-1.vpce.amazonaws.com
    encryption-context: {cluster: one}
    credentials:
      web-identity:
        role-arn: arn:aws:iam::111122223333:role/kms
        token-file: /etc/tidegate/token
- name: azure
  socket: /run/tidegate-kms/azure.sock
  azure:
    vault: https://one.vault.azure.net
    key: kms
    login:
      workload-identity:
        tenant: 11111111-2222-3333-4444-555555555555
        client-id: 66666666-7777-8888-9999-000000000000
        token-file: /etc/tidegate/token
"#;

#[test]
fn keys_of_clouds_are_read() {
    let config = Config::read(CLOUDS).unwrap();
    let [aws, azure] = config.services.as_slice() else {
        panic!("two services");
    };
    let endpoints = aws.aws.as_ref().unwrap().endpoints();
    let regions: Vec<&str> = endpoints.iter().map(|it| it.region.as_str()).collect();
    assert_eq!(regions, ["eu-central-1", "eu-west-1"]);
    assert_eq!(azure.azure.as_ref().unwrap().key, "kms");
    let files: Vec<String> = config.files().into_iter().map(|it| it.0).collect();
    let expected = [
        "services[0] (aws): aws.credentials.web-identity.token-file",
        "services[1] (azure): azure.login.workload-identity.token-file",
    ];
    assert_eq!(files, expected);
}

#[test]
fn what_is_wrong_with_a_key_of_a_cloud_names_the_field() {
    let check = |from: &str, to: &str, expected: &str| {
        assert!(CLOUDS.contains(from), "{from}");
        let error = Config::read(&CLOUDS.replace(from, to)).unwrap_err();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}");
    };
    check(
        "mrk-1234abcd",
        "1234abcd",
        "aws.replicas: only a multi-Region key",
    );
    check(
        "eu-west-1\n",
        "Ireland\n",
        "aws.replicas[0].region: \"Ireland\" is none",
    );
    check(
        "https://vpce-1.kms",
        "ftp://vpce-1.kms",
        "aws.replicas[0].endpoint: ",
    );
    check(
        "amazonaws.com\n",
        "amazonaws.com/x\n",
        "aws.replicas[0].endpoint: ",
    );
    check(
        "    replicas:",
        "    region: eu-west-1\n    replicas:",
        "aws.region: the key's ARN",
    );
    check(
        "{cluster: one}",
        "{tidegate-kms: one}",
        "aws.encryption-context: ",
    );
    check(
        ":role/kms",
        ":user/kms",
        "aws.credentials.web-identity.role-arn: no ARN of a role",
    );
    check(
        "https://one.vault",
        "https://u:p@one.vault",
        "azure.vault: ",
    );
    check("    key: kms", "    key: k/ms", "azure.key: use 1 to 127");
    check(
        "tenant: 1",
        "tenant: ../1",
        "azure.login.workload-identity.tenant: ",
    );
    check(
        "client-id: 6",
        "authority: http://login.example\n        client-id: 6",
        "azure.login.workload-identity.authority: \"http://login.example\" is not https",
    );
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
