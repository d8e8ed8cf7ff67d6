//! Pure. A configuration as the YAML that is written to disk; always the same bytes for the same
//! configuration, since API servers tell files by their hash.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Configuration, Kms, Provider, duration};

impl Configuration {
    /// The file. It holds the keys in plain: write it with mode 0600 and never to a log.
    #[must_use]
    pub fn to_yaml(&self) -> Zeroizing<String> {
        // Large enough for any real file, so that growing leaves no copies behind.
        let mut out = Zeroizing::new(String::with_capacity(64 * 1024));
        out.push_str("apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n");
        out.push_str("resources:\n");
        for rule in &self.rules {
            out.push_str("- resources:\n");
            for resource in &rule.resources {
                let _infallible = writeln!(out, "  - {}", quoted(resource));
            }
            out.push_str("  providers:\n");
            for provider in &rule.providers {
                write(&mut out, provider);
            }
        }
        out
    }
}

fn write(out: &mut String, provider: &Provider) {
    match provider {
        Provider::Identity => out.push_str("  - identity: {}\n"),
        Provider::Kms(kms) => write_kms(out, kms),
        Provider::Local(cipher, keys) => {
            let _infallible = writeln!(out, "  - {}:\n      keys:", cipher.name());
            for key in keys {
                let secret = Zeroizing::new(STANDARD.encode(key.secret.as_slice()));
                let name = quoted(&key.name);
                let _infallible = writeln!(out, "      - name: {name}");
                out.push_str("        secret: ");
                out.push_str(&secret);
                out.push('\n');
            }
        }
    }
}

fn write_kms(out: &mut String, kms: &Kms) {
    let _infallible = writeln!(out, "  - kms:\n      apiVersion: {}", kms.api_version);
    let _infallible = writeln!(out, "      name: {}", quoted(&kms.name));
    let _infallible = writeln!(out, "      endpoint: {}", quoted(&kms.endpoint));
    let _infallible = writeln!(out, "      timeout: {}", duration::text(kms.timeout));
    if let Some(size) = kms.cache_size {
        let _infallible = writeln!(out, "      cachesize: {size}");
    }
}

/// Plain where nothing can be mistaken, else JSON's quotes, which YAML shares.
fn quoted(text: &str) -> String {
    let harmless = |c: char| c.is_ascii_lowercase() || "-./".contains(c);
    let letters = text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| harmless(c) || c.is_ascii_digit())
        && !["null", "true", "false", "yes", "no", "on", "off"].contains(&text);
    if letters {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}
