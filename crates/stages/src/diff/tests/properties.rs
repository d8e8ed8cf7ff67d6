//! Pure. The patch makes of any Secret what is wished.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::{apply, check_settled, label, wish};
use crate::diff::*;
use crate::testing::*;

type Data = BTreeMap<String, String>;

fn map() -> impl Strategy<Value = Data> {
    proptest::collection::btree_map("[a-d/~]{1,2}", "[x-z\"\\\\]{0,2}", 0..5)
}

fn slices(data: &Data) -> Vec<(&str, &str)> {
    data.iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect()
}

proptest! {
    /// Whatever is there, the patch makes it what is wished, and a second look writes nothing.
    #[test]
    fn the_patch_reaches_the_wish(
        found in map(),
        wished in map(),
        labels in proptest::collection::btree_map("l[a-d/~]{1,2}", "[x-z]{0,2}", 0..5),
        bare in any::<bool>(),
        policy in proptest::sample::select(vec!["Owner", "Orphan", "CreateOrMerge", "Merge"]),
    ) {
        let mut live = handmade(&slices(&found));
        live.metadata.labels = (!bare).then(|| labels.clone());
        if bare {
            live.data = None;
        }
        let observed = simple(json!({ "creationPolicy": policy })).found(&live);
        let change = diff(&wish(&slices(&wished)), &observed);
        let (_, after) = apply(&change, Some(&live));
        let after = after.unwrap();
        let mut expected = if policy.ends_with("Merge") && !bare {
            found
        } else {
            Data::new()
        };
        expected.extend(wished.clone());
        prop_assert_eq!(data(&after), expected);
        for (name, value) in labels.iter().filter(|_| !bare) {
            prop_assert_eq!(label(&after, name), Some(value.as_str()));
        }
        check_settled(policy, &after, &slices(&wished));
    }
}
