//! Shell. A `dev` that runs: edits, additions and removals of files; who may reach it; its end.

use std::path::PathBuf;

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Api;
use kube::api::ListParams;
use rustix::process::Signal;
use tidegate_api::ExternalSecret;

use super::support::{Dev, Place, client, mode, object, store};

const NOTHING: [PathBuf; 0] = [];

async fn value(dev: &Dev, namespace: &str, name: &str) -> Option<String> {
    let api: Api<Secret> = Api::namespaced(dev.client().await, namespace);
    let data = api.get_opt(name).await.unwrap()?.data?;
    Some(String::from_utf8(data["value"].0.clone()).unwrap())
}

#[tokio::test]
async fn edits_additions_and_removals_of_files_are_followed() {
    let place = Place::new();
    place.write("s.yaml", &store("s", &[("a", "one"), ("b", "two")]));
    place.write("a.yaml", &object("a", "s", "a"));
    let mut dev = place.start(&["."]).await;
    dev.line("ExternalSecret default/a Ready").await;
    assert_eq!(value(&dev, "default", "a").await.as_deref(), Some("one"));

    place.write("a.yaml", &object("a", "s", "b"));
    dev.line("ExternalSecret default/a: Secret a written").await;
    assert_eq!(value(&dev, "default", "a").await.as_deref(), Some("two"));

    place.write("new/b.yml", &object("b", "s", "a"));
    dev.line("ExternalSecret default/b Ready").await;

    place.write("a.yaml", "a: b: c\n");
    dev.line("problem: ./a.yaml:1:5: not YAML").await;
    assert_eq!(
        value(&dev, "default", "a").await.as_deref(),
        Some("two"),
        "a broken file kills"
    );
    place.write("a.yaml", &object("a", "s", "b"));
    dev.line("mended: ./a.yaml:1:5").await;

    place.remove("a.yaml");
    dev.line("ExternalSecret default/a gone").await;
    assert_eq!(value(&dev, "default", "a").await, None);
    assert_eq!(value(&dev, "default", "b").await.as_deref(), Some("one"));
    let (code, told) = dev.end(Signal::INT).await;
    assert_eq!((code, &*told), (Some(0), ""));
    assert_eq!(place.leftovers(), NOTHING);
}

#[tokio::test]
async fn a_changed_store_reaches_its_users_with_the_next_refresh() {
    let place = Place::new();
    place.write("s.yaml", &store("s", &[("a", "one")]));
    place.write("a.yaml", &object("a", "s", "a").replace("1h", "1s"));
    let mut dev = place.start(&["s.yaml", "a.yaml"]).await;
    dev.line("ExternalSecret default/a Ready").await;
    place.write("s.yaml", &store("s", &[("a", "rotated")]));
    dev.line("ExternalSecret default/a: Secret a written").await;
    assert_eq!(
        value(&dev, "default", "a").await.as_deref(),
        Some("rotated")
    );
}

#[tokio::test]
async fn a_folder_may_be_empty_at_first() {
    let place = Place::new();
    let mut dev = place.start(&["."]).await;
    dev.line("problem: .: no manifests").await;
    let namespaced = object("a", "s", "a").replace("name: a }", "name: a, namespace: team }");
    let store = store("s", &[("a", "one")]).replace("name: s }", "name: s, namespace: team }");
    place.write("all.yaml", &(namespaced + &store));
    dev.line("ExternalSecret team/a Ready").await;
    assert_eq!(value(&dev, "team", "a").await.as_deref(), Some("one"));
}

#[tokio::test]
async fn only_its_owner_reaches_it_and_only_on_loopback() {
    let place = Place::new();
    let mut dev = place.start(&[]).await;
    dev.line("first Secret ").await;
    assert_eq!(mode(&dev.config), 0o600);
    assert_eq!(mode(dev.config.parent().unwrap()), 0o700);
    let text = std::fs::read_to_string(&dev.config).unwrap();
    let api: Api<Namespace> = Api::all(client(&text).await);
    assert!(
        !api.list(&ListParams::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let token = text.lines().find(|line| line.contains("token: ")).unwrap();
    for strange in [String::new(), "    token: wrong".to_owned()] {
        let api: Api<Namespace> = Api::all(client(&text.replace(token, &strange)).await);
        let error = api.list(&ListParams::default()).await.unwrap_err();
        assert!(
            matches!(&error, kube::Error::Api(status) if status.code == 401),
            "{error}"
        );
    }
    let listening = dev.listening();
    assert_eq!(listening.len(), 1, "one port: {listening:?}");
    assert!(
        listening[0].starts_with("0100007F:"),
        "127.0.0.1: {listening:?}"
    );
}

#[tokio::test]
async fn two_at_once_do_not_meet() {
    let place = Place::new();
    let (mut one, mut two) = (place.start(&[]).await, place.start(&[]).await);
    one.line("first Secret ").await;
    two.line("first Secret ").await;
    assert_ne!(one.config, two.config);
    let api: Api<ExternalSecret> = Api::namespaced(one.client().await, "default");
    api.delete("web", &Default::default()).await.unwrap();
    one.line("ExternalSecret default/web gone").await;
    let api: Api<ExternalSecret> = Api::namespaced(two.client().await, "default");
    assert!(api.get_opt("web").await.unwrap().is_some());
    assert_eq!(one.end(Signal::INT).await.0, Some(0));
    assert!(two.config.exists());
    assert_eq!(two.end(Signal::TERM).await.0, Some(0));
    assert_eq!(place.leftovers(), NOTHING);
}

#[tokio::test]
async fn a_kubeconfig_of_the_users_choice_is_private_not_shared_and_goes() {
    let place = Place::new();
    let args = ["--kubeconfig", "config"];
    let dev = place.start(&args).await;
    assert_eq!(mode(&place.path("config")), 0o600);
    let ran = place.run(&args).await;
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("another dev is using it"), "{}", ran.err);
    assert_eq!(dev.end(Signal::HUP).await.0, Some(0));
    assert!(!place.path("config").exists());
}
