//! Pure. The part of the session in which owners are deleted, and what becomes of what they own.

use super::{Compare, Line};

/// A ConfigMap that these ConfigMaps own.
fn owned(name: &str, owners: &[&str], finalizers: &str) -> String {
    let references: Vec<String> = owners
        .iter()
        .map(|owner| {
            format!(
                r#"{{"apiVersion": "v1", "kind": "ConfigMap", "name": "{owner}",
                  "uid": "{{{{uid configmap/{owner}}}}}", "blockOwnerDeletion": true}}"#
            )
        })
        .collect();
    let references = references.join(",");
    format!(
        r#"{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "{name}",
          "labels": {{"set": "owners"}}, "finalizers": [{finalizers}],
          "ownerReferences": [{references}]}}}}"#
    )
}

const FORSAKEN: &str = r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "forsaken",
  "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "never",
    "uid": "0e8f2f9e-3f0a-4c53-9d57-0a6f1d1f2b11"}]}}"#;

/// The target of an ExternalSecret, as the controller makes it.
const TARGET: &str = r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "made",
  "ownerReferences": [{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
    "name": "es", "uid": "{{uid es/es}}", "controller": true, "blockOwnerDeletion": true}]}}"#;

const LEFT: &str = "get configmaps -l set=owners -o name";

/// The collector of a real server takes its time: an exit code says that it came.
fn until(all: &mut Vec<Line>, arguments: &str) {
    let line = format!("wait {arguments} --timeout=120s");
    all.push(Line::new(&line).compare(Compare::Code));
}

fn make(all: &mut Vec<Line>, name: &str, owners: &[&str], finalizers: &str) {
    all.push(Line::new("create -f -").input(&owned(name, owners, finalizers)));
}

fn say(all: &mut Vec<Line>, arguments: &str) {
    all.push(Line::new(arguments));
}

/// Deletes in the background, in the foreground and leaving orphans.
pub fn owners(all: &mut Vec<Line>) {
    background(all);
    foreground(all);
    orphans(all);
    all.push(Line::new("create -f -").input(FORSAKEN));
    until(all, "--for=delete secret/forsaken");
    say(all, "get secret forsaken");
    all.push(Line::new("create -f -").input(TARGET));
    say(all, "get secret made -o yaml");
    say(all, "delete es es");
    until(all, "--for=delete secret/made");
    say(all, "get secret made");
}

/// Grandchildren follow; what another owner still holds stays, and forgets the dead one.
fn background(all: &mut Vec<Line>) {
    make(all, "root", &[], "");
    make(all, "other", &[], "");
    make(all, "child", &["root"], "");
    make(all, "grandchild", &["child"], "");
    make(all, "shared", &["root", "other"], "");
    make(all, "held", &["root"], r#""x.io/hold""#);
    say(all, LEFT);
    say(all, "delete configmap root");
    until(all, "--for=delete configmap/child configmap/grandchild");
    until(
        all,
        "--for=jsonpath={.metadata.ownerReferences[0].name}=other configmap/shared",
    );
    until(
        all,
        "--for=jsonpath={.metadata.deletionTimestamp} configmap/held",
    );
    say(all, LEFT);
    say(all, "get configmap shared -o yaml");
    say(all, "get configmap held -o yaml");
    say(
        all,
        r#"patch configmap held --type=merge -p {"metadata":{"finalizers":null}}"#,
    );
    until(all, "--for=delete configmap/held");
    say(all, "delete configmap other");
    until(all, "--for=delete configmap/shared");
    say(all, LEFT);
}

/// The owner waits for what blocks it.
fn foreground(all: &mut Vec<Line>) {
    make(all, "root", &[], "");
    make(all, "held", &["root"], r#""x.io/hold""#);
    make(all, "child", &["root"], "");
    say(
        all,
        "delete configmap root --cascade=foreground --wait=false",
    );
    until(all, "--for=delete configmap/child");
    until(
        all,
        "--for=jsonpath={.metadata.deletionTimestamp} configmap/held",
    );
    say(all, LEFT);
    say(all, "get configmap root -o yaml");
    say(
        all,
        r#"patch configmap held --type=merge -p {"metadata":{"finalizers":null}}"#,
    );
    until(all, "--for=delete configmap/held configmap/root");
    say(all, LEFT);
}

/// What is left behind has no owner any more.
fn orphans(all: &mut Vec<Line>) {
    make(all, "root", &[], "");
    make(all, "child", &["root"], "");
    say(all, "delete configmap root --cascade=orphan");
    until(all, "--for=delete configmap/root");
    say(all, "get configmap child -o yaml");
    say(all, "delete configmap child");
}
