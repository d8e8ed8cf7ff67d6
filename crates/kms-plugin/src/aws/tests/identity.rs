//! Shell. Which credentials sign: a file that changes, a role that is assumed.

use serde_json::json;
use tidegate_contract::WrapFault;

use super::{CONTEXT, Place, fault, seed};

#[tokio::test]
async fn a_changed_file_signs_the_next_call() {
    let place = Place::new().await;
    let arn = place.moto.key().await.unwrap();
    let key = place.open(&arn, &json!({})).wrapper;
    key.versions().await.unwrap();
    place.sign_as("AKIDTWO");
    key.versions().await.unwrap();
    assert_eq!(place.moto.front().signers(), ["AKIDONE", "AKIDTWO"]);
    std::fs::write(place.file(), "[other]\n").unwrap();
    let error = key.versions().await.unwrap_err();
    assert_eq!(error.fault(), WrapFault::Unauthenticated);
    assert!(
        error
            .public()
            .ends_with("has no such profile (profile \"kms\")"),
        "{error}"
    );
    std::fs::remove_file(place.file()).unwrap();
    assert_eq!(fault(key.versions().await), WrapFault::Unavailable);
}

#[tokio::test]
async fn a_role_is_assumed_once_and_again_when_its_session_is_refused() {
    let place = Place::new().await;
    let arn = place.moto.key().await.unwrap();
    let token = place.folder.path().join("token");
    std::fs::write(&token, "aGVhZGVy.Ym9keQ.c2ln\n").unwrap();
    let web_identity = json!({ "credentials": { "web-identity": {
        "role-arn": "arn:aws:iam::123456789012:role/kms",
        "token-file": token,
        "endpoint": place.moto.endpoint(),
    } } });
    let key = place.open(&arn, &web_identity).wrapper;
    let front = place.moto.front();
    let assumed = || front.forwarded("AssumeRoleWithWebIdentity");
    for _ in 0..3 {
        key.wrap("", &seed(), CONTEXT).await.unwrap();
    }
    assert_eq!(assumed(), 1);
    front.refuse("Encrypt", 400, "ExpiredTokenException", Some(1));
    key.wrap("", &seed(), CONTEXT).await.unwrap();
    assert_eq!((assumed(), front.refused()), (2, 1));
    // Refused again at once: somebody took the identity away.
    front.refuse("Encrypt", 400, "ExpiredTokenException", None);
    let refused = key.wrap("", &seed(), CONTEXT).await;
    assert_eq!(fault(refused), WrapFault::Unauthenticated);
    front.forward();
    front.refuse(
        "AssumeRoleWithWebIdentity",
        400,
        "InvalidIdentityToken",
        Some(1),
    );
    let key = place.open(&arn, &web_identity).wrapper;
    let refused = key.wrap("", &seed(), CONTEXT).await.unwrap_err();
    assert_eq!(refused.fault(), WrapFault::Unauthenticated);
    key.wrap("", &seed(), CONTEXT).await.unwrap();
}
