//! Pure. What to do about a failure, from the words of its condition.

/// Texts that a message contains, all of them, and what to do about it. The first row counts.
const CURES: [(&[&str], &str); 17] = [
    (
        &["SecretStore ", "does not exist"],
        "declare that store, or correct secretStoreRef",
    ),
    (
        &["no property"],
        "correct remoteRef.property, or add it to the value at the backend",
    ),
    (
        &["Secret does not exist"],
        "correct remoteRef.key (and version), or create it at the backend",
    ),
    (
        &["Secret ", "does not exist"],
        "put that Secret among the manifests, or correct the reference to it",
    ),
    (
        &["ConfigMap ", "does not exist"],
        "put that ConfigMap among the manifests, or correct the reference to it",
    ),
    (
        &["ServiceAccount ", "does not exist"],
        "put that ServiceAccount among the manifests, or correct the reference to it",
    ),
    (
        &["has no key"],
        "add that key to the Secret, or correct the reference to it",
    ),
    (
        &["has no entry"],
        "correct the key, or add the entry to the store",
    ),
    (
        &["owned by another ExternalSecret"],
        "give one of the two another target.name",
    ),
    (
        &["ownership"],
        "give it another target.name, or let go of that Secret",
    ),
    (
        &["immutable"],
        "delete the Secret, or leave target.immutable out",
    ),
    (
        &["permission denied"],
        "let the store's role read this path",
    ),
    (&["enied"], "let the store's credential read this path"),
    (&["uthentic"], "check the store's credential"),
    (&["template"], "correct spec.target.template"),
    (&["not served"], "use a backend that is served: vault, fake"),
    (
        &["nreachable"],
        "check the store's address, and that the backend runs",
    ),
];

/// What to do about a condition's message; empty when its words say all there is.
#[must_use]
pub fn cure(message: &str) -> &'static str {
    let fits = |(parts, _): &&(&[&str], &str)| parts.iter().all(|part| message.contains(part));
    CURES.iter().find(fits).map_or("", |(_, cure)| cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_as_the_controller_words_it_has_its_cure() {
        for (message, part) in [
            (
                "SecretStore \"vault\" does not exist; retried",
                "declare that store",
            ),
            (
                "unable to create client: Secret team/token does not exist",
                "put that Secret",
            ),
            ("Secret team/token has no key \"x\"", "add that key"),
            (
                "err: Secret does not exist: no property \"x\"",
                "remoteRef.property",
            ),
            (
                "error processing spec.data[0] (key: k), err: Secret does not exist",
                "remoteRef.key",
            ),
            ("err: the fake store has no entry k", "add the entry"),
            (
                "target is owned by another ExternalSecret",
                "another target.name",
            ),
        ] {
            assert!(cure(message).contains(part), "{message}: {}", cure(message));
        }
        assert_eq!(cure("something nobody thought of"), "");
    }
}
