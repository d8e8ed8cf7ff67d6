//! Shell. Tests of reading the audit device.

use super::{VaultRequestKind, kind};

#[test]
fn paths_tell_what_a_request_was_for() {
    for (path, expected) in [
        ("auth/approle/login", VaultRequestKind::Login),
        ("auth/team/a/login", VaultRequestKind::Login),
        ("auth/userpass/login/somebody", VaultRequestKind::Login),
        ("auth/token/renew-self", VaultRequestKind::Token),
        ("auth/approle/role/a/secret-id", VaultRequestKind::System),
        ("sys/mounts", VaultRequestKind::System),
        ("secret/data/login", VaultRequestKind::Engine),
    ] {
        assert_eq!(kind(path), expected, "{path}");
    }
}
