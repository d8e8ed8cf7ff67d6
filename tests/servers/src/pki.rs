//! Shell. Certificate authorities and server certificates for loopback.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::error::ServerError;

/// A certificate for `127.0.0.1` and `localhost` (or a client's), and the authority that signed it.
pub(crate) struct ServerCertificate {
    pub(crate) ca_pem: String,
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

/// Makes an authority and one server certificate under it.
pub(crate) fn server_certificate(name: &str) -> Result<ServerCertificate, ServerError> {
    certificate(name, ExtendedKeyUsagePurpose::ServerAuth)
}

/// Makes an authority and one client certificate under it.
pub(crate) fn client_certificate(name: &str) -> Result<ServerCertificate, ServerError> {
    certificate(name, ExtendedKeyUsagePurpose::ClientAuth)
}

fn certificate(
    name: &str,
    purpose: ExtendedKeyUsagePurpose,
) -> Result<ServerCertificate, ServerError> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::default();
    ca.distinguished_name
        .push(DnType::CommonName, format!("{name} test authority"));
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_certificate = ca.self_signed(&ca_key)?;
    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
    leaf.distinguished_name
        .push(DnType::CommonName, name.to_owned());
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![purpose];
    let certificate = leaf.signed_by(&key, &Issuer::from_params(&ca, &ca_key))?;
    Ok(ServerCertificate {
        ca_pem: ca_certificate.pem(),
        certificate_pem: certificate.pem(),
        key_pem: key.serialize_pem(),
    })
}

/// A signing key and its public half, both PEM.
pub(crate) fn signing_key() -> Result<(String, String), ServerError> {
    let key = KeyPair::generate()?;
    Ok((key.serialize_pem(), key.public_key_pem()))
}
