//! Pure. Names of resources in a configuration, and where etcd keeps them.

/// Resources of the core groups whose folder has another name.
const IRREGULAR: [(&str, &str); 7] = [
    ("nodes", "minions"),
    ("replicationcontrollers", "controllers"),
    ("services", "services/specs"),
    ("endpoints", "services/endpoints"),
    ("ingresses.networking.k8s.io", "ingress"),
    (
        "customresourcedefinitions.apiextensions.k8s.io",
        "apiextensions.k8s.io/customresourcedefinitions",
    ),
    (
        "apiservices.apiregistration.k8s.io",
        "apiregistration.k8s.io/apiservices",
    ),
];

/// Groups that the API server itself stores, by name; any other group is a custom resource's.
const BUILT_IN: [&str; 22] = [
    "",
    "admissionregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

/// The name before the first dot, and the group behind it (empty for the core group).
#[must_use]
pub fn split(resource: &str) -> (&str, &str) {
    resource.split_once('.').unwrap_or((resource, ""))
}

/// Whether the name stands for many resources.
#[must_use]
pub fn is_wildcard(resource: &str) -> bool {
    resource.starts_with('*')
}

/// Whether a name can be one of a resource: nothing that would leave its folder in etcd or its
/// place in a URL.
#[must_use]
pub fn is_plain(resource: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    resource.len() <= 253 && resource.split('.').all(word)
}

/// The folder of a resource under etcd's prefix, with slashes at both ends.
#[must_use]
pub fn etcd_folder(prefix: &str, resource: &str) -> String {
    let prefix = prefix.trim_matches('/');
    if let Some((_, folder)) = IRREGULAR.iter().find(|(name, _)| *name == resource) {
        return format!("/{prefix}/{folder}/");
    }
    let (name, group) = split(resource);
    if BUILT_IN.contains(&group) {
        format!("/{prefix}/{name}/")
    } else {
        format!("/{prefix}/{group}/{name}/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_the_api_servers() {
        let check = |resource, folder| assert_eq!(etcd_folder("/registry", resource), folder);
        check("secrets", "/registry/secrets/");
        check("services", "/registry/services/specs/");
        check("deployments.apps", "/registry/deployments/");
        check(
            "generatorstates.generators.external-secrets.io",
            "/registry/generators.external-secrets.io/generatorstates/",
        );
        assert_eq!(
            etcd_folder("kubernetes.io/", "secrets"),
            "/kubernetes.io/secrets/"
        );
    }

    #[test]
    fn names_that_would_leave_their_folder_are_none() {
        for name in ["secrets", "widgets.example.com"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", "*.", "../x", "a/b", "a..b", "Secrets", "a b"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
