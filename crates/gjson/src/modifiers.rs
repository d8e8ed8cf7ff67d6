//! Pure. The built-in modifiers, `@name:argument`.

use std::collections::BTreeMap;

use crate::{
    budget::LimitError,
    eval::Eval,
    list::List,
    members::{Member, Members, flag},
    pretty,
    scan::{trim, trim_space},
    string,
    text::{Buf, Text},
    valid,
    value::Value,
};

/// A modifier: makes a document of a document and an argument.
pub(crate) type Modifier = for<'j> fn(&mut Eval, &'j [u8], &[u8]) -> Result<Text<'j>, LimitError>;

/// Bytes that bookkeeping for one member takes, on the account of what is produced.
const MEMBER_COST: usize = 48;

/// Returns the modifier of that name.
pub(crate) fn named(name: &[u8]) -> Option<Modifier> {
    Some(match name {
        b"this" => this,
        b"valid" => checked,
        b"pretty" => pretty::pretty,
        b"ugly" => pretty::ugly,
        b"reverse" => reverse,
        b"flatten" => flatten,
        b"join" => join,
        b"keys" => keys,
        b"values" => values,
        b"tostr" => to_string,
        b"fromstr" => from_string,
        b"group" => group,
        b"dig" => dig,
        _ => return None,
    })
}

/// `@this`: the document as it is.
fn this<'j>(_: &mut Eval, json: &'j [u8], _: &[u8]) -> Result<Text<'j>, LimitError> {
    Ok(Text::part(json))
}

/// `@valid`: the document if it is valid.
fn checked<'j>(_: &mut Eval, json: &'j [u8], _: &[u8]) -> Result<Text<'j>, LimitError> {
    Ok(if valid::is_valid(json) {
        Text::part(json)
    } else {
        Text::default()
    })
}

/// `@reverse`: the elements or members from the last to the first.
fn reverse<'j>(eval: &mut Eval, json: &'j [u8], _: &[u8]) -> Result<Text<'j>, LimitError> {
    let Some(block) = block(json) else {
        return Ok(Text::part(json));
    };
    let mut members = Vec::new();
    for member in Members::of(block) {
        eval.budget.produce(MEMBER_COST)?;
        members.push(member);
    }
    let object = block.first() == Some(&b'{');
    let mut out = Buf::with_capacity(block.len());
    out.append(if object { b"{" } else { b"[" });
    for (i, member) in members.iter().rev().enumerate() {
        put_member(&mut out, i > 0, member, eval)?;
    }
    out.append(if object { b"}" } else { b"]" });
    Ok(Text::owned(out))
}

fn put_member(
    out: &mut Buf,
    comma: bool,
    member: &Member<'_>,
    eval: &mut Eval,
) -> Result<(), LimitError> {
    if comma {
        out.put(b",", &mut eval.budget)?;
    }
    if !member.key.is_empty() {
        out.put(member.key, &mut eval.budget)?;
        out.put(b":", &mut eval.budget)?;
    }
    out.put(member.raw, &mut eval.budget)
}

/// `@flatten`: the elements of inner arrays in place of these; with `deep` of all of them.
fn flatten<'j>(eval: &mut Eval, json: &'j [u8], arg: &[u8]) -> Result<Text<'j>, LimitError> {
    let Some(array) = block(json).filter(|block| block.first() == Some(&b'[')) else {
        return Ok(Text::part(json));
    };
    let deep = flag(arg, b"deep");
    let mut list = List::new();
    let mut open = vec![Members::of(array)];
    while let Some(members) = open.last_mut() {
        let Some(member) = members.next() else {
            open.pop();
            continue;
        };
        if member.is_array() && deep {
            eval.budget.scan(member.raw.len())?;
            eval.budget.produce(MEMBER_COST)?;
            open.push(Members::of(member.raw));
            continue;
        }
        let raw = if member.is_array() {
            trim_space(unwrapped(member.raw))
        } else {
            trim_space(member.raw)
        };
        if !raw.is_empty() {
            list.push(raw, eval)?;
        }
    }
    Ok(list.close(eval)?.into_raw())
}

/// Returns what stands between the brackets; a lone bracket stays.
fn unwrapped(block: &[u8]) -> &[u8] {
    let block = trim(block);
    match block {
        [_, inner @ .., _] => inner,
        _ => block,
    }
}

/// `@join`: the members of all objects of an array in one object. The last value of a key
/// counts, or all with `preserve`.
fn join<'j>(eval: &mut Eval, json: &'j [u8], arg: &[u8]) -> Result<Text<'j>, LimitError> {
    let Some(array) = block(json).filter(|block| block.first() == Some(&b'[')) else {
        return Ok(Text::part(json));
    };
    let mut out = Buf::new();
    out.append(b"{");
    let objects = Members::of(array).filter(Member::is_object);
    if flag(arg, b"preserve") {
        for (i, object) in objects.enumerate() {
            if i > 0 {
                out.put(b",", &mut eval.budget)?;
            }
            out.put(unwrapped(object.raw), &mut eval.budget)?;
        }
    } else {
        let mut places: BTreeMap<Text<'_>, usize> = BTreeMap::new();
        let mut joined: Vec<Member<'_>> = Vec::new();
        for member in objects.flat_map(|object| Members::of(object.raw)) {
            eval.budget.produce(2 * MEMBER_COST)?;
            let place = *places
                .entry(crate::value::decoded(member.key))
                .or_insert(joined.len());
            match joined.get_mut(place) {
                Some(earlier) => earlier.raw = member.raw,
                None => joined.push(member),
            }
        }
        for (i, member) in joined.iter().enumerate() {
            put_member(&mut out, i > 0, member, eval)?;
        }
    }
    out.put(b"}", &mut eval.budget)?;
    Ok(Text::owned(out))
}

/// `@keys`: the keys of an object; a `null` for everything that has none.
fn keys<'j>(eval: &mut Eval, json: &'j [u8], _: &[u8]) -> Result<Text<'j>, LimitError> {
    let mut list = List::new();
    match block(json) {
        Some(block) => {
            for member in Members::of(block) {
                let keyed = block.first() == Some(&b'{');
                list.push(if keyed { member.key } else { b"null" }, eval)?;
            }
        }
        None if Value::parse(json).exists() => list.push(b"null", eval)?,
        None => {}
    }
    Ok(list.close(eval)?.into_raw())
}

/// `@values`: the values of an object; an array as it is.
fn values<'j>(eval: &mut Eval, json: &'j [u8], _: &[u8]) -> Result<Text<'j>, LimitError> {
    let mut list = List::new();
    match block(json) {
        Some([b'[', ..]) => return Ok(Text::part(json)),
        Some(block) => {
            for member in Members::of(block) {
                list.push(member.raw, eval)?;
            }
        }
        None => {
            let value = Value::parse(json);
            if value.exists() {
                list.push(value.raw(), eval)?;
            }
        }
    }
    Ok(list.close(eval)?.into_raw())
}

/// `@tostr`: the document as a JSON string.
fn to_string<'j>(eval: &mut Eval, json: &'j [u8], _: &[u8]) -> Result<Text<'j>, LimitError> {
    let mut out = Buf::with_capacity(json.len() + 2);
    string::quote(json, &mut out, &mut eval.budget)?;
    Ok(Text::owned(out))
}

/// `@fromstr`: the document that a JSON string holds.
fn from_string<'j>(eval: &mut Eval, json: &'j [u8], _: &[u8]) -> Result<Text<'j>, LimitError> {
    if !valid::is_valid(json) {
        return Ok(Text::default());
    }
    eval.budget.produce(json.len())?;
    Ok(Value::parse(json).into_text())
}

/// `@group`: an array of objects, of an object of arrays.
fn group<'j>(eval: &mut Eval, json: &'j [u8], _: &[u8]) -> Result<Text<'j>, LimitError> {
    let Some(object) = block(json).filter(|block| block.first() == Some(&b'{')) else {
        return Ok(Text::default());
    };
    let mut groups: Vec<Buf> = Vec::new();
    for array in Members::of(object).filter(Member::is_array) {
        for (i, member) in Members::of(array.raw).enumerate() {
            if i == groups.len() {
                eval.budget.produce(MEMBER_COST)?;
                groups.push(Buf::new());
            }
            if let Some(group) = groups.get_mut(i) {
                let member = Member {
                    key: array.key,
                    ..member
                };
                put_member(group, !group.is_empty(), &member, eval)?;
            }
        }
    }
    let mut out = Buf::new();
    out.append(b"[");
    for (i, group) in groups.iter().enumerate() {
        out.put(if i > 0 { b",{" } else { b"{" }, &mut eval.budget)?;
        out.put(group, &mut eval.budget)?;
        out.put(b"}", &mut eval.budget)?;
    }
    out.put(b"]", &mut eval.budget)?;
    Ok(Text::owned(out))
}

/// `@dig`: what a path finds in the document and everything inside it, outermost first.
fn dig<'j>(eval: &mut Eval, json: &'j [u8], path: &[u8]) -> Result<Text<'j>, LimitError> {
    let mut list = List::new();
    let root = Value::parse(json);
    dig_one(eval, root.raw(), path, &mut list)?;
    let mut open: Vec<Members<'_>> = block(json).map(Members::of).into_iter().collect();
    while let Some(members) = open.last_mut() {
        let Some(member) = members.next() else {
            open.pop();
            continue;
        };
        dig_one(eval, member.raw, path, &mut list)?;
        if member.is_array() || member.is_object() {
            eval.budget.produce(MEMBER_COST)?;
            eval.budget.scan(member.raw.len())?;
            open.push(Members::of(member.raw));
        }
    }
    Ok(list.close(eval)?.into_raw())
}

fn dig_one(eval: &mut Eval, raw: &[u8], path: &[u8], list: &mut List) -> Result<(), LimitError> {
    let found = eval.get(raw, path)?;
    if found.exists() {
        list.push(found.raw(), eval)
    } else {
        Ok(())
    }
}

/// Returns the document from its first byte on, if that begins an object or array.
fn block(json: &[u8]) -> Option<&[u8]> {
    let start = json.iter().position(|b| *b > b' ')?;
    json.get(start..)
        .filter(|json| matches!(json.first(), Some(b'{' | b'[')))
}
