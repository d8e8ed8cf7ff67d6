//! Shell. Tests through a real client: kube-rs on the service, with paused time.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use kubebox::{Kubebox, Options};

#[tokio::test(start_paused = true)]
async fn lists() {
    let client = Client::new(Kubebox::new(Options::default()), "default");
    let api: Api<Secret> = Api::default_namespaced(client);
    assert_eq!(api.list(&Default::default()).await.unwrap().items.len(), 0);
}
