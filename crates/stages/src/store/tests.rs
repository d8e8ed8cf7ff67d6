//! Pure. Tables of store checks, conditions, reports.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::testing::{at, env};
use crate::{Env, EventKind};

fn spec(spec: Value) -> SecretStoreSpec {
    serde_json::from_value(spec).unwrap()
}

fn vault(vault: Value) -> SecretStoreSpec {
    let mut whole = json!({ "server": "https://vault" });
    for (key, value) in vault.as_object().unwrap() {
        whole[key] = value.clone();
    }
    spec(json!({ "provider": { "vault": whole } }))
}

fn defect(spec: &SecretStoreSpec, namespace: Option<&str>) -> String {
    match check(spec, namespace) {
        Ok(()) => "fine".to_owned(),
        Err(defect) => {
            assert_eq!(defect.lead, names::MSG_STORE_CLIENT);
            defect.detail.to_string()
        }
    }
}

#[test]
fn exactly_one_provider_that_is_served() {
    for (provider, expected) in [
        (json!({ "fake": { "data": [] } }), "fine"),
        (json!({}), "spec.provider names no provider"),
        (
            json!({ "doppler": {} }),
            "provider \"doppler\" is not served by this version",
        ),
        (
            json!({ "vault": { "server": "s" }, "fake": { "data": [] } }),
            "spec.provider must name exactly one provider, not fake and vault",
        ),
        (
            json!({ "vault": { "server": "s" }, "aws": {} }),
            "spec.provider must name exactly one provider, not aws and vault",
        ),
    ] {
        assert_eq!(
            defect(&spec(json!({ "provider": provider })), Some("team")),
            expected
        );
    }
}

#[test]
fn references_stay_within_their_scope() {
    let token = |namespace: Option<&str>| {
        let reference = json!({ "name": "t", "namespace": namespace });
        json!({ "auth": { "tokenSecretRef": reference } })
    };
    let ca = |namespace: Option<&str>| {
        let provider = json!({ "type": "Secret", "name": "ca", "namespace": namespace });
        json!({ "caProvider": provider })
    };
    let elsewhere =
        "vault.auth.tokenSecretRef.namespace must be empty or the namespace of the SecretStore";
    for (section, namespace, expected) in [
        (json!({}), Some("team"), "fine"),
        (
            json!({ "server": "" }),
            Some("team"),
            "vault.server is missing",
        ),
        (token(None), Some("team"), "fine"),
        (token(Some("team")), Some("team"), "fine"),
        (token(Some("other")), Some("team"), elsewhere),
        (token(Some("other")), None, "fine"),
        (token(None), None, "fine"),
        (ca(None), Some("team"), "fine"),
        (
            ca(None),
            None,
            "vault.caProvider.namespace is needed in a ClusterSecretStore",
        ),
    ] {
        assert_eq!(
            defect(&vault(section.clone()), namespace),
            expected,
            "{section}"
        );
    }
}

#[test]
fn rules_of_the_vault_section() {
    let secret = json!({ "name": "s", "key": "k" });
    for (section, namespace, expected) in [
        (
            json!({ "auth": { "tokenSecretRef": {} } }),
            Some("team"),
            "vault.auth.tokenSecretRef.name is missing",
        ),
        (
            json!({ "auth": { "appRole": { "path": "a", "secretRef": secret } } }),
            Some("team"),
            "vault.auth.appRole needs roleId or roleRef",
        ),
        (
            json!({ "auth": { "appRole": { "path": "a", "roleId": "r", "secretRef": secret } } }),
            Some("team"),
            "fine",
        ),
        (
            json!({ "auth": { "jwt": { "path": "jwt" } } }),
            Some("team"),
            "vault.auth.jwt needs secretRef or kubernetesServiceAccountToken",
        ),
        (
            json!({ "auth": { "iam": {} } }),
            Some("team"),
            "vault.auth.iam is not served by this version",
        ),
        (
            json!({ "auth": {} }),
            Some("team"),
            "vault.auth names no login; leave it out to read without one",
        ),
        (
            json!({ "tls": { "certSecretRef": secret } }),
            Some("team"),
            "vault.tls needs both certSecretRef and keySecretRef",
        ),
        (
            json!({ "version": "v1", "checkAndSet": { "required": true } }),
            Some("team"),
            "vault.checkAndSet needs version v2",
        ),
    ] {
        assert_eq!(
            defect(&vault(section.clone()), namespace),
            expected,
            "{section}"
        );
    }
}

#[test]
fn references_are_those_of_the_login_that_counts() {
    let store = vault(json!({
        "caBundle": "", "caProvider": { "type": "ConfigMap", "name": "ca", "key": "root" },
        "auth": {
            "appRole": {
                "path": "a", "roleRef": { "name": "role" }, "secretRef": { "name": "id" },
            },
            "jwt": { "path": "jwt", "secretRef": { "name": "unused" } },
        },
    }));
    let found: Vec<(&str, RefKind, String)> = (references(&store).into_iter())
        .map(|reference| (reference.field, reference.kind, reference.name))
        .collect();
    assert_eq!(
        found,
        [
            ("vault.caProvider", RefKind::ConfigMap, "ca".to_owned()),
            (
                "vault.auth.appRole.roleRef",
                RefKind::Secret,
                "role".to_owned()
            ),
            (
                "vault.auth.appRole.secretRef",
                RefKind::Secret,
                "id".to_owned()
            ),
        ]
    );
    let bundled = vault(json!({
        "caBundle": "x", "caProvider": { "type": "Secret", "name": "ca" },
    }));
    assert!(references(&bundled).is_empty(), "caBundle wins");
}

#[test]
fn conditions_let_in_by_any_of_three() {
    let labels = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
    let prod = json!({ "matchLabels": { "env": "prod" } });
    let not_prod = json!({
        "matchExpressions": [{ "key": "env", "operator": "NotIn", "values": ["prod"] }],
    });
    for (conditions, expected) in [
        (json!([]), Ok(true)),
        (json!([{}]), Ok(false)),
        (
            json!([{ "namespaces": ["other"] }, { "namespaces": ["team-a"] }]),
            Ok(true),
        ),
        (json!([{ "namespaceRegexes": ["eam"] }]), Ok(true)),
        (json!([{ "namespaceRegexes": ["^eam"] }]), Ok(false)),
        (json!([{ "namespaceSelector": prod }]), Ok(true)),
        (json!([{ "namespaceSelector": not_prod }]), Ok(false)),
        (json!([{ "namespaceSelector": {} }]), Ok(true)),
        (
            json!([{ "namespaces": ["team-a"], "namespaceRegexes": ["("] }]),
            Err("spec.conditions[0].namespaceRegexes: \"(\" is no regular expression"),
        ),
        (
            json!([{ "namespaceSelector": {
                "matchExpressions": [{ "key": "env", "operator": "Near" }],
            }}]),
            Err("spec.conditions[0].namespaceSelector: operator \"Near\" with 0 values"),
        ),
    ] {
        let parsed: Vec<_> = serde_json::from_value(conditions.clone()).unwrap();
        let got = allows(&parsed, "team-a", &labels);
        assert_eq!(got, expected.map_err(str::to_owned), "{conditions}");
    }
}

#[test]
fn refresh_intervals() {
    let outcome = StoreOutcome::Valid;
    for (interval, expected) in [
        (json!(null), Some(300)),
        (json!(0), Some(300)),
        (json!("0s"), Some(300)),
        (json!(90), Some(90)),
        (json!("1m30s"), Some(90)),
        (json!(-1), None),
        (json!("-1m"), None),
        (json!("soon"), None),
    ] {
        let spec = spec(json!({
            "provider": { "fake": { "data": [] } }, "refreshInterval": interval,
        }));
        assert_eq!(
            check(&spec, Some("team")).is_ok(),
            expected.is_some(),
            "{interval}"
        );
        let default = Duration::from_secs(300);
        if let Some(expected) = expected {
            let next = next_validation(&spec, &outcome, default, 0, &env());
            assert_eq!(next, Duration::from_secs(expected), "{interval}");
            let late = Env {
                rng: u64::MAX,
                ..env()
            };
            let next = next_validation(&spec, &outcome, default, 0, &late);
            let most = Duration::from_millis(expected * 1100);
            assert!(next > most.mul_f64(0.99) && next <= most, "{interval}");
        }
    }
}

#[test]
fn a_store_is_told_of_when_it_changes() {
    let invalid = StoreOutcome::Invalid(StoreDefect::of_spec("vault.server is missing"));
    let first = status(None, &invalid, &env());
    let condition = &first.status.conditions[0];
    assert_eq!(condition.reason.as_deref(), Some("InvalidProviderConfig"));
    assert_eq!(
        condition.message.as_deref(),
        Some(
            "unable to create client: vault.server is missing; looked at again when the \
             store or an object that it names changes, and every 10m"
        )
    );
    assert!(first.write);
    assert_eq!(first.events[0].kind, EventKind::Warning);

    let again = status(Some(&first.status), &invalid, &env());
    assert!(!again.write && again.events.is_empty());

    let later = Env {
        now: at("2026-11-23T13:00:00Z"),
        ..env()
    };
    let valid = status(Some(&first.status), &StoreOutcome::Valid, &later);
    let condition = &valid.status.conditions[0];
    assert_eq!(
        (
            condition.status.as_str(),
            condition.reason.as_deref(),
            condition.message.as_deref()
        ),
        ("True", Some("Valid"), Some("store validated"))
    );
    assert_eq!(
        condition.last_transition_time.as_ref().unwrap().0,
        later.now
    );
    assert_eq!(valid.status.capabilities.as_deref(), Some("ReadWrite"));
    assert!(!status(Some(&valid.status), &StoreOutcome::Valid, &later).write);

    let unknown = status(None, &StoreOutcome::Unknown("referent".into()), &env());
    let condition = &unknown.status.conditions[0];
    assert_eq!(
        (condition.status.as_str(), condition.reason.as_deref()),
        ("True", Some("ValidationUnknown"))
    );
}

#[test]
fn classes() {
    let of = |class: Value| spec(json!({ "controller": class, "provider": {} }));
    assert!(serves(&of(json!(null)), "default") && serves(&of(json!("")), "default"));
    assert!(serves(&of(json!("default")), "default") && !serves(&of(json!("other")), "default"));
}
