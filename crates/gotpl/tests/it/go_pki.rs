//! Shell. Certificates, stores and keys: checked by Go's own libraries, both ways.
use gotpl::Value;
use serde_json::{Value as Json, json};

use crate::crypto::{fails_with, rendered, rendered_with};
use crate::go;

/// Asks for one thing, which must succeed.
fn one(request: Json) -> Json {
    let answer = go::ask(&["pki"], &json!([request])).remove(0);
    assert!(answer.get("error").is_none(), "{request}: {answer}");
    answer
}

fn text(answer: &Json, name: &str) -> String {
    answer[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name}"))
        .to_owned()
}

/// Root, two intermediates and leaf, with keys of three kinds, made by Go.
struct Chain {
    root: String,
    first: String,
    second: String,
    leaf: String,
    key: String,
    pkcs1: String,
}

fn chain() -> Chain {
    let made = one(json!({ "op": "chain" }));
    let [root, first, second, leaf, key, pkcs1] =
        ["root", "first", "second", "leaf", "key", "pkcs1"].map(|name| text(&made, name));
    Chain {
        root,
        first,
        second,
        leaf,
        key,
        pkcs1,
    }
}

impl Chain {
    fn ordered(&self) -> String {
        [&*self.leaf, &self.second, &self.first, &self.root].concat()
    }

    fn shuffled(&self) -> String {
        [&*self.first, &self.root, &self.leaf, &self.second].concat()
    }
}

#[test]
fn stores_of_go_are_read_in_every_encoding() {
    let chain = chain();
    for (encoding, pass) in [
        ("modern2023", "pw"),
        ("modern2023", ""),
        ("modern2026", "pw"),
        ("legacydes", "pw"),
        ("legacydes", "pässwörd"),
        ("legacyrc2", "pw"),
        ("legacyrc2", ""),
        ("passwordless", ""),
    ] {
        // The key belongs to the first certificate; the others come in no order.
        let certs = [&*chain.leaf, &chain.root, &chain.second, &chain.first].concat();
        let made = one(json!({
            "op": "encode", "certs": certs, "key": chain.key, "pass": pass, "encoding": encoding,
        }));
        let store = text(&made, "store");
        let data = [("s", store.as_str()), ("p", pass)];
        let read = "{{.s | b64dec | pkcs12certPass .p}}";
        assert_eq!(
            rendered(read, &data),
            chain.ordered(),
            "{encoding} {pass:?}"
        );
        let read = "{{.s | b64dec | pkcs12keyPass .p}}";
        assert_eq!(rendered(read, &data), chain.key, "{encoding} {pass:?}");
        if pass.is_empty() {
            let read = "{{.s | b64dec | pkcs12cert}}{{.s | b64dec | pkcs12key}}";
            assert_eq!(
                rendered(read, &data),
                chain.ordered() + &chain.key,
                "{encoding}"
            );
        }
        if encoding == "modern2026" {
            // go-pkcs12 0.7 writes no trust store in it.
            continue;
        }
        let trust = one(json!({
            "op": "encode trust", "certs": chain.root, "pass": pass, "encoding": encoding,
        }));
        let data = [("s", trust["store"].as_str().unwrap()), ("p", pass)];
        let read = "{{.s | b64dec | pkcs12certPass .p}}";
        assert_eq!(
            rendered(read, &data),
            chain.root,
            "trust {encoding} {pass:?}"
        );
    }
}

#[test]
fn a_wrong_password_is_refused() {
    let chain = chain();
    for encoding in ["modern2023", "legacydes", "legacyrc2"] {
        let made = one(json!({
            "op": "encode", "certs": chain.leaf, "key": chain.key, "pass": "right", "encoding": encoding,
        }));
        let store = text(&made, "store");
        let data = Value::strings([("s", store.as_str())]);
        for function in ["pkcs12certPass", "pkcs12keyPass"] {
            let source = format!("{{{{.s | b64dec | {function} \"wrong\"}}}}");
            fails_with(&source, &data, function);
        }
    }
}

#[test]
fn stores_made_here_are_read_by_go() {
    let chain = chain();
    let (bundle, shuffled) = (chain.ordered(), chain.shuffled());
    for (pass, source) in [
        ("pw", "{{fullPemToPkcs12Pass .c .k .p}}"),
        ("pässwörd", "{{fullPemToPkcs12Pass .c .k .p}}"),
        ("", "{{fullPemToPkcs12 .c .k}}"),
        ("pw", "{{pemToPkcs12Pass .c .k .p}}"),
        ("", "{{pemToPkcs12 .c .k}}"),
    ] {
        for key in [&chain.key, &chain.pkcs1] {
            let data = [("c", bundle.as_str()), ("k", key), ("p", pass)];
            let store = rendered(source, &data);
            let read = one(json!({ "op": "decode", "store": store, "pass": pass }));
            let whole = source.contains("full");
            let expected = if whole { &bundle } else { &chain.leaf };
            assert_eq!(text(&read, "certs"), *expected, "{source}");
            assert_eq!(text(&read, "key"), chain.key, "{source}");
        }
    }
    for (pass, source) in [
        ("pw", "{{pemTruststoreToPKCS12Pass .c .p}}"),
        ("", "{{pemTruststoreToPKCS12 .c}}"),
    ] {
        let data = [("c", shuffled.as_str()), ("p", pass)];
        let store = rendered(source, &data);
        let read = one(json!({ "op": "decode trust", "store": store, "pass": pass }));
        assert_eq!(text(&read, "certs"), shuffled, "{source}");
    }
}

#[test]
fn chains_of_go_are_taken_apart() {
    let chain = chain();
    let shuffled = chain.shuffled();
    let data = [("c", shuffled.as_str())];
    let intermediates = [&*chain.second, &chain.first].concat();
    for (part, expected) in [
        ("leaf", &chain.leaf),
        ("intermediate", &intermediates),
        ("root", &chain.root),
    ] {
        let source = format!("{{{{filterCertChain \"{part}\" .c}}}}");
        assert_eq!(rendered(&source, &data), *expected, "{part}");
    }
    let names = "{{filterCertChain \"leaf\" .c | certSANs}}";
    assert_eq!(rendered(names, &data), "[leaf.example]");
}

#[test]
fn made_certificates_verify_in_go() {
    for kind in ["rsa", "ecdsa", "ed25519"] {
        let source = format!(
            "{{{{$k := genPrivateKey \"{kind}\"}}}}{{{{$ca := genCAWithKey \"root\" 365 $k}}}}\
             {{{{$c := genSignedCertWithKey \"leaf\" nil (list \"a.example\") 30 $ca $k}}}}\
             {{{{$c.Cert}}}}{{{{$ca.Cert}}}}"
        );
        let certs = rendered(&source, &[]);
        let verified = one(json!({ "op": "verify", "certs": certs }));
        assert_eq!(text(&verified, "names"), "a.example", "{kind}");
    }
}

#[test]
fn jwks_become_the_pem_of_go() {
    for kind in ["RSA", "P-256", "P-384", "P-521", "Ed25519"] {
        let made = one(json!({ "op": "jwk", "encoding": kind }));
        let jwk = text(&made, "jwk");
        let data = [("j", jwk.as_str())];
        assert_eq!(
            rendered("{{jwkPublicKeyPem .j}}", &data),
            text(&made, "public"),
            "{kind}"
        );
        let private = rendered("{{jwkPrivateKeyPem .j}}", &data);
        let read = one(json!({ "op": "same key", "key": private }));
        assert_eq!(text(&read, "key"), text(&made, "private"), "{kind}");
    }
}

#[test]
fn private_keys_are_read_by_go() {
    for kind in ["rsa", "ecdsa", "ed25519"] {
        let key = rendered(&format!("{{{{genPrivateKey \"{kind}\"}}}}"), &[]);
        one(json!({ "op": "same key", "key": key }));
    }
}

#[test]
fn what_go_seals_for_a_key_is_opened() {
    let chain = chain();
    for (sealed_with, hash) in [
        ("SHA256", "SHA256"),
        ("SHA256", "None"),
        ("SHA256", "unknown"),
        ("SHA1", "SHA1"),
        ("SHA512", "SHA512"),
    ] {
        let sealed = one(json!({
            "op": "oaep", "key": chain.key, "encoding": sealed_with, "pass": "open sesame",
        }));
        let sealed = text(&sealed, "text");
        for key in [&chain.key, &chain.pkcs1] {
            let data = Value::strings([("s", sealed.as_str()), ("k", key), ("h", hash)]);
            let source = "{{rsaDecrypt \"RSA-OAEP\" .h (b64dec .s) .k}}";
            assert_eq!(rendered_with(source, &data), b"open sesame", "{hash}");
        }
    }
}
