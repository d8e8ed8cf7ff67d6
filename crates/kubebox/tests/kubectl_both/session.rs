//! Pure. The session: what kubectl is asked to do, in order.

mod owners;

/// How two outputs are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// Everything that is printed.
    All,
    /// Each line of ours is one of the real server's.
    Subset,
    /// The names and types of fields.
    Names,
    /// The exit code.
    Code,
}

/// One command.
#[derive(Debug)]
pub struct Line {
    pub arguments: String,
    /// What is piped in; the uid of an object stands in it as `{{uid KIND/NAME}}`.
    pub input: String,
    pub editor: String,
    pub compare: Compare,
}

impl Line {
    pub fn new(arguments: &str) -> Self {
        Self {
            arguments: arguments.to_owned(),
            input: String::new(),
            editor: String::new(),
            compare: Compare::All,
        }
    }

    pub fn input(mut self, input: &str) -> Self {
        input.clone_into(&mut self.input);
        self
    }

    fn compare(mut self, compare: Compare) -> Self {
        self.compare = compare;
        self
    }
}

const STORE: &str = r#"{"apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
  "metadata": {"name": "store"},
  "spec": {"provider": {"fake": {"data": [{"key": "a", "value": "v"}]}}}}"#;

fn external_secret(interval: &str, extra: &str) -> String {
    format!(
        r#"{{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
          "metadata": {{"name": "es", "labels": {{"app": "web"}}}},
          "spec": {{"refreshInterval": "{interval}", {extra} "secretStoreRef": {{"name": "store"}},
            "target": {{"name": "made"}},
            "data": [{{"secretKey": "k", "remoteRef": {{"key": "a"}}}}]}}}}"#
    )
}

const STATUS: &str = r#"{"status":{"refreshTime":"2026-01-01T00:00:00Z","conditions":[{"type":"Ready","status":"True","reason":"SecretSynced","message":"done","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}"#;

const EVENT: &str = r#"{"apiVersion": "v1", "kind": "Event", "metadata": {"name": "es.1"},
  "involvedObject": {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
    "name": "es", "namespace": "{{namespace}}", "uid": "{{uid es/es}}"}, "reason": "Synced", "message": "all is well",
  "type": "Normal", "count": 1, "source": {"component": "tester"},
  "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z"}"#;

/// The whole session.
pub fn session() -> Vec<Line> {
    let mut all = Vec::new();
    let crds = serde_json::json!({ "apiVersion": "v1", "kind": "List",
        "items": tidegate_api::crd::crds() });
    all.push(Line::new("create -f -").input(&crds.to_string()));
    all.push(Line::new(
        "wait --for=condition=established crd --all --timeout=30s",
    ));
    custom(&mut all);
    conditions(&mut all);
    built_in(&mut all);
    owners::owners(&mut all);
    deletions(&mut all);
    documents(&mut all);
    all
}

fn plain(all: &mut Vec<Line>, lines: &[&str]) {
    all.extend(lines.iter().map(|line| Line::new(line)));
}

fn custom(all: &mut Vec<Line>) {
    let hour = external_secret("1h", "");
    all.push(Line::new("apply -f -").input(STORE));
    all.push(Line::new("apply -f -").input(&hour));
    all.push(Line::new("apply -f -").input(&hour));
    all.push(Line::new("diff -f -").input(&hour));
    let day = external_secret("24h", "");
    all.push(Line::new("diff -f -").input(&day));
    all.push(Line::new("apply -f -").input(&day));
    all.push(Line::new("apply -f - --dry-run=server -o yaml").input(&hour));
    all.push(Line::new("apply -f -").input(&external_secret("1h", r#""unknown": 1,"#)));
    all.push(Line::new("apply -f - --validate=warn").input(&external_secret("1h", r#""un": 1,"#)));
    all.push(Line::new("apply -f -").input(&day.replace("\"store\"", "7")));
    all.push(Line::new("create -f -").input(&day));
    plain(
        all,
        &[
            "get es",
            "get es -o wide",
            "get es es -o yaml",
            "get es es -o json --show-managed-fields",
            "get es -o name",
            "get es --show-labels",
            "get es -l app=web",
            "get es -l app=none",
            "get es,ss",
            "get es es -o jsonpath={.spec.refreshInterval}",
            "get es -o custom-columns=N:.metadata.name,S:.spec.secretStoreRef.name",
            "get es none",
            "get nonsense",
            "label es es tier=gold",
            "label es es tier=tin",
            "label es es tier=tin --overwrite",
            "label es es bad!key=x",
            "annotate es es note=here",
            "annotate es es note-",
            r#"patch es es --type=merge -p {"spec":{"refreshInterval":"2h"}}"#,
            r#"patch es es --type=json -p [{"op":"test","path":"/spec/x","value":1}]"#,
            r#"patch es es --type=json -p [{"op":"add","path":"/metadata/labels/j","value":"1"}]"#,
            r#"patch es es --type=merge -p {"spec":{"target":{"creationPolicy":"Wrong"}}}"#,
            "get externalsecrets.v1.external-secrets.io",
        ],
    );
    let mut edit = Line::new("edit es es");
    "sed -i s/refreshInterval:.2h/refreshInterval:\\ 3h/".clone_into(&mut edit.editor);
    all.push(edit);
    let mut quiet = Line::new("edit es es");
    "true".clone_into(&mut quiet.editor);
    all.push(quiet);
    all.push(Line::new("replace -f -").input(&external_secret("4h", "")));
    all.push(Line::new("get es es -o yaml"));
}

fn conditions(all: &mut Vec<Line>) {
    all.push(Line::new("wait --for=condition=Ready es/es --timeout=1s"));
    all.push(Line::new(&format!(
        "patch es es --subresource=status --type=merge -p {STATUS}"
    )));
    all.push(Line::new("create -f -").input(EVENT));
    plain(
        all,
        &[
            "wait --for=condition=Ready es/es --timeout=10s",
            "wait --for=jsonpath={.spec.target.name}=made es/es --timeout=10s",
            "get es",
            "get es es --subresource=status -o yaml",
            "get events",
            "describe es es",
            "describe ss store",
            "describe es none",
        ],
    );
}

fn built_in(all: &mut Vec<Line>) {
    plain(
        all,
        &[
            "create secret generic s --from-literal=k=v",
            "create secret generic s --from-literal=k=v",
            "create configmap c --from-literal=a=b",
            "create serviceaccount robot",
            "get secret s -o yaml",
            "get secrets",
            "get secret s -o wide",
            "get configmap c",
            "get sa robot -o yaml",
            "get serviceaccounts",
            "get leases",
            "get secret,configmap c",
            "get secrets --field-selector type=Opaque -o name",
            "get secrets --field-selector nonsense=x",
            "describe secret s",
            "describe configmap c",
            "describe sa robot",
            "label secret s tier=gold",
            "annotate secret s note=here",
            r#"patch secret s -p {"data":{"k":null,"n":"bmV3"}}"#,
            r#"patch secret s -p {"data":{"k":"no-base64"}}"#,
            r#"patch sa robot -p {"secrets":[{"name":"s"}]}"#,
            r#"patch secret s --type=merge -p {"type":"Other"}"#,
            "get secret s -o jsonpath={.data}",
            "create configmap bad_name",
            "create secret tls t --cert=/none --key=/none",
        ],
    );
    all.push(Line::new("create token robot").compare(Compare::Code));
    let mut edit = Line::new("edit configmap c");
    "sed -i s/a:.b/a:\\ z/".clone_into(&mut edit.editor);
    all.push(edit);
    plain(
        all,
        &["get configmap c -o jsonpath={.data}", "get ns kube-system"],
    );
}

fn deletions(all: &mut Vec<Line>) {
    plain(
        all,
        &[
            r#"patch configmap c -p {"metadata":{"finalizers":["x.io/hold"]}}"#,
            "delete configmap c --wait=false",
            "get configmap c -o yaml",
            "wait --for=delete configmap/c --timeout=1s",
            r#"patch configmap c -p {"metadata":{"finalizers":null}}"#,
            "wait --for=delete configmap/c --timeout=10s",
            "delete configmap c",
            "delete configmap c --ignore-not-found",
            "delete secret s --dry-run=server",
            "delete secret s",
            "delete es -l app=none",
            "delete ss --all --cascade=orphan",
            "delete ns no-such-namespace",
        ],
    );
}

fn documents(all: &mut Vec<Line>) {
    plain(
        all,
        &[
            "explain es.spec.target",
            "explain es.spec.data --recursive",
            "explain es.spec.none",
            "auth can-i create secrets",
            "auth can-i delete es --all-namespaces",
        ],
    );
    for (line, compare) in [
        ("api-resources --no-headers", Compare::Subset),
        (
            "api-resources --api-group=external-secrets.io",
            Compare::All,
        ),
        ("api-resources --verbs=list,watch -o name", Compare::Subset),
        ("api-versions", Compare::Subset),
        ("explain es", Compare::Names),
        ("explain ss --recursive", Compare::Code),
        ("explain ss.spec --recursive", Compare::All),
        ("describe ns default", Compare::Code),
        ("explain secret", Compare::Names),
        ("explain configmap", Compare::Names),
        ("explain lease.spec", Compare::Names),
        ("auth can-i --list", Compare::Code),
        ("auth whoami", Compare::Code),
        ("version", Compare::Code),
        ("get ns", Compare::Code),
    ] {
        all.push(Line::new(line).compare(compare));
    }
}
