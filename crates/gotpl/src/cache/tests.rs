//! Pure. What the cache keeps, what it tells apart, and that it stays bounded.
use super::*;

const KEY: Key<'static> = Key {
    name: "t",
    left: "",
    right: "",
    missing_key: MissingKey::Error,
};

fn cache(bound: usize) -> Cache {
    Cache::new(bound, Registry::eso(), Limits::default())
}

#[test]
fn a_source_is_parsed_once() {
    let cache = cache(1 << 20);
    let first = cache.get(&KEY, b"{{.a}}").unwrap();
    for _ in 0..10 {
        assert!(Arc::ptr_eq(&first, &cache.get(&KEY, b"{{.a}}").unwrap()));
    }
    assert_eq!((cache.parsed(), cache.held()), (1, 1));
}

#[test]
fn whatever_changes_the_meaning_is_told_apart() {
    let cache = cache(1 << 20);
    let others = [
        (Key { name: "u", ..KEY }, b"{{.a}}".as_slice()),
        (Key { left: "{{", ..KEY }, b"{{.a}}"),
        (
            Key {
                left: "<<",
                right: ">>",
                ..KEY
            },
            b"{{.a}}",
        ),
        (
            Key {
                missing_key: MissingKey::Zero,
                ..KEY
            },
            b"{{.a}}",
        ),
        (KEY, b"{{.b}}"),
    ];
    let first = cache.get(&KEY, b"{{.a}}").unwrap();
    for (key, source) in others {
        let other = cache.get(&key, source).unwrap();
        assert!(!Arc::ptr_eq(&first, &other), "{key:?}");
        assert_eq!((other.name(), other.source()), (key.name, source));
    }
    assert_eq!(cache.parsed(), 6);
}

#[test]
fn a_source_that_does_not_parse_is_not_kept() {
    let cache = cache(1 << 20);
    for _ in 0..3 {
        assert!(cache.get(&KEY, b"{{").is_err());
    }
    assert_eq!((cache.parsed(), cache.held()), (0, 0));
}

#[test]
fn the_bound_holds_and_what_is_used_stays() {
    let room = 64;
    let cache = cache(room * (OVERHEAD + 16 * 8));
    let hot = cache.get(&KEY, b"{{.hot}}").unwrap();
    for i in 1000..3000 {
        let source = format!("{{{{{i}}}}}");
        cache.get(&KEY, source.as_bytes()).unwrap();
        assert!(cache.held() <= room, "{} held", cache.held());
        assert!(Arc::ptr_eq(&hot, &cache.get(&KEY, b"{{.hot}}").unwrap()));
    }
    assert_eq!(cache.parsed(), 2001);
    // One that would fill half of it alone is executed and not kept.
    let large = vec![b'x'; room * OVERHEAD];
    let before = cache.held();
    cache.get(&KEY, &large).unwrap();
    assert_eq!(cache.held(), before);
}
