//! Shell. Which functions there are: those that the operator registers, each by name, and no other.
use std::collections::BTreeSet;

use gotpl::Registry;

/// Go's own. `slice` is there too, and sprig's takes its place.
const GO: &str = "
    and call eq ge gt html index js le len lt ne not or print printf println slice urlquery
";

/// Sprig's, topic by topic, without `env`, `expandenv` and `getHostByName`; `hexdec` is new there.
const SPRIG: &[(&str, &str)] = &[
    (
        "misc",
        "
        hello fail uuidv4 semver semverCompare typeOf typeIs typeIsLike kindOf kindIs deepEqual
        ",
    ),
    (
        "dates",
        "
        ago date date_in_zone date_modify dateInZone dateModify must_date_modify mustDateModify
        duration durationRound htmlDate htmlDateInZone now toDate mustToDate unixEpoch
        ",
    ),
    (
        "strings",
        "
        abbrev abbrevboth trunc trim trimall trimAll trimSuffix trimPrefix upper lower title
        untitle substr repeat nospace initials randAlphaNum randAlpha randAscii randNumeric
        swapcase shuffle snakecase camelcase kebabcase wrap wrapWith contains hasPrefix
        hasSuffix quote squote cat indent nindent replace plural toString split splitList splitn
        toStrings join sortAlpha
        ",
    ),
    (
        "hashes/encoding",
        "
        sha1sum sha256sum sha512sum adler32sum b64enc b64dec b32enc b32dec hexdec
        ",
    ),
    (
        "numbers",
        "
        atoi int int64 float64 toDecimal seq until untilStep add1 add sub div mod mul randInt
        add1f addf subf divf mulf biggest max min maxf minf ceil floor round
        ",
    ),
    (
        "defaults/JSON",
        "
        default empty coalesce all any compact mustCompact ternary fromJson mustFromJson toJson
        mustToJson toPrettyJson mustToPrettyJson toRawJson mustToRawJson deepCopy mustDeepCopy
        ",
    ),
    (
        "paths",
        "
        base dir clean ext isAbs osBase osClean osDir osExt osIsAbs
        ",
    ),
    (
        "dicts/lists",
        "
        tuple list dict get set unset hasKey pluck keys pick omit merge mergeOverwrite mustMerge
        mustMergeOverwrite values dig append push mustAppend mustPush prepend mustPrepend first
        mustFirst rest mustRest last mustLast initial mustInitial reverse mustReverse uniq
        mustUniq without mustWithout has mustHas slice mustSlice concat chunk mustChunk
        ",
    ),
    (
        "crypto",
        "
        bcrypt htpasswd genPrivateKey derivePassword buildCustomCert genCA genCAWithKey
        genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey encryptAES
        decryptAES randBytes
        ",
    ),
    (
        "regex",
        "
        regexMatch regexFind regexFindAll regexReplaceAll regexReplaceAllLiteral regexSplit
        regexQuoteMeta mustRegexMatch mustRegexFind mustRegexFindAll mustRegexReplaceAll
        mustRegexReplaceAllLiteral mustRegexSplit
        ",
    ),
    (
        "url",
        "
        urlParse urlJoin
        ",
    ),
];

/// The operator's own.
const OPERATOR: &str = "
    certSANs filterCertChain filterPEM fromYaml fullPemToPkcs12 fullPemToPkcs12Pass
    jwkPrivateKeyPem jwkPublicKeyPem pemToPkcs12 pemToPkcs12Pass pemTruststoreToPKCS12
    pemTruststoreToPKCS12Pass pkcs12cert pkcs12certPass pkcs12key pkcs12keyPass rsaDecrypt toYaml
";

fn words(text: &str) -> BTreeSet<&str> {
    text.split_whitespace().collect()
}

fn sprig() -> BTreeSet<&'static str> {
    SPRIG.iter().flat_map(|(_, names)| words(names)).collect()
}

#[test]
fn names_are_those_of_the_operator() {
    let (go, sprig, own) = (words(GO), sprig(), words(OPERATOR));
    assert_eq!((go.len(), sprig.len(), own.len()), (19, 209, 18));
    let expected: BTreeSet<&str> = [go.clone(), sprig, own].into_iter().flatten().collect();
    let ours: BTreeSet<&str> = Registry::eso().names().into_iter().collect();
    assert_eq!(ours, expected);
    // 18 of Go's that are not sprig's, 209 and 18.
    assert_eq!(ours.len(), 245);
    // Issue 5 counts 221: without Go's 18, and without six `mustRegex*` that its list implies.
    let listed = |name: &&&str| !(name.starts_with("mustRegex") || go.contains(**name));
    assert_eq!(
        ours.iter().filter(listed).count() + 1,
        221,
        "`slice` is both"
    );
    let builtins: BTreeSet<&str> = Registry::builtins().names().into_iter().collect();
    assert_eq!(builtins, go);
}

#[test]
fn sprig_registers_the_same() {
    // The oracle adds what the operator adds to sprig and no real library of ours can ask for.
    let there: BTreeSet<String> = crate::go::names().into_iter().collect();
    let mut ours: BTreeSet<String> = sprig().into_iter().map(str::to_owned).collect();
    ours.extend(["toYaml", "fromYaml"].map(str::to_owned));
    assert_eq!(there, ours);
    for name in ["env", "expandenv", "getHostByName"] {
        assert!(Registry::eso().get(name).is_none(), "{name}");
    }
}
