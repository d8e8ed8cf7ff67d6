//! Pure. Sections of backends that the resources know and this controller does not serve yet.

use schemars::Schema;
use serde_json::{Value, json};

/// The names of these sections, as `spec.provider` has them.
pub const OPEN_PROVIDERS: [&str; 41] = [
    "akeyless",
    "aws",
    "azurekv",
    "barbican",
    "beyondtrust",
    "beyondtrustworkloadcredentials",
    "bitwardensecretsmanager",
    "chef",
    "cloudrusm",
    "conjur",
    "crd",
    "delinea",
    "doppler",
    "dvls",
    "fortanix",
    "gcpsm",
    "github",
    "gitlab",
    "ibm",
    "infisical",
    "keepersecurity",
    "kubernetes",
    "nebiusmysterybox",
    "ngrok",
    "onboardbase",
    "onepassword",
    "onepasswordSDK",
    "openBao",
    "oracle",
    "ovh",
    "passbolt",
    "passworddepot",
    "previder",
    "pulumi",
    "scaleway",
    "secretserver",
    "senhasegura",
    "volcengine",
    "webhook",
    "yandexcertificatemanager",
    "yandexlockbox",
];

/// Adds them as open objects: kept as written, answered by a condition that names them.
pub(crate) fn add_open_sections(schema: &mut Schema) {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return;
    };
    for name in OPEN_PROVIDERS {
        let section = json!({
            "type": "object",
            "description": "Not served yet; kept as written.",
            "x-kubernetes-preserve-unknown-fields": true,
        });
        properties.insert(name.to_owned(), section);
    }
}
