//! Shell. Certificates and stores: checked by OpenSSL's command line, both ways.
use std::path::Path;

use gotpl::Value;

use crate::crypto::{fails, openssl, rendered, rendered_with};

const CHAIN: &str = "{{$ca := genCA \"root\" 365}}\
    {{$ips := list \"10.0.0.1\" \"::1\"}}{{$names := list \"a.example\" \"b.example\"}}\
    {{$c := genSignedCert \"leaf\" $ips $names 30 $ca}}";

fn made(rest: &str) -> String {
    rendered(&format!("{CHAIN}{rest}"), &[])
}

/// The certificates of a made chain (leaf, root) and the leaf's key.
fn chain() -> (String, String, String) {
    let all = made("{{$c.Cert}}@{{$ca.Cert}}@{{$c.Key}}");
    let mut parts = all.split('@').map(str::to_owned);
    (
        parts.next().unwrap(),
        parts.next().unwrap(),
        parts.next().unwrap(),
    )
}

fn write(dir: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn made_certificates_verify() {
    let dir = tempfile::tempdir().unwrap();
    let (leaf, root, key) = chain();
    let root_file = write(dir.path(), "root.pem", &root);
    // The engine's clock stands in the past, so the check does too.
    openssl(
        &["verify", "-attime", "1700000100", "-CAfile", &root_file],
        &leaf,
    );
    let text = openssl(&["x509", "-noout", "-text"], &leaf);
    for expected in [
        "Subject: CN = leaf",
        "Issuer: CN = root",
        "CA:FALSE",
        "Digital Signature, Key Encipherment",
        "TLS Web Server Authentication, TLS Web Client Authentication",
        "DNS:a.example",
        "DNS:b.example",
        "IP Address:10.0.0.1",
        "Public-Key: (2048 bit)",
        "Not Before: Nov 14 22:13:20 2023 GMT",
        "Not After : Dec 14 22:13:20 2023 GMT",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let text = openssl(&["x509", "-noout", "-text"], &root);
    assert!(
        text.contains("CA:TRUE") && text.contains("Certificate Sign"),
        "{text}"
    );
    assert!(key.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    let public = openssl(&["pkey", "-pubout"], &key);
    assert_eq!(openssl(&["x509", "-noout", "-pubkey"], &leaf), public);
}

#[test]
fn given_keys_are_used() {
    for kind in ["ecdsa", "ed25519", "rsa"] {
        let source = format!(
            "{{{{$k := genPrivateKey \"{kind}\"}}}}{{{{$ca := genCAWithKey \"r\" 9 $k}}}}\
             {{{{$c := genSignedCertWithKey \"l\" nil nil 9 $ca $k}}}}\
             {{{{$s := genSelfSignedCertWithKey \"s\" nil nil 9 $k}}}}\
             {{{{eq $k $c.Key $s.Key}}}}@{{{{$k}}}}@{{{{$c.Cert}}}}@{{{{$s.Cert}}}}"
        );
        let all = rendered(&source, &[]);
        let parts: Vec<&str> = all.split('@').collect();
        assert_eq!(parts[0], "true");
        let public = openssl(&["pkey", "-pubout"], parts[1]);
        for cert in &parts[2..] {
            assert_eq!(
                openssl(&["x509", "-noout", "-pubkey"], cert),
                public,
                "{kind}"
            );
        }
    }
}

#[test]
fn certificates_are_values() {
    assert_eq!(
        made("{{typeOf $c}} {{kindOf $c}} {{eq $c $c}} {{eq $c $ca}}"),
        "sprig.certificate struct true false"
    );
    assert_eq!(
        made("{{$b := buildCustomCert (b64enc $c.Cert) (b64enc $c.Key)}}{{eq $b $c}}"),
        "true"
    );
    assert_eq!(made("{{hasKey (fromJson (toJson $c)) \"Cert\"}}"), "true");
    fails("{{buildCustomCert \"eA==\" \"eQ==\"}}", "buildCustomCert");
    fails(
        "{{genSelfSignedCert \"x\" (list \"bad\") nil 1}}",
        "genSelfSignedCert",
    );
    fails(
        "{{genSelfSignedCert \"x\" nil (list 1) 1}}",
        "genSelfSignedCert",
    );
    fails("{{genCA \"x\" 9223372036854775807}}", "genCA");
}

#[test]
fn chains_are_ordered_and_filtered() {
    let (leaf, root, key) = chain();
    let bundle = format!("junk\n{root}{key}{leaf}");
    let data = [("b", bundle.as_str())];
    for (kind, expected) in [
        ("leaf", &leaf),
        ("root", &root),
        ("intermediate", &String::new()),
    ] {
        let source = format!("{{{{filterCertChain \"{kind}\" .b}}}}");
        assert_eq!(rendered(&source, &data), *expected, "{kind}");
    }
    assert_eq!(
        rendered("{{filterPEM \"certificate\" .b}}", &data),
        format!("{root}{leaf}")
    );
    assert_eq!(rendered("{{filterPEM \"RSA PRIVATE KEY\" .b}}", &data), key);
    let names = "{{filterCertChain \"leaf\" .b | certSANs}}";
    assert_eq!(rendered(names, &data), "[a.example b.example 10.0.0.1 ::1]");
    assert_eq!(
        rendered("{{filterCertChain \"leaf\" .b}}", &[("b", root.as_str())]),
        ""
    );
    let twice = format!("{leaf}{leaf}{root}");
    let other = format!("{leaf}{}", chain().1);
    for bad in [&twice, &other] {
        fails(
            &format!("{{{{filterCertChain \"leaf\" `{bad}`}}}}"),
            "filterCertChain",
        );
    }
    fails("{{filterPEM \"X\" \"junk\"}}", "filterPEM");
    fails("{{certSANs \"junk\"}}", "certSANs");
    assert_eq!(rendered("{{filterPEM \"X\" \"\"}}", &[]), "");
}

#[test]
fn stores_go_to_openssl_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let (leaf, root, key) = chain();
    let bundle = format!("{leaf}{root}");
    let data = [("c", bundle.as_str()), ("k", key.as_str())];
    let public = openssl(&["pkey", "-pubout"], &key);
    for (source, pass, certs) in [
        (
            "{{fullPemToPkcs12Pass .c .k \"pw\" | b64dec}}",
            "pass:pw",
            2,
        ),
        ("{{fullPemToPkcs12 .c .k | b64dec}}", "pass:", 2),
        ("{{pemToPkcs12Pass .c .k \"pw\" | b64dec}}", "pass:pw", 1),
        ("{{pemToPkcs12 .c .k | b64dec}}", "pass:", 1),
    ] {
        let store = write(
            dir.path(),
            "made.p12",
            rendered_with(source, &Value::strings(data)),
        );
        let text = openssl(&["pkcs12", "-in", &store, "-passin", pass, "-nodes"], "");
        assert_eq!(text.matches("BEGIN CERTIFICATE").count(), certs, "{source}");
        let at = text.find("-----BEGIN PRIVATE KEY").unwrap();
        assert_eq!(
            openssl(&["pkey", "-pubout"], &text[at..]),
            public,
            "{source}"
        );
    }
}

#[test]
fn stores_of_openssl_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let (leaf, root, key) = chain();
    let bundle = format!("{leaf}{root}");
    let public = openssl(&["pkey", "-pubout"], &key);
    let (key_file, leaf_file) = (write(dir.path(), "k", &key), write(dir.path(), "l", &leaf));
    let root_file = write(dir.path(), "r", &root);
    for legacy in [false, true] {
        let store = dir.path().join("theirs.p12").to_str().unwrap().to_owned();
        let mut args = vec![
            "pkcs12",
            "-export",
            "-inkey",
            &key_file,
            "-in",
            &leaf_file,
            "-certfile",
            &root_file,
            "-passout",
            "pass:pw",
            "-out",
            &store,
        ];
        if legacy {
            args.extend([
                "-keypbe",
                "PBE-SHA1-3DES",
                "-certpbe",
                "PBE-SHA1-3DES",
                "-macalg",
                "sha1",
            ]);
        }
        openssl(&args, "");
        let bytes = std::fs::read(&store).unwrap();
        let data = Value::strings([("s", bytes.as_slice())]);
        let certs = rendered_with("{{pkcs12certPass \"pw\" .s}}", &data);
        assert_eq!(String::from_utf8(certs).unwrap(), bundle, "legacy {legacy}");
        let ours = rendered_with("{{pkcs12keyPass \"pw\" .s}}", &data);
        let ours = String::from_utf8(ours).unwrap();
        assert!(ours.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert_eq!(
            openssl(&["pkey", "-pubout"], &ours),
            public,
            "legacy {legacy}"
        );
    }
    fails("{{pkcs12key \"junk\"}}", "pkcs12key");
    fails("{{pkcs12certPass \"pw\" \"\"}}", "pkcs12certPass");
}

#[test]
fn own_stores_are_read_back() {
    let (leaf, root, key) = chain();
    let bundle = format!("{leaf}{root}");
    let data = [("c", bundle.as_str()), ("k", key.as_str())];
    let source = "{{fullPemToPkcs12Pass .c .k \"pw\" | b64dec | pkcs12certPass \"pw\"}}";
    assert_eq!(rendered(source, &data), bundle);
    let trust = "{{pemTruststoreToPKCS12Pass .c \"pw\" | b64dec | pkcs12certPass \"pw\"}}";
    assert_eq!(rendered(trust, &data), bundle);
    assert_eq!(
        rendered("{{pemTruststoreToPKCS12 .c | b64dec | pkcs12cert}}", &data),
        bundle
    );
}

#[test]
fn malformed_input_is_refused() {
    let (leaf, _, key) = chain();
    for cut in (0..leaf.len()).step_by(97) {
        for name in [
            "filterCertChain \"leaf\"",
            "certSANs",
            "pemTruststoreToPKCS12",
        ] {
            let source = format!("{{{{{name} `{}`}}}}", &leaf[..cut]);
            fails(&source, name.split(' ').next().unwrap());
        }
    }
    let data = [("c", leaf.as_str()), ("k", key.as_str())];
    fails("{{pemToPkcs12 \"\" \"\"}}", "pemToPkcs12");
    let whole = rendered_with("{{pemToPkcs12 .c .k | b64dec}}", &Value::strings(data));
    for cut in (0..whole.len()).step_by(211) {
        let data = Value::strings([("s", &whole[..cut])]);
        crate::crypto::fails_with("{{pkcs12key .s}}", &data, "pkcs12key");
    }
}
