//! Shell. Stores: login methods, conditions, classes, and what follows when they change.

use serde_json::{Value, json};
use tidegate_testservers::{AppRole, JwtRole, KubernetesRole};

use crate::support::{Fixture, World, eventually, extract};

async fn world(fixture: Fixture, name: &str) -> (World, String) {
    let world = World::new(fixture, name).await;
    let key = world.put("app", &json!({ "a": "1" })).await;
    let _policy = world.vault_token().await;
    (world, key)
}

async fn app_role_logs_in_once_for_many_objects_and_revokes_at_the_end(fixture: Fixture) {
    let (world, key) = world(fixture, "approle").await;
    let vault = &world.servers.vault;
    let role = AppRole {
        name: world.namespace.clone(),
        policies: vec![world.namespace.clone()],
        ..AppRole::default()
    };
    let mount = format!("approle-{}", world.namespace);
    let (role_id, secret_id) = vault.approle(&mount, &role).await.unwrap();
    world.secret("approle", &[("secret-id", &secret_id)]).await;
    let mut provider = world.vault_provider();
    provider["vault"]["auth"] = json!({ "appRole": {
        "path": mount, "roleId": role_id,
        "secretRef": { "name": "approle", "key": "secret-id" },
    }});
    world.store("vault", &provider).await;
    let controller = world.controller();
    for number in 0..10 {
        world
            .external_secret(&format!("es-{number}"), &extract(&[&key]))
            .await;
    }
    for number in 0..10 {
        world
            .ready(&format!("es-{number}"), "True", "SecretSynced")
            .await;
    }
    let path = format!("auth/{mount}/login");
    let logins = |vault: &tidegate_testservers::Vault| {
        vault
            .requests()
            .unwrap()
            .iter()
            .filter(|entry| entry.path == path)
            .count()
    };
    assert_eq!(logins(vault), 1);
    controller.stop().await;
    let requests = vault.requests().unwrap();
    let login = requests.iter().find(|entry| entry.path == path).unwrap();
    let revoked = |e: &&tidegate_testservers::AuditEntry| e.path == "auth/token/revoke-self";
    let revoked: Vec<_> = requests
        .iter()
        .filter(revoked)
        .map(|e| &e.display_name)
        .collect();
    assert!(
        revoked.contains(&&login.display_name),
        "{revoked:?} lacks {:?}",
        login.display_name
    );
    assert_eq!(logins(vault), 1);
}

/// A service account `reader` in the test's namespace.
async fn reader(world: &World) {
    let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount",
                          "metadata": { "name": "reader" } });
    let folder = world.path("serviceaccounts", "");
    let made = world
        .servers
        .admin
        .post(folder.trim_end_matches('/'), &account);
    made.await.unwrap().ok().unwrap();
}

/// An object that reads through a store with this login gets its Secret.
async fn logs_in_with(world: &World, key: &str, auth: &Value) {
    let controller = world.controller();
    let mut provider = world.vault_provider();
    provider["vault"]["auth"] = auth.clone();
    world.store("sa", &provider).await;
    let mut spec = extract(&[key]);
    spec["secretStoreRef"]["name"] = json!("sa");
    world.external_secret("app", &spec).await;
    world.ready("app", "True", "SecretSynced").await;
    world.holds("app", &[("a", "1")]).await;
    controller.stop().await;
}

async fn a_service_account_token_logs_in_by_jwt(fixture: Fixture) {
    let (world, key) = world(fixture, "sa-jwt").await;
    let vault = &world.servers.vault;
    reader(&world).await;
    let mount = format!("jwt-{}", world.namespace);
    vault.jwt_auth(&mount, world.servers.plane()).await.unwrap();
    let role = JwtRole {
        name: "reader".into(),
        policies: vec![world.namespace.clone()],
        audience: "vault".into(),
        subject: format!("system:serviceaccount:{}:reader", world.namespace),
        ..JwtRole::default()
    };
    vault.jwt_role(&mount, &role).await.unwrap();
    let auth = json!({ "jwt": { "path": mount, "role": "reader",
        "kubernetesServiceAccountToken": { "serviceAccountRef": { "name": "reader" } } } });
    logs_in_with(&world, &key, &auth).await;
}

async fn a_service_account_token_logs_in_by_token_review(fixture: Fixture) {
    let (world, key) = world(fixture, "sa-review").await;
    let vault = &world.servers.vault;
    reader(&world).await;
    let mount = format!("k8s-{}", world.namespace);
    vault.enable_auth(&mount, "kubernetes").await.unwrap();
    let (host, ca, token) = world.servers.reviewer();
    let config = json!({
        "kubernetes_host": host, "kubernetes_ca_cert": ca, "token_reviewer_jwt": token,
    });
    let path = format!("auth/{mount}/config");
    vault.write(&path, &config).await.unwrap();
    let role = KubernetesRole {
        name: "reader".into(),
        policies: vec![world.namespace.clone()],
        service_accounts: vec!["reader".into()],
        namespaces: vec![world.namespace.clone()],
        ..KubernetesRole::default()
    };
    vault.kubernetes_role(&mount, &role).await.unwrap();
    let auth = json!({ "kubernetes": { "mountPath": mount, "role": "reader",
        "serviceAccountRef": { "name": "reader" } } });
    logs_in_with(&world, &key, &auth).await;
}

async fn a_cluster_store_serves_the_namespaces_its_conditions_allow(fixture: Fixture) {
    let world = World::alone(fixture, "cluster-store").await;
    let key = world.put("app", &json!({ "a": "1" })).await;
    let class = world.namespace.clone();
    let token = world.vault_token().await;
    world.secret("vault-token", &[("token", &token)]).await;
    let mut provider = world.vault_provider();
    provider["vault"]["auth"]["tokenSecretRef"]["namespace"] = json!(world.namespace);
    let body = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore",
        "metadata": { "name": class },
        "spec": {
            "controller": class, "provider": provider,
            "conditions": [{ "namespaceSelector": { "matchLabels": { "tier": class } } }],
        },
    });
    let stores = "/apis/external-secrets.io/v1/clustersecretstores";
    world
        .servers
        .admin
        .post(stores, &body)
        .await
        .unwrap()
        .ok()
        .unwrap();
    let controller = world.controller_with(&["--controller-class", &class]);
    let mut spec = extract(&[&key]);
    spec["secretStoreRef"] = json!({ "name": class, "kind": "ClusterSecretStore" });
    world.external_secret("app", &spec).await;
    let message = world.ready("app", "False", "SecretSyncedError").await;
    assert!(message.contains("spec.condition"), "{message}");
    // A label of the namespace is enough to let it in.
    let label = json!({ "metadata": { "labels": { "tier": class } } });
    let namespace = format!("/api/v1/namespaces/{}", world.namespace);
    world
        .servers
        .admin
        .patch(&namespace, &label)
        .await
        .unwrap()
        .ok()
        .unwrap();
    world.ready("app", "True", "SecretSynced").await;
    controller.stop().await;
    world
        .servers
        .admin
        .delete(&format!("{stores}/{class}"))
        .await
        .unwrap()
        .ok()
        .unwrap();
}

async fn a_store_of_another_class_is_left_alone(fixture: Fixture) {
    let (world, key) = world(fixture, "foreign").await;
    let provider = world.vault_provider();
    let spec = json!({ "controller": "somebody-else", "provider": provider });
    let body = json!({ "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
                       "metadata": { "name": "vault" }, "spec": spec });
    let folder = world.path("secretstores", "");
    world
        .servers
        .admin
        .post(folder.trim_end_matches('/'), &body)
        .await
        .unwrap()
        .ok()
        .unwrap();
    world
        .store(
            "fake",
            &json!({ "fake": { "data": [{ "key": "k", "value": "{}" }] } }),
        )
        .await;
    let controller = world.controller();
    world.external_secret("foreign", &extract(&[&key])).await;
    let mut ours = extract(&["k"]);
    ours["secretStoreRef"]["name"] = json!("fake");
    world.external_secret("ours", &ours).await;
    world.ready("ours", "True", "SecretSynced").await;
    let foreign = world.get("externalsecrets", "foreign").await.unwrap();
    assert_eq!(foreign.get("status"), None);
    controller.stop().await;
}

async fn a_touched_credential_triggers_nothing_and_a_changed_one_a_look(fixture: Fixture) {
    let (world, key) = world(fixture, "touched").await;
    world.vault_store().await;
    let controller = world.controller();
    let mut spec = extract(&[&key]);
    spec["refreshInterval"] = json!("1h");
    world.external_secret("app", &spec).await;
    world.ready("app", "True", "SecretSynced").await;
    world
        .condition("secretstores", "vault", "True", "Valid")
        .await;
    let lookups = || {
        let requests = world.servers.vault.requests().unwrap();
        let path = format!("secret/data/{key}");
        requests.iter().filter(|entry| entry.path == path).count()
    };
    let before = lookups();
    let touch = json!({ "metadata": { "annotations": { "touched": "yes" } } });
    world.patch("secrets", "vault-token", &touch).await;
    world.secret("vault-token", &[("token", "hvs.wrong")]).await;
    world
        .condition("secretstores", "vault", "False", "InvalidProviderConfig")
        .await;
    let token = world.vault_token().await;
    world.secret("vault-token", &[("token", &token)]).await;
    world
        .condition("secretstores", "vault", "True", "Valid")
        .await;
    eventually("the object to be well again", || async {
        let object = world.get("externalsecrets", "app").await.unwrap();
        object["status"]["conditions"][0]["status"] == "True"
    })
    .await;
    // At most the one read that shows a failed object that its store is well again.
    assert!(lookups() <= before + 1, "{} reads", lookups() - before);
    controller.stop().await;
}

on_both!(
    app_role_logs_in_once_for_many_objects_and_revokes_at_the_end,
    a_cluster_store_serves_the_namespaces_its_conditions_allow,
    a_store_of_another_class_is_left_alone,
    a_touched_credential_triggers_nothing_and_a_changed_one_a_look,
);

on_real!(TokenKeys:
    a_service_account_token_logs_in_by_jwt,
    a_service_account_token_logs_in_by_token_review,
);
