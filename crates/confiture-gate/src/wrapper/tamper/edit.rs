//! Changes of a document, one at a time.

use serde_json::Value;

use super::act::Act;
use super::ordered::Ordered;

/// The document after `act`.
pub(super) fn edited(act: &Act, mut document: Ordered) -> Ordered {
    match act {
        Act::ReverseKeys => reverse_keys(&mut document),
        Act::Drop(path)
        | Act::Rename(path, _)
        | Act::Retype(path)
        | Act::Double(path, _)
        | Act::Set(path, _) => {
            let parts: Vec<&str> = path.split('.').collect();
            at(&mut document, &parts, &mut |fields, key| {
                field(act, fields, key);
            });
        }
        Act::Add(path, key, value) => within(&mut document, path, &mut |found| {
            if let Ordered::Object(fields) = found {
                fields.push((key.clone(), value.clone().into()));
            }
        }),
        Act::Push(path, value) => within(&mut document, path, &mut |found| {
            if let Ordered::List(values) = found {
                values.push(value.clone().into());
            }
        }),
        Act::Reverse(path) => within(&mut document, path, &mut |found| {
            if let Ordered::List(values) = found {
                values.reverse();
            }
        }),
        _ => {}
    }
    document
}

/// Changes one field of an object.
fn field(act: &Act, fields: &mut Vec<(String, Ordered)>, key: &str) {
    let Some(place) = fields.iter().position(|(name, _)| name == key) else {
        return;
    };
    match act {
        Act::Drop(_) => {
            fields.remove(place);
        }
        Act::Rename(_, to) => fields[place].0.clone_from(to),
        Act::Retype(_) => fields[place].1 = retyped(&fields[place].1),
        Act::Set(_, value) => fields[place].1 = value.clone().into(),
        Act::Double(_, value) => {
            fields.insert(place + 1, (key.to_owned(), value.clone().into()));
        }
        _ => {}
    }
}

/// The value as another JSON type.
fn retyped(value: &Ordered) -> Ordered {
    match value {
        Ordered::Leaf(Value::String(_)) => Ordered::Leaf(17.into()),
        Ordered::Leaf(leaf) => Ordered::Leaf(leaf.to_string().into()),
        Ordered::List(_) | Ordered::Object(_) => Ordered::Leaf("something".into()),
    }
}

type Edit<'a> = dyn FnMut(&mut Vec<(String, Ordered)>, &str) + 'a;

/// Calls `edit` with each object that holds the last part of the path.
fn at(value: &mut Ordered, parts: &[&str], edit: &mut Edit<'_>) {
    let Some((first, rest)) = parts.split_first() else {
        return;
    };
    if let Ordered::List(values) = value {
        for value in values {
            at(value, parts, edit);
        }
        return;
    }
    let Ordered::Object(fields) = value else {
        return;
    };
    let key = first.trim_end_matches("[]");
    if rest.is_empty() {
        edit(fields, key);
        return;
    }
    for (_, value) in fields.iter_mut().filter(|(name, _)| name == key) {
        at(value, rest, edit);
    }
}

/// Calls `edit` with each value at the path; the empty path is the document itself.
fn within(value: &mut Ordered, path: &str, edit: &mut dyn FnMut(&mut Ordered)) {
    if let Some((first, rest)) = path
        .split_once('.')
        .or((!path.is_empty()).then_some((path, "")))
    {
        match value {
            Ordered::List(values) => {
                for value in values {
                    within(value, path, edit);
                }
            }
            Ordered::Object(fields) => {
                let key = first.trim_end_matches("[]");
                let each = first.ends_with("[]");
                for (_, value) in fields.iter_mut().filter(|(name, _)| name == key) {
                    match value {
                        Ordered::List(values) if each => {
                            for value in values {
                                within(value, rest, edit);
                            }
                        }
                        value => within(value, rest, edit),
                    }
                }
            }
            Ordered::Leaf(_) => {}
        }
    } else {
        edit(value);
    }
}

fn reverse_keys(value: &mut Ordered) {
    match value {
        Ordered::Object(fields) => {
            fields.reverse();
            for (_, value) in fields {
                reverse_keys(value);
            }
        }
        Ordered::List(values) => values.iter_mut().for_each(reverse_keys),
        Ordered::Leaf(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const REPORT: &str = r#"{"ok": true, "set": {"changes": [{"tier": "a"}, {"tier": "b"}]}}"#;

    fn after(act: &Act) -> String {
        edited(act, serde_json::from_str(REPORT).unwrap()).to_string()
    }

    #[test]
    fn each_change_reaches_its_place() {
        let tier = || "set.changes[].tier".to_owned();
        for (act, expected) in [
            (
                Act::Drop(tier()),
                r#"{"ok": true, "set": {"changes": [{}, {}]}}"#,
            ),
            (
                Act::Rename("ok".to_owned(), "OK".to_owned()),
                r#"{"OK": true, "set": {"changes": [{"tier": "a"}, {"tier": "b"}]}}"#,
            ),
            (
                Act::Double("ok".to_owned(), json!(false)),
                r#"{"ok": true, "ok": false, "set": {"changes": [{"tier": "a"}, {"tier": "b"}]}}"#,
            ),
            (
                Act::Add("set.changes[]".to_owned(), "x".to_owned(), json!(1)),
                r#"{"ok": true, "set": {"changes": [{"tier": "a", "x": 1}, {"tier": "b", "x": 1}]}}"#,
            ),
            (
                Act::Add(String::new(), "x".to_owned(), json!(1)),
                r#"{"ok": true, "set": {"changes": [{"tier": "a"}, {"tier": "b"}]}, "x": 1}"#,
            ),
            (
                Act::Reverse("set.changes".to_owned()),
                r#"{"ok": true, "set": {"changes": [{"tier": "b"}, {"tier": "a"}]}}"#,
            ),
            (
                Act::ReverseKeys,
                r#"{"set": {"changes": [{"tier": "a"}, {"tier": "b"}]}, "ok": true}"#,
            ),
            (
                Act::Retype("ok".to_owned()),
                &REPORT.replace("true", "\"true\""),
            ),
            (Act::Compact, REPORT),
        ] {
            assert_eq!(after(&act), expected);
        }
    }
}
