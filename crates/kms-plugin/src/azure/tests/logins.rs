//! Shell. Logins at the Key Vault test server: each way, credentials that change, and challenges
//! that are not believed.

use serde_json::{Value, json};
use tidegate_contract::WrapFault;
use tidegate_testservers::KeyVaultOptions;

use super::{CONTEXT, Place, fault, seed};

#[tokio::test]
async fn a_federated_token_logs_in() {
    let place = Place::new().await;
    place.vault.federate("header.body.signature");
    place.write("token", "header.body.signature\n");
    let login = json!({ "login": { "workload-identity": {
        "tenant": place.vault.tenant(),
        "client-id": place.vault.client_id(),
        "token-file": place.path("token"),
        "authority": place.vault.url(),
    } } });
    let key = place.open(&login).wrapper;
    assert_eq!(key.versions().await.unwrap().len(), 1);
    // The file is read at each login: a token that was replaced is not missed.
    place.vault.forget_tokens();
    place.vault.federate("another");
    place.write("token", "another");
    assert_eq!(key.versions().await.unwrap().len(), 1);
    assert_eq!(place.vault.logins(), 2);
}

#[tokio::test]
async fn the_machines_identity_logs_in() {
    let place = Place::new().await;
    let login = |client: &Value| {
        json!({ "login": { "managed-identity": {
            "endpoint": place.vault.url(), "client-id": client,
        } } })
    };
    // The authority of the challenge gets nothing, but must be one of Azure's.
    let strange = place.open(&login(&Value::Null)).wrapper.versions().await;
    assert_eq!(fault(strange), WrapFault::Invalid);
    let authority = Some("https://login.microsoftonline.com".to_owned());
    let mut options = KeyVaultOptions::default();
    options.authority = authority;
    let place = Place::with(options).await;
    let login = |client: &Value| {
        json!({ "login": { "managed-identity": {
            "endpoint": place.vault.url(), "client-id": client,
        } } })
    };
    for client in [Value::Null, json!(place.vault.client_id())] {
        let key = place.open(&login(&client)).wrapper;
        let wrapped = key.wrap(&place.version, &seed(), CONTEXT).await.unwrap();
        let opened = key.unwrap(&place.version, &wrapped, CONTEXT).await.unwrap();
        assert_eq!(opened, seed());
    }
    assert_eq!(place.vault.logins(), 2);
    let stranger = place.open(&login(&json!("stranger"))).wrapper;
    let refused = stranger.versions().await.unwrap_err();
    assert_eq!(refused.fault(), WrapFault::Unauthenticated);
    assert_eq!(
        refused.public(),
        "the login at Azure: invalid_request (AADSTS0)"
    );
}

#[tokio::test]
async fn a_forgotten_token_is_replaced_once_and_a_wrong_secret_is_told() {
    let place = Place::new().await;
    let key = place.open(&json!({})).wrapper;
    key.versions().await.unwrap();
    place.vault.forget_tokens();
    key.versions().await.unwrap();
    assert_eq!(place.vault.logins(), 2);
    // Another vault, for a session takes a second rejection in a row for a fault of the backend.
    let place = Place::new().await;
    let key = place.open(&json!({})).wrapper;
    key.versions().await.unwrap();
    place.vault.change_secret("n3w");
    place.vault.forget_tokens();
    let refused = key.versions().await.unwrap_err();
    assert_eq!(refused.fault(), WrapFault::Unauthenticated);
    let text = "the login at Azure: invalid_client (AADSTS7000215)";
    assert_eq!(refused.public(), text);
    assert_eq!(place.vault.logins(), 1);
}

#[tokio::test]
async fn a_token_is_asked_for_the_vaults_own_domain_alone() {
    let mut options = KeyVaultOptions::default();
    options.resource = Some("https://management.azure.com".to_owned());
    let place = Place::with(options).await;
    let refused = place.open(&json!({})).wrapper.versions().await.unwrap_err();
    assert_eq!(refused.fault(), WrapFault::Invalid);
    assert!(
        refused.public().contains("asks for a token for"),
        "{refused}"
    );
    assert_eq!(place.vault.logins(), 0);
    // The user's word counts for more than the challenge's.
    let named = json!({ "resource": "https://management.azure.com" });
    let key = place.open(&named).wrapper;
    assert_eq!(key.versions().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_secret_goes_to_the_named_authority_alone() {
    let mut options = KeyVaultOptions::default();
    options.authority = Some("https://127.0.0.1:1".to_owned());
    let place = Place::with(options).await;
    let refused = place.open(&json!({})).wrapper.versions().await.unwrap_err();
    assert_eq!(refused.fault(), WrapFault::Invalid);
    assert!(
        refused
            .public()
            .contains("names the authority \"127.0.0.1:1\""),
        "{refused}"
    );
    assert_eq!(place.vault.logins(), 0);
}

#[tokio::test]
async fn a_changed_trust_counts_from_the_next_call() {
    let place = Place::new().await;
    let another = Place::new().await;
    let trust = |pem: &str| {
        place.write("ca.new", pem);
        std::fs::rename(place.path("ca.new"), place.path("ca.pem")).unwrap();
    };
    let key = place.open(&json!({})).wrapper;
    assert_eq!(key.versions().await.unwrap().len(), 1);
    trust(another.vault.ca_pem());
    let lost = key.versions().await.unwrap_err();
    assert_eq!(lost.fault(), WrapFault::Unavailable);
    let text = "no answer from localhost: its certificate is not trusted";
    assert_eq!(lost.public(), text);
    trust("no certificate");
    assert_eq!(fault(key.versions().await), WrapFault::Invalid);
    trust(place.vault.ca_pem());
    assert_eq!(key.versions().await.unwrap().len(), 1);
}
