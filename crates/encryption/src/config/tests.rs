//! Pure. Configurations that an API server refuses, with its words, and those it accepts.

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::advice::advise;
use super::change::{Writer, add, drop_writers, promote};
use super::*;

const HEAD: &str = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\n";
const B32: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

fn errors(text: &str) -> Vec<String> {
    let findings = parse(text.as_bytes(), true).err().unwrap_or_default();
    findings.iter().map(ToString::to_string).collect()
}

/// One rule in flow style, `resources` and `providers` being the insides of lists.
fn rule(resources: &str, providers: &str) -> String {
    format!("{HEAD}resources: [{{resources: [{resources}], providers: [{providers}]}}]\n")
}

fn box_of(name: &str) -> String {
    format!("{{secretbox: {{keys: [{{name: {name}, secret: {B32}}}]}}}}")
}

#[test]
fn good_files_are_accepted_and_read() {
    let kms = "{kms: {apiVersion: v2, name: p, endpoint: 'unix:///k.sock', timeout: 1m0.5s}}";
    let text = rule(
        "secrets, '*.apps'",
        &format!("{kms}, {}, {{identity: {{}}}}", box_of("k")),
    );
    let config = parse(text.as_bytes(), true).unwrap();
    assert_eq!(config.rules[0].writer().to_string(), "kms:v2:p");
    let readers: Vec<String> = config.rules[0]
        .readers()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(readers, ["kms:v2:p", "secretbox:v1:k", "identity"]);
    assert!(config.rule_of("secrets").is_some() && config.rule_of("deployments.apps").is_some());
    assert!(config.rule_of("configmaps").is_none());
}

/// One error, with these words in it.
fn check(text: &str, part: &str) {
    let found = errors(text);
    assert!(
        found.len() == 1 && found[0].contains(part),
        "{part}: {found:?}"
    );
}

#[test]
fn each_rule_about_resources_has_its_words() {
    let good = box_of("k");
    check("", "the file is empty");
    check(
        HEAD,
        "resources: Required value: at least one resources is required",
    );
    check(
        &rule("", &good),
        "at least one resources[0].resources is required",
    );
    check(
        &rule("secrets", ""),
        "at least one resources[0].providers is required",
    );
    check(
        &rule("Secrets", &good),
        "should not contain capital letters",
    );
    check(
        &rule("'*'", &good),
        "use '*.' to encrypt all the resources from core",
    );
    check(&rule("events.events.k8s.io", &good), "Use 'events' instead");
    check(
        &rule("a.extensions", &good),
        "'extensions' group has been removed",
    );
    check(
        &rule("'secrets.*'", &good),
        "encrypting the same resource across groups",
    );
    check(
        &rule("serviceipallocations", &good),
        "do not have REST API/s",
    );
    check(
        &rule("secrets, secrets", &good),
        "cannot be specified multiple times",
    );
    check(&rule("secrets, '*.'", &good), "using overlapping resources");
    check(
        &rule("secrets, '*.*'", &good),
        "using overlapping resources",
    );
    let two = format!(
        "resources: [{{resources: ['*.*'], providers: [{good}]}}, \
                       {{resources: [secrets], providers: [{good}]}}]"
    );
    check(
        &format!("{HEAD}{two}"),
        "resource \"secrets\" is masked by earlier rule \"*.*\"",
    );
}

#[test]
fn each_rule_about_providers_has_its_words() {
    let good = box_of("k");
    check(
        &rule("secrets", "{}"),
        "does not contain any of the expected providers",
    );
    let both = good.replace("{secretbox", "{identity: {}, secretbox");
    check(
        &rule("secrets", &both),
        "more than one provider specified in a single element",
    );
    check(
        &rule("secrets", "{aesgcm: {keys: []}}"),
        "at least one keys is required",
    );
    check(
        &rule("secrets", &good.replace("name: k", "name: ''")),
        "name is a mandatory field",
    );
    check(
        &rule("secrets", &good.replace(B32, "''")),
        "secret is a mandatory field for a key",
    );
    check(
        &rule("secrets", &good.replace(B32, "'?'")),
        "secrets must be base64 encoded",
    );
    let short = "got 3, expected one of [32]";
    check(&rule("secrets", &good.replace(B32, "QUFB")), short);
    let aes = good.replace("secretbox", "aescbc").replace(B32, "QUFB");
    check(&rule("secrets", &aes), "got 3, expected one of [16 24 32]");
    check(
        &rule("secrets", &good.replace("secretbox", "rot13")),
        "strict decoding error",
    );
}

#[test]
fn kms_rules_have_their_words() {
    let check = |kms: &str, part: &str| {
        let found = errors(&rule("secrets", &format!("{{kms: {{{kms}}}}}")));
        assert!(
            found.len() == 1 && found[0].contains(part),
            "{part}: {found:?}"
        );
    };
    let end = "endpoint: 'unix:///k.sock'";
    check(
        &format!("apiVersion: v2, {end}"),
        "name is a mandatory field for a provider",
    );
    check(
        &format!("apiVersion: v2, name: 'a:b', {end}"),
        "must not contain ':'",
    );
    check(
        &format!("apiVersion: v3, name: a, {end}"),
        "only v1 and v2 are supported",
    );
    check(&format!("name: a, {end}"), "KMSv1 is deprecated");
    check(
        "apiVersion: v2, name: a",
        "endpoint is a mandatory field for a kms",
    );
    check(
        "apiVersion: v2, name: a, endpoint: 'http://x'",
        "unsupported scheme \"http\"",
    );
    check(
        "apiVersion: v2, name: a, endpoint: '/x'",
        "unsupported scheme \"\"",
    );
    check(
        &format!("apiVersion: v2, name: a, {end}, timeout: -1s"),
        "should be a positive value",
    );
    check(
        &format!("apiVersion: v2, name: a, {end}, timeout: soon"),
        "not a duration",
    );
    check(
        &format!("apiVersion: v2, name: a, {end}, cachesize: 5"),
        "not supported in v2",
    );
    let one = format!("{{kms: {{apiVersion: v2, name: a, {end}}}}}");
    let found = errors(&rule("secrets", &format!("{one}, {one}")));
    assert!(
        found[0].contains("duplicate KMS provider name a"),
        "{found:?}"
    );
}

#[test]
fn advice_is_given_once_each() {
    let words = |text: &str| {
        let config = parse(text.as_bytes(), true).unwrap();
        advise(&config)
            .iter()
            .map(|one| one.words.clone())
            .collect::<Vec<_>>()
            .join("|")
    };
    let all = "secrets, configmaps, generatorstates.generators.external-secrets.io";
    assert!(
        words(&rule(
            all,
            &box_of("k").replace(B32, &B32.replacen("QUFB", "QkFB", 1))
        ))
        .is_empty()
    );
    assert!(words(&rule("secrets", &box_of("k"))).contains("configmaps are stored in the clear"));
    assert!(words(&rule(all, "{identity: {}}")).contains("identity is first"));
    let gcm = box_of("k").replace("secretbox", "aesgcm");
    assert!(words(&rule(all, &gcm)).contains("200,000 writes"));
    let twice = box_of("a").replace("]}}", &format!(", {{name: b, secret: {B32}}}]}}}}"));
    assert!(words(&rule(all, &twice)).contains("rotating to it changes nothing"));
}

#[test]
fn no_finding_quotes_a_key() {
    let secret = "hunter2hunter2hunter2";
    for text in [
        rule("secrets", &box_of("k").replace(B32, secret)),
        rule("secrets", &box_of("k").replace(B32, &format!("[{secret}]"))),
        rule("secrets", &format!("{{secretbox: {secret}}}")),
        rule("secrets", &box_of("k")).replace("resources: [{", &format!("x: \"{secret}\n  [{{")),
        format!("{HEAD}resources: {secret}"),
        secret.to_owned(),
    ] {
        let found = errors(&text);
        assert!(
            !found.is_empty() && !format!("{found:?}").contains("hunter2"),
            "{found:?}"
        );
    }
}

fn local(name: &str, byte: u8) -> Provider {
    make::local(
        Cipher::Secretbox,
        name.to_owned(),
        Zeroizing::new(vec![byte; 32]),
    )
}

#[test]
fn the_three_edits_of_a_rotation() {
    let first = make::first(vec!["secrets".to_owned()], local("old", 1));
    let new = local("new", 2);
    let writer = Writer::Local(Cipher::Secretbox, "new".to_owned());
    let old = first.rules[0].writer();
    let order = |config: &Configuration| {
        let readers = config.rules[0].readers();
        readers
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let added = add(&first, &new);
    assert_eq!(order(&added), "secretbox:v1:old secretbox:v1:new identity");
    let promoted = promote(&added, &writer);
    assert_eq!(
        order(&promoted),
        "secretbox:v1:new secretbox:v1:old identity"
    );
    let dropped = drop_writers(&promoted, &[old, Writer::Identity], &writer);
    assert_eq!(order(&dropped), "secretbox:v1:new");
}

#[test]
fn a_rotation_to_another_provider_and_from_plaintext() {
    let timeout = Duration::from_secs(3);
    let kms = make::kms("p".to_owned(), "unix:///k.sock".to_owned(), timeout);
    let writer = Writer::Kms("v2".to_owned(), "p".to_owned());
    let first = make::first(vec!["secrets".to_owned()], local("old", 1));
    let promoted = promote(&add(&first, &kms), &writer);
    assert_eq!(promoted.rules[0].writer(), writer);
    assert_eq!(promoted.rules[0].providers.len(), 3);
    let rule = Rule {
        resources: vec!["secrets".to_owned()],
        providers: vec![Provider::Identity],
    };
    let added = add(&Configuration { rules: vec![rule] }, &local("new", 2));
    assert_eq!(
        added.rules[0].writer(),
        Writer::Identity,
        "nobody writes what others cannot read"
    );
}

proptest! {
    /// What we write is read back as it was, through all three edits.
    #[test]
    fn written_files_read_back(
        names in proptest::collection::btree_set("[a-zA-Z0-9 :'\"{#-]{1,12}", 1..5),
        cipher in 0..3_usize,
        kms in any::<bool>(),
    ) {
        let cipher = Cipher::ALL[cipher];
        let keys = names.iter().map(|name| Key::new(name, Zeroizing::new(vec![7; 32])));
        let mut providers = vec![Provider::Local(cipher, keys.collect())];
        if kms {
            let timeout = Duration::from_millis(1500);
            providers.push(make::kms("p".to_owned(), "unix:///k.sock".to_owned(), timeout));
        }
        providers.push(Provider::Identity);
        let resources = vec!["secrets".to_owned(), "*.apps".to_owned()];
        let config = Configuration { rules: vec![Rule { resources, providers }] };
        let added = add(&config, &local("fresh", 3));
        for config in [config, added] {
            let text = config.to_yaml();
            prop_assert_eq!(parse(text.as_bytes(), true), Ok(config));
        }
    }

    #[test]
    fn any_bytes_end_in_findings(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _any = parse(&bytes, true);
    }

    #[test]
    fn any_torn_file_ends_in_findings(cut in 0..400_usize, at in 0..400_usize, to in any::<u8>()) {
        let mut bytes = rule("secrets", &format!("{}, {{identity: {{}}}}", box_of("k"))).into_bytes();
        bytes.truncate(cut.max(1));
        let at = at % bytes.len();
        bytes[at] = to;
        let _any = parse(&bytes, true);
    }
}
