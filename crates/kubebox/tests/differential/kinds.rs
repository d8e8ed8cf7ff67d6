//! Pure. The kinds that the random sequences are about.

/// One kind, as both servers serve it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
    pub namespaced: bool,
    /// Whether its objects pass through Go structs.
    pub typed: bool,
    /// Whether it has a `status` subresource.
    pub status: bool,
}

const fn core(plural: &'static str, kind: &'static str) -> Kind {
    Kind {
        group: "",
        version: "v1",
        plural,
        kind,
        namespaced: true,
        typed: true,
        status: false,
    }
}

const fn custom(plural: &'static str, kind: &'static str, namespaced: bool) -> Kind {
    Kind {
        group: "external-secrets.io",
        version: "v1",
        plural,
        kind,
        namespaced,
        typed: false,
        status: true,
    }
}

pub static SECRET: Kind = core("secrets", "Secret");
pub static CONFIG_MAP: Kind = core("configmaps", "ConfigMap");
pub static SERVICE_ACCOUNT: Kind = core("serviceaccounts", "ServiceAccount");
pub static EVENT: Kind = core("events", "Event");
pub static NEW_EVENT: Kind = Kind {
    group: "events.k8s.io",
    ..core("events", "Event")
};
pub static LEASE: Kind = Kind {
    group: "coordination.k8s.io",
    ..core("leases", "Lease")
};
pub static NAMESPACE: Kind = Kind {
    namespaced: false,
    status: true,
    ..core("namespaces", "Namespace")
};
pub static EXTERNAL_SECRET: Kind = custom("externalsecrets", "ExternalSecret", true);
pub static SECRET_STORE: Kind = custom("secretstores", "SecretStore", true);
pub static CLUSTER_STORE: Kind = custom("clustersecretstores", "ClusterSecretStore", false);

pub static ALL: [&Kind; 10] = [
    &SECRET,
    &CONFIG_MAP,
    &SERVICE_ACCOUNT,
    &EVENT,
    &NEW_EVENT,
    &LEASE,
    &NAMESPACE,
    &EXTERNAL_SECRET,
    &SECRET_STORE,
    &CLUSTER_STORE,
];

impl Kind {
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The plural, with the group where there is one.
    pub fn id(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// The path of a collection; without a namespace, that of all namespaces.
    pub fn path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() {
            "/api/v1".to_owned()
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if self.namespaced && !namespace.is_empty() {
            format!("{root}/namespaces/{namespace}/{}", self.plural)
        } else {
            format!("{root}/{}", self.plural)
        }
    }

    /// What an object is remembered under.
    pub fn key(&self, namespace: &str, name: &str) -> String {
        let namespace = if self.namespaced { namespace } else { "" };
        format!("{}/{namespace}/{name}", self.id())
    }
}
