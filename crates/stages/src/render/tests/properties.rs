//! Pure. Laws of JSON that holds secrets.

use proptest::prelude::*;
use serde_json::Value;

use crate::render::*;

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Written as Go does, an object is still the same object.
    #[test]
    fn canonical_json_means_the_same(
        map in proptest::collection::btree_map(any::<String>(), json_value(), 0..5)
    ) {
        let object = Value::Object(map.into_iter().collect());
        let pretty = serde_json::to_string_pretty(&object).unwrap();
        let once = json::canonical(&SecretValue::from(pretty)).unwrap();
        let back: Value = serde_json::from_slice(once.expose()).unwrap();
        prop_assert_eq!(&back, &object);
        prop_assert_eq!(json::canonical(&once).unwrap(), once);
    }

    /// Every property of an object is found under its exact key.
    #[test]
    fn exact_keys_are_found(
        map in proptest::collection::btree_map("\\PC{1,8}", any::<String>(), 1..5)
    ) {
        let object = SecretValue::from(serde_json::to_string(&map).unwrap());
        for (key, value) in &map {
            let found = property::lookup(Dialect::Object, &object, key).unwrap();
            prop_assert_eq!(found, Some(SecretValue::from(value.as_str())));
        }
    }
}
