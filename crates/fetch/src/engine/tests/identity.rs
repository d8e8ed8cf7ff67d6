//! Pure. The attack on identities: nothing that one has read, or been denied, reaches another.

use super::*;
use crate::Credential;

/// Identities that differ in one part each; all else, the endpoint and the key too, is equal.
fn identities() -> Vec<Identity> {
    let secret = |version: &str| Credential::Object {
        uid: "u".into(),
        resource_version: version.into(),
    };
    let account = |audience: &str| Credential::ServiceAccount {
        uid: "u".into(),
        audiences: vec![audience.into()],
    };
    vec![
        Identity::new("s", 1, vec![], None),
        Identity::new("t", 1, vec![], None),
        Identity::new("s", 2, vec![], None),
        Identity::new("s", 1, vec![], Some("a")),
        Identity::new("s", 1, vec![], Some("b")),
        Identity::new("s", 1, vec![], Some("")),
        Identity::new("s", 1, vec![secret("1")], None),
        Identity::new("s", 1, vec![secret("2")], None),
        Identity::new("s", 1, vec![secret("1"), secret("1")], None),
        Identity::new("s", 1, vec![account("1")], None),
        Identity::new("s", 1, vec![account("2")], None),
        Identity::new("s1", 1, vec![], None),
    ]
}

fn read_as(identity: &Identity, key: &str) -> Read {
    let source = Source {
        identity: identity.clone(),
        ..source()
    };
    Read {
        source,
        ..read(key, Lane::Fresh)
    }
}

#[test]
fn every_identity_makes_its_own_call_and_sees_its_own_answer() {
    let mut calls = 0;
    let mut world = World::new(move |_, _| {
        calls += 1;
        Ok(format!("answer {calls}"))
    });
    let asked: Vec<_> = identities()
        .iter()
        .map(|i| world.read("o", vec![read_as(i, "k")]))
        .collect();
    world.pass(secs(1));
    let texts: BTreeSet<String> = asked.iter().map(|run| text(&world.done[run][0])).collect();
    assert_eq!(
        (world.made.len(), texts.len()),
        (identities().len(), identities().len())
    );
    // Held values serve the same identity only.
    for (identity, run) in identities().iter().zip(asked) {
        let again = world
            .engine
            .read(&"p".into(), vec![read_as(identity, "k")], world.now);
        let Reading::Done(answers) = again else {
            panic!("{identity:?} was asked again");
        };
        assert_eq!(text(&answers[0]), text(&world.done[&run][0]));
    }
}

#[test]
fn a_denial_is_remembered_for_the_denied_alone() {
    let mut calls = 0;
    let mut world = World::new(move |_, _| {
        calls += 1;
        if calls == 1 {
            Err(ErrorKind::Denied)
        } else {
            Ok("yes".into())
        }
    });
    let [denied, allowed] = [&identities()[3], &identities()[4]].map(|i| read_as(i, "k"));
    assert_eq!(
        failure(&world.get("o", denied.clone())).kind,
        ErrorKind::Denied
    );
    assert_eq!(text(&world.get("o", allowed)), "yes");
    assert_eq!(failure(&world.get("o", denied)).kind, ErrorKind::Denied);
    assert_eq!(world.made.len(), 2);
}

#[test]
fn one_identity_is_no_witness_for_another() {
    let mut world = World::new(|key, _| match key {
        "gone" => Err(ErrorKind::NotFound),
        key => Ok(key.to_owned()),
    });
    let [mine, theirs] = [identities()[3].clone(), identities()[4].clone()];
    let _ = world.get("o", read_as(&theirs, "other"));
    let absent = world.get("o", read_as(&mine, "gone"));
    assert_eq!(failure(&absent).absence.map(|a| a.confirmed), Some(false));
    let absent = world.get("o", read_as(&theirs, "gone"));
    assert_eq!(failure(&absent).absence.map(|a| a.confirmed), Some(true));
}

#[test]
fn a_change_seen_by_one_identity_wakes_nobody_of_another() {
    let mut world = World::plain();
    for (n, identity) in identities().iter().take(5).enumerate() {
        let source = Source {
            identity: identity.clone(),
            ..source()
        };
        let _ = world.get(&format!("o{n}"), read_as(identity, "k"));
        world.subscribe(&format!("o{n}"), vec![on(&source, "k", Some("k"))], 3600);
    }
    world.script = Box::new(|_, _| Ok("new".into()));
    let forced = Read {
        not_before: Some(world.now),
        ..read_as(&identities()[2], "k")
    };
    let _ = world.get("somebody", forced);
    assert_eq!(world.wakes(), [("o2".to_owned(), Cause::Changed)]);
}

#[test]
fn the_parts_of_a_key_keep_answers_apart() {
    let mut calls = 0;
    let mut world = World::new(move |_, _| {
        calls += 1;
        Ok(calls.to_string())
    });
    let plain = RemoteKey::latest("k");
    let version = RemoteKey {
        version: Some("1".into()),
        ..plain.clone()
    };
    let metadata = RemoteKey {
        metadata: true,
        ..plain.clone()
    };
    let property = RemoteKey {
        property: Some("p".into()),
        ..plain.clone()
    };
    for (n, key) in [plain, version, metadata, property].into_iter().enumerate() {
        let answer = world.get(
            "o",
            Read {
                key,
                ..read("", Lane::Fresh)
            },
        );
        assert_eq!(text(&answer), (n + 1).to_string());
    }
}
