//! Pure. Bytes of a file to a draft: strict decoding, as the API server decodes.

use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Cipher, Configuration, Finding, Key, Kms, Provider, Rule, duration};
use crate::yaml::{self, Kind, Node};

/// The largest file that is read; the API server has no bound, a real file has a few kilobytes.
pub const MAX_BYTES: usize = 1 << 20;

const GROUP: &str = "apiserver.config.k8s.io/v1";
const KIND: &str = "EncryptionConfiguration";

/// A decoded file before any rule was applied.
pub(super) struct Draft {
    pub(super) rules: Vec<DraftRule>,
}

pub(super) struct DraftRule {
    pub(super) resources: Vec<String>,
    pub(super) providers: Vec<Element>,
}

/// One list element of `providers`: exactly one member may be there, any number is.
#[derive(Default)]
pub(super) struct Element {
    pub(super) kms: Option<DraftKms>,
    pub(super) local: Vec<(Cipher, Vec<DraftKey>)>,
    pub(super) identity: bool,
}

pub(super) struct DraftKms {
    pub(super) api_version: String,
    pub(super) name: String,
    pub(super) cache_size: Option<i64>,
    pub(super) endpoint: String,
    /// In nanoseconds.
    pub(super) timeout: i128,
}

pub(super) struct DraftKey {
    pub(super) name: String,
    pub(super) secret: Rc<Zeroizing<String>>,
}

impl DraftKey {
    /// The key's bytes; none when it is not base64.
    pub(super) fn decoded(&self) -> Option<Zeroizing<Vec<u8>>> {
        // Go's decoder skips line breaks.
        let text: Zeroizing<String> = Zeroizing::new(
            self.secret
                .chars()
                .filter(|c| !matches!(c, '\n' | '\r'))
                .collect(),
        );
        STANDARD.decode(text.as_bytes()).ok().map(Zeroizing::new)
    }
}

type Findings = Vec<Finding>;

/// Decodes a file; the errors are all about its shape.
pub(super) fn read(bytes: &[u8]) -> Result<Draft, Findings> {
    let refuse = |words: String| Err(vec![Finding::error("", words)]);
    if bytes.is_empty() {
        return refuse("the file is empty".to_owned());
    }
    if bytes.len() > MAX_BYTES {
        return refuse(format!("the file is larger than {MAX_BYTES} bytes"));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return refuse("the file is not UTF-8".to_owned());
    };
    let node = match yaml::parse(text) {
        Ok(node) => node,
        Err(error) => return refuse(error.to_string()),
    };
    if !matches!(node.kind, Kind::Map(_)) {
        return refuse("couldn't get version/kind; json parse error".to_owned());
    }
    let mut decoder = Decoder::default();
    let draft = decoder.document(&node);
    if decoder.findings.is_empty() {
        Ok(draft)
    } else {
        Err(decoder.findings)
    }
}

#[derive(Default)]
struct Decoder {
    findings: Findings,
}

/// A member's path: Go leaves the dot out at the top.
fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    }
}

impl Decoder {
    fn wrong(&mut self, path: &str, node: &Node, wanted: &str) {
        let words = format!("line {}: expected {wanted}, got {}", node.line, node.name());
        self.findings.push(Finding::error(path, words));
    }

    /// The members by name; unknown and repeated ones are findings. Null is as good as absent.
    fn members<'n, const N: usize>(
        &mut self,
        path: &str,
        node: &'n Node,
        names: [&str; N],
    ) -> [Option<&'n Node>; N] {
        let mut found = [None; N];
        let members = match &node.kind {
            Kind::Map(members) => members,
            Kind::Null => return found,
            _ => {
                self.wrong(path, node, "object");
                return found;
            }
        };
        for (name, member) in members {
            // What is no name we know may be a key put into the wrong place: never all of it.
            let shown: String = name.chars().take(40).collect();
            let Some(at) = names.iter().position(|known| known == name) else {
                let words = format!("unknown field {:?}", join(path, &shown));
                self.findings.push(Finding::error(
                    "",
                    format!("strict decoding error: {words}"),
                ));
                continue;
            };
            if found[at].is_some() {
                let words = format!("line {}: key {shown:?} already set in map", member.line);
                self.findings.push(Finding::error("", words));
            }
            found[at] = Some(member);
        }
        found.map(|member| member.filter(|node| !matches!(node.kind, Kind::Null)))
    }

    fn list<'n>(&mut self, path: &str, node: Option<&'n Node>) -> &'n [Node] {
        match node {
            None => &[],
            Some(Node {
                kind: Kind::List(items),
                ..
            }) => items,
            Some(node) => {
                self.wrong(path, node, "array");
                &[]
            }
        }
    }

    fn text(&mut self, path: &str, node: Option<&Node>) -> Rc<Zeroizing<String>> {
        match node {
            None => Rc::default(),
            Some(Node {
                kind: Kind::Text(text),
                ..
            }) => Rc::clone(text),
            Some(node) => {
                self.wrong(path, node, "string");
                Rc::default()
            }
        }
    }

    fn plain(&mut self, path: &str, node: Option<&Node>) -> String {
        self.text(path, node).to_string()
    }

    fn document(&mut self, node: &Node) -> Draft {
        let names = ["apiVersion", "kind", "resources"];
        let [version, kind, resources] = self.members("", node, names);
        let (version, kind) = (self.plain("apiVersion", version), self.plain("kind", kind));
        if (version.as_str(), kind.as_str()) != (GROUP, KIND) {
            // Of another kind of file, no field is judged.
            self.findings.clear();
            let words = format!("no kind {kind:?} is registered for version {version:?}");
            self.findings.push(Finding::error("", words));
            return Draft { rules: Vec::new() };
        }
        let items = self.list("resources", resources).iter().enumerate();
        let rules = items.map(|(i, item)| self.rule(&format!("resources[{i}]"), item));
        Draft {
            rules: rules.collect(),
        }
    }

    fn rule(&mut self, path: &str, node: &Node) -> DraftRule {
        let [resources, providers] = self.members(path, node, ["resources", "providers"]);
        let (names, elements) = (join(path, "resources"), join(path, "providers"));
        let mut rule = DraftRule {
            resources: Vec::new(),
            providers: Vec::new(),
        };
        for (i, item) in self.list(&names, resources).iter().enumerate() {
            rule.resources
                .push(self.plain(&format!("{names}[{i}]"), Some(item)));
        }
        for (i, item) in self.list(&elements, providers).iter().enumerate() {
            rule.providers
                .push(self.element(&format!("{elements}[{i}]"), item));
        }
        rule
    }

    fn element(&mut self, path: &str, node: &Node) -> Element {
        let names = ["kms", "identity", "secretbox", "aescbc", "aesgcm"];
        let [kms, identity, secretbox, aescbc, aesgcm] = self.members(path, node, names);
        if let Some(node) = identity {
            let [] = self.members(&join(path, "identity"), node, []);
        }
        let mut element = Element {
            identity: identity.is_some(),
            ..Element::default()
        };
        let local = Cipher::ALL.into_iter().zip([secretbox, aescbc, aesgcm]);
        for (cipher, node) in local {
            if let Some(node) = node {
                let keys = self.keys(&join(path, cipher.name()), node);
                element.local.push((cipher, keys));
            }
        }
        element.kms = kms.map(|node| self.kms(&join(path, "kms"), node));
        element
    }

    fn keys(&mut self, path: &str, node: &Node) -> Vec<DraftKey> {
        let [keys] = self.members(path, node, ["keys"]);
        let path = join(path, "keys");
        let mut found = Vec::new();
        for (i, item) in self.list(&path, keys).iter().enumerate() {
            let path = format!("{path}[{i}]");
            let [name, secret] = self.members(&path, item, ["name", "secret"]);
            found.push(DraftKey {
                name: self.plain(&join(&path, "name"), name),
                secret: self.text(&join(&path, "secret"), secret),
            });
        }
        found
    }

    fn kms(&mut self, path: &str, node: &Node) -> DraftKms {
        let names = ["apiVersion", "name", "cachesize", "endpoint", "timeout"];
        let [version, name, cache, endpoint, timeout] = self.members(path, node, names);
        let api_version = match self.plain(&join(path, "apiVersion"), version) {
            empty if empty.is_empty() => "v1".to_owned(),
            version => version,
        };
        let cache_size = cache.and_then(|node| match &node.kind {
            Kind::Number(text) if text.parse::<i32>().is_ok() => text.parse().ok(),
            _ => {
                self.wrong(&join(path, "cachesize"), node, "integer");
                None
            }
        });
        DraftKms {
            name: self.plain(&join(path, "name"), name),
            endpoint: self.plain(&join(path, "endpoint"), endpoint),
            timeout: self.timeout(&join(path, "timeout"), timeout),
            cache_size,
            api_version,
        }
    }

    fn timeout(&mut self, path: &str, node: Option<&Node>) -> i128 {
        const DEFAULT: i128 = 3_000_000_000;
        let Some(node) = node else { return DEFAULT };
        let Kind::Text(text) = &node.kind else {
            self.wrong(path, node, "string");
            return DEFAULT;
        };
        duration::parse(text).unwrap_or_else(|| {
            let words = format!("line {}: not a duration such as 3s", node.line);
            self.findings.push(Finding::error(path, words));
            DEFAULT
        })
    }
}

impl Draft {
    /// The model of a draft that every rule has passed.
    pub(super) fn finish(self) -> Result<Configuration, Findings> {
        let mut rules = Vec::new();
        for rule in self.rules {
            let providers: Option<Vec<Provider>> =
                rule.providers.into_iter().map(Element::finish).collect();
            let Some(providers) = providers else {
                return Err(vec![Finding::error("", "a provider passed no rule")]);
            };
            rules.push(Rule {
                resources: rule.resources,
                providers,
            });
        }
        Ok(Configuration { rules })
    }
}

impl Element {
    fn finish(mut self) -> Option<Provider> {
        if let Some(kms) = self.kms {
            return Some(Provider::Kms(Kms {
                api_version: kms.api_version,
                name: kms.name,
                endpoint: kms.endpoint,
                timeout: Duration::from_nanos(u64::try_from(kms.timeout).ok()?),
                cache_size: kms.cache_size,
            }));
        }
        if self.identity {
            return Some(Provider::Identity);
        }
        let (cipher, keys) = self.local.pop()?;
        let keys = keys.into_iter().map(|key| {
            let secret = key.decoded()?;
            Some(Key::new(key.name, secret))
        });
        Some(Provider::Local(cipher, keys.collect::<Option<Vec<_>>>()?))
    }
}
