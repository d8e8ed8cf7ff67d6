//! Shell. Installs the project's own manifests, as `kubectl apply` would.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tidegate_testservers::{Http, TIDEGATE};

/// Installs CRDs, namespace and rights, and binds the rights to the harness's user.
pub async fn install(admin: &Http) {
    for document in documents("manifests/crds")
        .into_iter()
        .chain(documents("manifests/install"))
    {
        // Workloads need nodes, and the CRDs are among both folders.
        let kind = document["kind"].as_str().unwrap_or_default();
        if !matches!(kind, "Deployment") {
            admin.apply(&document).await.unwrap();
        }
    }
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": "tidegate-test" },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "tidegate-controller",
        },
        "subjects": [{ "kind": "User", "name": TIDEGATE,
                       "apiGroup": "rbac.authorization.k8s.io" }],
    });
    admin.apply(&binding).await.unwrap();
    let lease = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": "tidegate-test-lease" },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "tidegate-test-lease",
        },
        "subjects": [{ "kind": "User", "name": TIDEGATE,
                       "apiGroup": "rbac.authorization.k8s.io" }],
    });
    // The Lease of each test lies in the test's own namespace.
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": "tidegate-test-lease" },
        "rules": [{ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
                    "verbs": ["get", "create", "update"] }],
    });
    admin.apply(&role).await.unwrap();
    admin.apply(&lease).await.unwrap();
    established(admin).await;
}

/// Installs the CRDs alone, where the API server knows no rights and no workloads.
#[allow(dead_code, reason = "the benches install the whole")]
pub async fn install_crds(admin: &Http) {
    for document in documents("manifests/crds") {
        admin.apply(&document).await.unwrap();
    }
    established(admin).await;
}

/// The documents of a folder of the project, in the order of file names.
pub fn documents(folder: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    files.sort();
    let texts = files
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap());
    texts
        .flat_map(|text| serde_saphyr::from_multiple::<Value>(&text).unwrap())
        .collect()
}

async fn established(admin: &Http) {
    for plural in ["externalsecrets", "secretstores", "clustersecretstores"] {
        let path = format!("/apis/external-secrets.io/v1/{plural}");
        while admin.get(&path).await.unwrap().status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
