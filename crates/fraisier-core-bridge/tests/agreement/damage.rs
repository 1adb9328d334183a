//! A document, damaged in every way that a writer, a transport or a bug could.

use serde_json::Value;

/// A document that is no longer what was written.
pub(crate) struct Damaged {
    /// What was done, and where: the same words for every element of an array.
    pub(crate) what: String,
    pub(crate) text: String,
}

/// JSON that keeps the order of keys, and keys that are there twice.
#[derive(Clone)]
enum Node {
    Plain(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    fn new(value: Value) -> Self {
        match value {
            Value::Array(items) => Self::Array(items.into_iter().map(Self::new).collect()),
            Value::Object(entries) => Self::Object(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, Self::new(value)))
                    .collect(),
            ),
            plain => Self::Plain(plain.to_string()),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Array(items) => {
                let items: Vec<String> = items.iter().map(Self::text).collect();
                format!("[{}]", items.join(","))
            }
            Self::Object(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), value.text()))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }
}

/// What can stand in the place of any value.
const OTHERS: [&str; 20] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "2",
    "-1",
    "1.0",
    "0.5",
    "4294967296",
    "1e400",
    "\"\"",
    "\"x\"",
    "\"1\"",
    "\"true\"",
    "\"\\ud800\"",
    "[]",
    "{}",
    "[null]",
    "{\"x\":{\"y\":[1]}}",
];

/// `document`, damaged in every way.
pub(crate) fn damaged(document: &str) -> Vec<Damaged> {
    let value: Value = serde_json::from_str(document).expect("an undamaged document");
    let mut found = damaged_texts(document);
    inside(&Node::new(value), "", &|node| node.text(), &mut found);
    found
}

/// Damages `node`, which stands at `path`; `whole` gives the document with another node there.
fn inside(node: &Node, path: &str, whole: &dyn Fn(Node) -> String, found: &mut Vec<Damaged>) {
    let mut add = |what: String, node: Node| {
        let what = format!("{}: {what}", if path.is_empty() { "." } else { path });
        found.push(Damaged {
            what,
            text: whole(node),
        });
    };
    for other in OTHERS {
        add(format!("is {other}"), Node::Plain(other.to_owned()));
    }
    match node {
        Node::Plain(text) => {
            if text.starts_with('"') {
                add("in capitals".to_owned(), Node::Plain(text.to_uppercase()));
                let spaced = text.replacen('"', "\" ", 1);
                add("with a space".to_owned(), Node::Plain(spaced));
            }
        }
        Node::Array(items) => {
            let with =
                |more: Option<&Node>| Node::Array(items.iter().chain(more).cloned().collect());
            add(
                "one more, null".to_owned(),
                with(Some(&Node::Plain("null".to_owned()))),
            );
            add("the first again".to_owned(), with(items.first()));
            for (index, item) in items.iter().enumerate().take(2) {
                let whole = |node: Node| {
                    let mut items = items.clone();
                    items[index] = node;
                    whole(Node::Array(items))
                };
                inside(item, &format!("{path}[]"), &whole, found);
            }
        }
        Node::Object(entries) => {
            damaged_objects(entries, &mut add);
            for (index, (key, value)) in entries.iter().enumerate() {
                let whole = |node: Node| {
                    let mut entries = entries.clone();
                    entries[index].1 = node;
                    whole(Node::Object(entries))
                };
                inside(value, &format!("{path}.{key}"), &whole, found);
            }
        }
    }
}

fn damaged_objects(entries: &[(String, Node)], add: &mut dyn FnMut(String, Node)) {
    let values = entries.iter().map(|(_, value)| value.clone());
    add(
        "an array of its values".to_owned(),
        Node::Array(values.collect()),
    );
    let mut more = entries.to_vec();
    let unknown = Node::Plain("{\"deep\":[null,{\"a\":1,\"a\":2}]}".to_owned());
    more.push(("a_key_nobody_knows".to_owned(), unknown));
    add("an unknown key".to_owned(), Node::Object(more));
    add(
        "reversed".to_owned(),
        Node::Object(entries.iter().rev().cloned().collect()),
    );
    for (index, (key, value)) in entries.iter().enumerate() {
        let mut without = entries.to_vec();
        without.remove(index);
        add(format!("without {key}"), Node::Object(without));
        let mut renamed = entries.to_vec();
        renamed[index].0 = key.to_uppercase();
        add(format!("{key} in capitals"), Node::Object(renamed));
        for other in ["null", "true", "0", "[]", "{}", "\"x\""] {
            let other_entry = (key.clone(), Node::Plain(other.to_owned()));
            let mut before = entries.to_vec();
            before.insert(index, other_entry.clone());
            add(format!("{key} twice, first {other}"), Node::Object(before));
            let mut after = entries.to_vec();
            after.push(other_entry);
            add(format!("{key} twice, last {other}"), Node::Object(after));
        }
        let mut same = entries.to_vec();
        same.push((key.clone(), value.clone()));
        add(format!("{key} twice, the same"), Node::Object(same));
    }
}

/// Damage to the text as such.
fn damaged_texts(document: &str) -> Vec<Damaged> {
    let mut found = Vec::new();
    let mut add = |what: &str, text: String| {
        found.push(Damaged {
            what: format!("text: {what}"),
            text,
        });
    };
    let ends = document
        .char_indices()
        .map(|(at, _)| at)
        .step_by(1 + document.len() / 300);
    for end in ends {
        add("cut off", document[..end].to_owned());
    }
    add("twice", document.repeat(2));
    for (what, before, after) in [
        ("a byte order mark before it", "\u{feff}", ""),
        ("blanks around it", " \t\r\n", "\n\n "),
        ("a vertical tab before it", "\u{b}", ""),
        ("a comma behind it", "", ","),
        ("a NUL behind it", "", "\0"),
        ("a comment before it", "/* */", ""),
        ("an array around it", "[", "]"),
        ("a string around it", "\"", "\""),
    ] {
        add(what, format!("{before}{document}{after}"));
    }
    for (what, from, to) in [
        ("single quotes", "\"", "'"),
        ("a comma before every end", "}", ",}"),
        ("NaN for true", "true", "NaN"),
        ("Python's True", "true", "True"),
        ("None for null", "null", "None"),
        ("no commas", ",", " "),
        ("equals signs", ":", "="),
    ] {
        if document.contains(from) {
            add(what, document.replace(from, to));
        }
    }
    if let Some(rest) = document.strip_prefix('{') {
        for depth in [100, 126, 127, 128, 300] {
            let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            let comma = if rest == "}" { "" } else { "," };
            add(
                &format!("an unknown key {depth} deep"),
                format!("{{\"unknown\":{deep}{comma}{rest}"),
            );
        }
    }
    found
}
