//! Shell. Keys, passwords and ciphers: by property, since most of them are random.
use gotpl::{Options, Template, Value};

use crate::support::execute;

/// What the template renders, which must be text.
pub(crate) fn rendered(source: &str, data: &[(&str, &str)]) -> String {
    let out = rendered_with(source, &Value::strings(data.iter().copied()));
    String::from_utf8(out).unwrap()
}

pub(crate) fn rendered_with(source: &str, data: &Value) -> Vec<u8> {
    let template = Template::parse("t", source, &Options::default()).unwrap();
    let out = execute(&template, data).unwrap_or_else(|err| {
        panic!(
            "{source}: {}",
            String::from_utf8_lossy(err.full().as_bytes())
        )
    });
    out.as_bytes().to_vec()
}

pub(crate) fn fails(source: &str, function: &str) {
    fails_with(source, &Value::Nil, function);
}

pub(crate) fn fails_with(source: &str, data: &Value, function: &str) {
    let template = Template::parse("t", source, &Options::default()).unwrap();
    let err = execute(&template, data).unwrap_err();
    assert_eq!(
        *err.kind(),
        gotpl::ExecErrorKind::Function(function.into()),
        "{source}"
    );
}

/// What OpenSSL's command line says of a text on its standard input.
pub(crate) fn openssl(args: &[&str], input: &str) -> String {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new("openssl")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the openssl command (package openssl) checks keys");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn ciphers_go_both_ways() {
    for (key, text) in [
        ("key", "plain"),
        ("", "x"),
        ("k".repeat(40).as_str(), "0123456789abcdef"),
    ] {
        let data = [("k", key), ("t", text)];
        assert_eq!(
            rendered("{{.t | encryptAES .k | decryptAES .k}}", &data),
            text
        );
    }
    // Two blocks: the vector of initialization and one of text and padding.
    assert_eq!(
        rendered("{{encryptAES \"k\" \"abc\" | b64dec | len}}", &[]),
        "32"
    );
    assert_eq!(
        rendered("{{encryptAES \"k\" \"\"}}|{{decryptAES \"k\" \"\"}}", &[]),
        "|"
    );
    fails("{{decryptAES \"k\" \"!\"}}", "decryptAES");
    fails("{{decryptAES \"k\" \"aGVsbG8=\"}}", "decryptAES");
}

#[test]
fn passwords_hash() {
    let line = rendered("{{htpasswd \"user\" \"secret\" \"bcrypt\"}}", &[]);
    let hash = line.strip_prefix("user:").unwrap();
    assert!(hash.starts_with("$2a$10$") && bcrypt::verify("secret", hash).unwrap());
    let sha = "user:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=";
    assert_eq!(
        rendered("{{htpasswd \"user\" \"secret\" \"sha\"}}", &[]),
        sha
    );
    let refused = "{{htpasswd \"a:b\" \"c\" \"sha\"}}|{{bcrypt (repeat 73 \"a\")}}";
    let expected = "invalid username: a:b|failed to encrypt string with bcrypt: \
        bcrypt: password length exceeds 72 bytes";
    assert_eq!(rendered(refused, &[]), expected);
}

#[test]
fn derived_passwords_are_those_of_go() {
    let source = "{{derivePassword 1 \"long\" \"password\" \"user\" \"example.com\"}}|\
        {{derivePassword 2 \"maximum\" \"p\" \"u\" \"s\"}}|\
        {{derivePassword 1 \"nope\" \"p\" \"u\" \"s\"}}|\
        {{derivePassword 1 \"pin\" \"\" \"\" \"\"}}";
    let go = "ZedaFaxcZaso9*|GVrMlwPINBRhIcQLa58%|cannot find password template nope|1578";
    assert_eq!(rendered(source, &[]), go);
}

#[test]
fn random_bytes_have_their_length() {
    let source = "{{randBytes 0}}|{{randBytes 16 | b64dec | len}}";
    assert_eq!(rendered(source, &[]), "|16");
    fails("{{randBytes -1}}", "randBytes");
}

#[test]
fn private_keys_are_valid() {
    for (kind, head, check) in [
        (
            "ecdsa",
            "-----BEGIN EC PRIVATE KEY-----\n",
            "ASN1 OID: prime256v1",
        ),
        (
            "ed25519",
            "-----BEGIN PRIVATE KEY-----\n",
            "ED25519 Private-Key",
        ),
        ("rsa", "-----BEGIN RSA PRIVATE KEY-----\n", "(4096 bit"),
    ] {
        let pem = rendered(&format!("{{{{genPrivateKey \"{kind}\"}}}}"), &[]);
        assert!(pem.starts_with(head), "{pem}");
        let told = openssl(&["pkey", "-text", "-noout"], &pem);
        assert!(
            told.to_uppercase().contains(&check.to_uppercase()),
            "{told}"
        );
    }
    assert_eq!(rendered("{{genPrivateKey \"x\"}}", &[]), "Unknown type x");
}

#[test]
fn dsa_keys_sign_and_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let pem = rendered("{{genPrivateKey \"dsa\"}}", &[]);
    assert!(
        pem.starts_with("-----BEGIN DSA PRIVATE KEY-----\n"),
        "{pem}"
    );
    let told = openssl(&["pkey", "-text", "-noout", "-check"], &pem);
    assert!(
        told.contains("Key is valid") && told.contains("(2048 bit"),
        "{told}"
    );
    let (key, public, signature) = (file("key"), file("public"), file("signature"));
    std::fs::write(&key, &pem).unwrap();
    openssl(&["pkey", "-in", &key, "-pubout", "-out", &public], "");
    openssl(
        &["dgst", "-sha256", "-sign", &key, "-out", &signature],
        "text",
    );
    let verified = [
        "dgst",
        "-sha256",
        "-verify",
        &public,
        "-signature",
        &signature,
    ];
    assert_eq!(openssl(&verified, "text"), "Verified OK\n");
}

/// RFC 7517 and RFC 8037: their example keys.
const EC: &str = r#"{"kty":"EC","crv":"P-256",
    "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
    "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    "d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#;
const ED: &str = r#"{"kty":"OKP","crv":"Ed25519",
    "d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

#[test]
fn jwks_become_pem() {
    for (jwk, kind) in [(EC, "EC"), (ED, "ED25519")] {
        let data = [("j", jwk)];
        let private = rendered("{{jwkPrivateKeyPem .j}}", &data);
        let public = rendered("{{jwkPublicKeyPem .j}}", &data);
        assert!(
            private.starts_with("-----BEGIN PRIVATE KEY-----\n"),
            "{kind}"
        );
        assert_eq!(openssl(&["pkey", "-pubout"], &private), public, "{kind}");
    }
    for bad in [
        "{}",
        "[]",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}",
        "x",
    ] {
        fails(
            &format!("{{{{jwkPublicKeyPem `{bad}`}}}}"),
            "jwkPublicKeyPem",
        );
    }
}

#[test]
fn rsa_decrypts_what_openssl_encrypts() {
    let dir = tempfile::tempdir().unwrap();
    let key = openssl(&["genrsa", "2048"], "");
    let public = dir.path().join("public.pem");
    std::fs::write(&public, openssl(&["pkey", "-pubout"], &key)).unwrap();
    for (hash, digest) in [("SHA256", "sha256"), ("SHA1", "sha1"), ("None", "sha256")] {
        let input = dir.path().join("text");
        let output = dir.path().join("cipher");
        std::fs::write(&input, "attack at dawn").unwrap();
        let digest = format!("rsa_oaep_md:{digest}");
        let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
        openssl(
            &[
                "pkeyutl",
                "-encrypt",
                "-pubin",
                "-inkey",
                &path(&public),
                "-in",
                &path(&input),
                "-out",
                &path(&output),
                "-pkeyopt",
                "rsa_padding_mode:oaep",
                "-pkeyopt",
                &digest,
            ],
            "",
        );
        let text = std::fs::read(&output).unwrap();
        let data = Value::strings([("k", key.as_bytes()), ("c", text.as_slice())]);
        let source = format!("{{{{rsaDecrypt \"RSA-OAEP\" \"{hash}\" .c .k}}}}");
        let template = Template::parse("t", source, &Options::default()).unwrap();
        assert_eq!(
            execute(&template, &data).unwrap().as_bytes(),
            b"attack at dawn"
        );
    }
    assert_eq!(
        rendered("{{rsaDecrypt \"None\" \"\" \"as is\" \"\"}}", &[]),
        "as is"
    );
    fails(
        "{{rsaDecrypt \"RSA-OAEP\" \"\" \"x\" \"no key\"}}",
        "rsaDecrypt",
    );
    fails("{{rsaDecrypt \"PKCS1\" \"\" \"x\" \"\"}}", "rsaDecrypt");
}
