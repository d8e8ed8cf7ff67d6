//! Shell. Reads and searches of a real Vault: versions, deletion, metadata, names, tags, bounds.

use serde_json::json;
use tidegate_contract::{ErrorKind, Find, Provider, RemoteKey, Validation};
use tidegate_provider_vault::KvVersion::{V1, V2};
use tidegate_provider_vault::{KvMount, NoAuth, VaultProvider};

use crate::hand::{at, connect, fetch, json, kind, mount, provider, text, vault};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_and_their_ends() {
    let vault = vault().await;
    for value in ["one", "two", "three"] {
        let data = json!({ "v": value });
        vault.put("kv2", "versions/a", &data).await.unwrap();
    }
    let real = provider(vault.addr(), mount("kv2", V2), vault.root_token());
    let key = |version| at("versions/a", version);
    let latest = fetch(&real, RemoteKey::latest("versions/a")).await.unwrap();
    assert_eq!(latest.value.expose(), br#"{"v":"three"}"#);
    assert_eq!(latest.version.as_deref(), Some("3"));
    assert_eq!(text(&real, key("1")).await, r#"{"v":"one"}"#);
    assert_eq!(text(&real, key("")).await, r#"{"v":"three"}"#);
    assert_eq!(kind(&real, key("4")).await, ErrorKind::NotFound);
    assert_eq!(kind(&real, key("new")).await, ErrorKind::Invalid);

    let destroyed = json!({ "versions": [1] });
    vault
        .write("kv2/destroy/versions/a", &destroyed)
        .await
        .unwrap();
    assert_eq!(kind(&real, key("1")).await, ErrorKind::NotFound);
    vault.delete("kv2", "versions/a").await.unwrap();
    let deleted = fetch(&real, RemoteKey::latest("versions/a")).await;
    let deleted = deleted.unwrap_err();
    assert_eq!(deleted.kind(), ErrorKind::NotFound);
    assert!(deleted.public().contains("is deleted"), "{deleted}");
    assert_eq!(text(&real, key("2")).await, r#"{"v":"two"}"#);
    vault.destroy("kv2", "versions/a").await.unwrap();
    assert_eq!(kind(&real, key("2")).await, ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_may_repeat_the_mount_or_name_it() {
    let vault = vault().await;
    let root = vault.root_token();
    for (version, engine) in [(V1, "kv1"), (V2, "kv2")] {
        let data = json!({ "engine": engine, "empty": {} });
        vault.put(engine, "places/a b/ü", &data).await.unwrap();
        let expected = format!(r#"{{"empty":{{}},"engine":"{engine}"}}"#);
        let named = provider(vault.addr(), mount(engine, version), root);
        for key in [
            "places/a b/ü",
            "/places//a b/ü/",
            &format!("{engine}/places/a b/ü"),
        ] {
            assert_eq!(
                text(&named, RemoteKey::latest(key)).await,
                expected,
                "{key}"
            );
        }
        let path = None;
        let unnamed = provider(vault.addr(), KvMount { path, version }, root);
        let key = format!("{engine}/places/a b/ü");
        assert_eq!(text(&unnamed, RemoteKey::latest(key)).await, expected);
        let up = RemoteKey::latest("places/../places/a b/ü");
        assert_eq!(kind(&named, up).await, ErrorKind::Invalid);
    }
    let with_data = provider(vault.addr(), mount("kv2", V2), root);
    let key = RemoteKey::latest("kv2/data/places/a b/ü");
    assert!(text(&with_data, key).await.contains("kv2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_engine_version_is_no_absence_where_vault_says_so() {
    let vault = vault().await;
    vault
        .put("kv2", "mistaken", &json!({ "v": 1 }))
        .await
        .unwrap();
    let as_v1 = provider(vault.addr(), mount("kv2", V1), vault.root_token());
    let asked = kind(&as_v1, RemoteKey::latest("mistaken")).await;
    assert_eq!(asked, ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_is_read_on_version_2_alone() {
    let vault = vault().await;
    vault
        .put("kv2", "described", &json!({ "v": 1 }))
        .await
        .unwrap();
    let custom = json!({ "custom_metadata": { "team": "blue" } });
    vault
        .write("kv2/metadata/described", &custom)
        .await
        .unwrap();
    let key = RemoteKey {
        metadata: true,
        ..RemoteKey::latest("described")
    };
    let real = provider(vault.addr(), mount("kv2", V2), vault.root_token());
    let read = fetch(&real, key.clone()).await.unwrap();
    assert_eq!(read.version.as_deref(), Some("1"));
    let read = json(&read).unwrap();
    assert_eq!(read["team"], "blue");
    assert_eq!(read["current_version"], "1");
    assert_eq!(read["delete_version_after"], "0s");
    assert_eq!(read.as_object().unwrap().len(), 4);
    let v1 = provider(vault.addr(), mount("kv1", V1), vault.root_token());
    assert_eq!(kind(&v1, key).await, ErrorKind::Invalid);
}

fn find(path: Option<&str>, name: Option<&str>, tags: &[(&str, &str)]) -> Find {
    let tags = tags.iter();
    Find {
        path: path.map(str::to_owned),
        name: name.map(str::to_owned),
        tags: tags
            .map(|(key, tag)| ((*key).to_owned(), (*tag).to_owned()))
            .collect(),
    }
}

async fn found(provider: &VaultProvider, filter: &Find) -> Vec<String> {
    let listing = provider.list(filter).await.unwrap();
    assert!(listing.complete);
    listing.keys.into_iter().map(|key| key.key).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn searches_by_name_and_by_tag() {
    let vault = vault().await;
    for (mount, version) in [("find1", 1), ("find2", 2)] {
        vault.enable_kv(mount, version).await.unwrap();
        for name in [
            "app/db",
            "app/api",
            "app/deep/er/x",
            "other",
            "app",
            "find2/own",
        ] {
            vault.put(mount, name, &json!({ "v": name })).await.unwrap();
        }
    }
    let blue = json!({ "custom_metadata": { "team": "blue", "tier": "1" } });
    for name in ["app/db", "app/deep/er/x", "other"] {
        vault
            .write(&format!("find2/metadata/{name}"), &blue)
            .await
            .unwrap();
    }
    let all = ["app", "app/api", "app/db", "app/deep/er/x", "other"];
    let v1 = provider(vault.addr(), mount("find1", V1), vault.root_token());
    let v2 = provider(vault.addr(), mount("find2", V2), vault.root_token());
    for real in [&v1, &v2] {
        let plain = found(real, &find(None, Some("^app|^other"), &[])).await;
        assert_eq!(plain, all);
        let below = found(real, &find(Some("app"), None, &[])).await;
        assert_eq!(below, all[1..4]);
        let unanchored = found(real, &find(None, Some("e{2}p|^x"), &[])).await;
        assert_eq!(unanchored, ["app/deep/er/x"]);
        assert!(
            found(real, &find(Some("absent"), None, &[]))
                .await
                .is_empty()
        );
        for key in found(real, &find(None, None, &[])).await {
            let written = key
                .strip_prefix("find2/find2/")
                .map_or(key.clone(), |own| format!("find2/{own}"));
            let read = text(real, RemoteKey::latest(key)).await;
            assert_eq!(read, format!(r#"{{"v":"{written}"}}"#));
        }
        let error = real.list(&find(None, Some("("), &[])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    let tagged = find(None, None, &[("team", "blue"), ("tier", "1")]);
    assert_eq!(
        found(&v2, &tagged).await,
        ["app/db", "app/deep/er/x", "other"]
    );
    let nobody = find(None, None, &[("team", "blue"), ("tier", "2")]);
    assert!(found(&v2, &nobody).await.is_empty());
    let named = find(None, Some("api"), &[("team", "blue")]);
    assert_eq!(found(&v2, &named).await, ["app/api"]);
    let error = v1.list(&tagged).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let path = None;
    let unnamed = provider(
        vault.addr(),
        KvMount { path, version: V2 },
        vault.root_token(),
    );
    let below = found(&unnamed, &find(Some("find2/app"), Some("db$"), &[])).await;
    assert_eq!(below, ["find2/app/db"]);
    let error = unnamed.list(&find(None, None, &[])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validation_looks_at_the_token_or_at_vault() {
    let vault = vault().await;
    let mount = || mount("kv2", V2);
    let known = provider(vault.addr(), mount(), vault.root_token());
    assert_eq!(known.validate().await.unwrap(), Validation::Ready);
    let unknown = provider(vault.addr(), mount(), "hvs.of-somebody-else");
    let error = unknown.validate().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    let nobody = std::sync::Arc::new(NoAuth);
    let without = VaultProvider::new(connect(vault.addr()), mount(), nobody);
    assert_eq!(without.validate().await.unwrap(), Validation::Ready);
    let asked = kind(&without, RemoteKey::latest("a")).await;
    assert_eq!(asked, ErrorKind::Unauthenticated);
}
