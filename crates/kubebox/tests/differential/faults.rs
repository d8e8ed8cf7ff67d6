//! Pure. Ways to break an object or its text.

use serde_json::{Value, json};

use super::dice::Dice;

/// Breaks an object in one random way.
pub fn spoil(dice: &mut Dice, object: &mut Value) {
    let meta = &mut object["metadata"];
    match dice.below(34) {
        0 => meta["labels"] = json!({ "bad key": "v" }),
        1 => meta["labels"] = json!({ "app": "not/ok", "-x": "-" }),
        2 => meta["labels"] = json!({ "app": "x".repeat(64) }),
        3 => meta["labels"] = json!({ "a/b/c": "v", "/x": "v", "X.io/y": "v" }),
        4 => meta["annotations"] = json!({ "bad key": "v" }),
        5 => meta["annotations"] = json!({ "x.io/note": "x".repeat(262_145) }),
        6 => meta["finalizers"] = json!(["unqualified"]),
        7 => meta["finalizers"] = json!(["x.io/a b", "x.io/hold"]),
        8 => meta["ownerReferences"] = json!([{ "apiVersion": "v1", "kind": "X", "name": "x" }]),
        9 => {
            let one = json!({ "apiVersion": "v1", "kind": "X", "name": "x", "uid": "u",
                "controller": true });
            meta["ownerReferences"] = json!([one, one]);
        }
        10 => {
            meta["ownerReferences"] = json!([{ "apiVersion": "v1", "kind": "Event", "name": "e",
            "uid": "u" }])
        }
        11 => {
            meta["name"] = dice
                .pick(&["Bad_Name", "-x", "a..b", "x.", "ü", "a/b", ".."])
                .into()
        }
        12 => meta["name"] = "x".repeat(254).into(),
        13 => meta["namespace"] = dice.pick(&["other", "Bad_Ns"]).into(),
        14 => meta["resourceVersion"] = dice.pick(&["5", "x", "99999999"]).into(),
        15 => meta["uid"] = "00000000-2222-4333-8444-555555555555".into(),
        16 => meta["managedFields"] = json!([{ "manager": "x", "operation": "Wrong" }]),
        17 => meta["managedFields"] = json!([]),
        18 => meta["generation"] = dice.pick(&[7, -1]).into(),
        19 => meta["creationTimestamp"] = dice.pick(&["2020-01-01T00:00:00Z", "x"]).into(),
        20 => meta["deletionTimestamp"] = "2020-01-01T00:00:00Z".into(),
        21 => meta["labels"] = dice.pick_value(&[json!("x"), json!([]), json!({ "a": 1 })]),
        22 => meta["unknownMeta"] = 1.into(),
        23 => object["unknownTop"] = json!({ "deep": [1] }),
        24 => object["apiVersion"] = dice.pick(&["v2", "apps/v1", "a/b/c", ""]).into(),
        25 => object["kind"] = dice.pick(&["Other", "", "secret"]).into(),
        26 => remove(object, "kind"),
        27 => remove(object, "apiVersion"),
        28 => object["data"] = dice.pick_value(&[json!(5), json!([1]), json!({ "k": 5 })]),
        29 => object["data"] = json!({ "bad key": "dg==", "..": "dg==", "k": "not base64" }),
        30 => object["spec"] = dice.pick_value(&[json!(5), json!("x"), json!({}), json!([])]),
        31 => object["spec"]["unknownSpec"] = json!({ "a": null }),
        32 => object["metadata"] = dice.pick_value(&[json!(null), json!(5), json!([])]),
        _ => nulls(object),
    }
}

fn remove(object: &mut Value, key: &str) {
    object.as_object_mut().unwrap().remove(key);
}

fn nulls(object: &mut Value) {
    object["metadata"]["labels"] = json!({ "app": null });
    object["metadata"]["annotations"] = Value::Null;
    object["data"] = json!({ "k": null });
    object["type"] = Value::Null;
}

/// Breaks a text in one random way: fields that stand twice, or no JSON at all.
pub fn spoil_text(dice: &mut Dice, text: &str) -> String {
    let once = |from: &str, to: &str| text.replacen(from, to, 1);
    match dice.below(9) {
        0 => once("{", r#"{"kind":"First","#),
        1 => once(r#""metadata":{"#, r#""metadata":{"name":"first","#),
        2 => once(
            r#""metadata":{"#,
            r#""metadata":{"labels":{"l":"1","l":"2"},"#,
        ),
        3 => once("{", r#"{"data":{"first":"dg=="},"#),
        4 => once(r#""spec":{"#, r#""spec":{"twice":1,"twice":2,"#),
        5 => once(r#""data":{"#, r#""data":{"user":"Zmlyc3Q=","a":"first","#),
        6 => text[..text.len() / 2].to_owned(),
        7 => format!("{text} trailing"),
        _ => dice
            .pick(&["", "null", "[]", "5", "\"x\"", "{}", "{]"])
            .to_owned(),
    }
}

impl Dice {
    pub fn pick_value(&mut self, list: &[Value]) -> Value {
        list[self.below(list.len())].clone()
    }
}
