//! Pure. Tests of what is wanted and of the steps, as tables.

use super::*;
use crate::dev::manifest::read;

fn kinds() -> Kinds {
    let served = [
        ("v1", "Namespace", "namespaces", false),
        ("v1", "Secret", "secrets", true),
        (
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "crds",
            false,
        ),
        (
            "external-secrets.io/v1",
            "ClusterSecretStore",
            "clustersecretstores",
            false,
        ),
        (
            "external-secrets.io/v1",
            "SecretStore",
            "secretstores",
            true,
        ),
        (
            "external-secrets.io/v1",
            "ExternalSecret",
            "externalsecrets",
            true,
        ),
    ];
    let served = served.map(|(version, kind, plural, namespaced)| {
        let plural = plural.to_owned();
        (
            (version.to_owned(), kind.to_owned()),
            Served { plural, namespaced },
        )
    });
    served.into_iter().collect()
}

/// A file of one-line documents: `apiVersion kind name [namespace]`, and a marker for content.
fn resolved(file: &str, lines: &[&str]) -> Wanted {
    let text: String = lines.iter().map(|line| document(line)).collect();
    let manifests: Vec<Manifest> = (read(&file.into(), &text).into_iter())
        .map(Result::unwrap)
        .collect();
    wanted(&manifests, &kinds(), "team")
}

fn document(line: &str) -> String {
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (version, kind, name, namespace, mark) = (word(), word(), word(), word(), word());
    let namespace = match namespace {
        "" | "-" => String::new(),
        own => format!(", namespace: {own}"),
    };
    format!(
        "---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}{namespace}}}\n\
         mark: m{mark}\n"
    )
}

const ES: &str = "external-secrets.io/v1 ExternalSecret a";
const SS: &str = "external-secrets.io/v1 SecretStore s";
const CSS: &str = "external-secrets.io/v1 ClusterSecretStore c x";

#[test]
fn objects_come_in_the_order_that_lets_each_find_what_it_needs() {
    let found = resolved("f.yaml", &[ES, SS, CSS, "v1 Secret k", "v1 Namespace ns"]);
    let order: Vec<String> = found.objects.keys().map(Id::text).collect();
    let expected = [
        "Namespace ns",
        "Secret team/k",
        "ClusterSecretStore c",
        "SecretStore team/s",
        "ExternalSecret team/a",
    ];
    assert_eq!(order, expected);
    let paths: Vec<&str> = found.objects.values().map(|o| &*o.path).collect();
    assert_eq!(paths[1], "/api/v1/namespaces/team/secrets");
    assert_eq!(paths[2], "/apis/external-secrets.io/v1/clustersecretstores");
}

#[test]
fn what_nobody_serves_is_told_with_what_is_served() {
    let found = resolved("f.yaml", &["apps/v1 Deployment d", ES]);
    assert_eq!(found.objects.len(), 1);
    let told = found.faults[0].to_string();
    let part = "nobody serves Deployment (apps/v1) here; served: ClusterSecretStore, ";
    assert!(
        told.starts_with("f.yaml:2: ") && told.contains(part),
        "{told}"
    );
    let found = resolved("f.yaml", &["external-secrets.io/v1beta1 ExternalSecret a"]);
    let told = found.faults[0].to_string();
    assert!(
        told.ends_with("ExternalSecret is served as external-secrets.io/v1"),
        "{told}"
    );
}

#[test]
fn a_name_twice_is_told_with_both_places() {
    let found = resolved(
        "f.yaml",
        &[ES, "external-secrets.io/v1 ExternalSecret a team"],
    );
    assert_eq!(found.objects.len(), 1);
    assert_eq!(
        found.faults[0].to_string(),
        "f.yaml:7 (document 2): ExternalSecret team/a stands at f.yaml:2 already; the first one \
         counts; remove or rename one of them"
    );
    let other = resolved(
        "f.yaml",
        &[ES, "external-secrets.io/v1 ExternalSecret a other"],
    );
    assert_eq!((other.objects.len(), other.faults.len()), (2, 0));
}

/// The steps from what `before` asked for to what `after` asks for.
fn check(before: &[&str], after: &[&str], unreadable: &[&str], expected: &[&str]) {
    let applied = (resolved("f.yaml", before).objects.into_iter()).map(|(id, object)| {
        let applied = Applied {
            file: object.place.file,
            path: object.path,
            body: object.body,
        };
        (id, applied)
    });
    let applied = applied.collect();
    let unreadable = unreadable.iter().map(|file| Arc::from(*file)).collect();
    let steps = steps(&applied, &resolved("f.yaml", after).objects, &unreadable);
    let told: Vec<String> = (steps.iter())
        .map(|step| match step {
            Step::Delete(id) => format!("-{}", id.text()),
            Step::Apply(id) => format!("+{}", id.text()),
        })
        .collect();
    assert_eq!(told, expected, "{before:?} to {after:?}");
}

#[test]
fn only_what_differs_is_touched() {
    check(
        &[],
        &[ES, SS],
        &[],
        &["+SecretStore team/s", "+ExternalSecret team/a"],
    );
    check(&[ES, SS], &[ES, SS], &[], &[]);
    let edited = "external-secrets.io/v1 SecretStore s - 2";
    check(&[ES, SS], &[ES, edited], &[], &["+SecretStore team/s"]);
}

#[test]
fn external_secrets_go_first_and_what_they_use_last() {
    let renamed = "external-secrets.io/v1 ExternalSecret b";
    let told = [
        "-ExternalSecret team/a",
        "+ExternalSecret team/b",
        "-SecretStore team/s",
    ];
    check(&[ES, SS], &[renamed], &[], &told);
    let told = [
        "-ExternalSecret team/a",
        "-SecretStore team/s",
        "-Secret team/k",
    ];
    check(&["v1 Secret k", ES, SS], &[], &[], &told);
}

#[test]
fn nothing_goes_because_its_file_cannot_be_read() {
    check(&[ES, SS], &[], &["f.yaml"], &[]);
    check(&[ES, SS], &[SS], &["f.yaml"], &[]);
    let told = ["-ExternalSecret team/a", "-SecretStore team/s"];
    check(&[ES, SS], &[], &["other.yaml"], &told);
}
