//! Generates SQL files in and around the language of the window guard.

use std::collections::{BTreeMap, VecDeque};
use std::sync::LazyLock;

use contract_catalogue::random::Random;

/// A name of the grammar, and its expansions: those that the guard recognises, and others.
type Rule = (&'static str, [Vec<String>; 2]);

/// The head of the file explains its format.
static GRAMMAR: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let mut grammar: Vec<Rule> = Vec::new();
    let lines = include_str!("grammar.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#')) {
        let choices = |text: &str| {
            let choices = text.trim().split(" | ");
            choices
                .map(|it| it.replace('ε', "").replace('␤', "\n"))
                .collect()
        };
        match (line.split_once(": "), grammar.last_mut()) {
            (_, Some((_, [_, other]))) if line.starts_with(' ') => *other = choices(line),
            (Some((name, plain)), _) => grammar.push((name, [choices(plain), Vec::new()])),
            _ => panic!("not a line of a grammar: {line}"),
        }
    }
    grammar
});

/// What separates two tokens: mostly a blank.
const BLANKS: &[&str] = &[
    "\n",
    "\t",
    "\r\n",
    "\x0c",
    "  ",
    "/* c */",
    "/**/",
    "-- c\n",
    "--\r",
    "--'\n",
    "/*'*/",
    "/* ; */",
    "/* -- */ ",
    "",
    "",
    "/* /* */ */",
    "/*/**/*/",
    "\x0b",
    "\u{a0}",
    "\u{feff}",
    "\u{2028}",
    ";",
];

/// What a mutation inserts.
const FRAGMENTS: &[&str] = &[
    "'", "\"", "''", "\\", "$", "$$", ";", "--", "/*", "*/", "(", ")", "[", "]", ",", ".", "::",
    ":", "=", "=>", "@", "+", "-", "*", "/", "%", "<", "|", "&", "e", "E'", "u&'", "n'", "_", "0",
    "1", "é", "\n", "\r", " ", "\t", "{", "?", "#", "`", "~", "!", "^",
];

/// How many recognised files with the same beginning are remembered.
const REMEMBERED: usize = 512;

/// How long the compared beginning is, in bytes.
const BEGINNING: usize = 9;

/// The largest file that is made from others, in bytes.
const LONGEST: usize = 600;

/// Makes new files from the grammar, and others from files that were recognised.
pub(super) struct Generator {
    random: Random,
    keywords: Vec<String>,
    /// How plain the current file is: one choice in this many is of something that the guard does not
    /// recognise.
    plain: usize,
    /// The remembered files by their beginnings, so that the most easily recognised kinds of statement do
    /// not displace the others.
    recognised: BTreeMap<String, VecDeque<String>>,
}

impl Generator {
    pub(super) fn new(seed: u64, keywords: Vec<String>) -> Self {
        Self {
            random: Random(seed),
            keywords,
            plain: 1,
            recognised: BTreeMap::new(),
        }
    }

    /// The next file.
    pub(super) fn file(&mut self) -> String {
        self.plain = [3, 10, 30, 100][self.random.below(4)];
        if self.recognised.is_empty() || self.random.below(2) == 0 {
            let mut file = String::new();
            self.expand("FILE", &mut file);
            return file;
        }
        let mut file = self.remembered();
        for _ in 0..=self.random.below(3) {
            self.mutate(&mut file);
        }
        file
    }

    /// Remembers a file that was recognised, to make others from it.
    pub(super) fn remember(&mut self, file: String) {
        let beginning: String = file.chars().take(BEGINNING).collect();
        let beginning = beginning.to_ascii_lowercase();
        let plain = beginning
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b == b' ');
        if file.len() > LONGEST || beginning.len() < BEGINNING || !plain {
            return;
        }
        let alike = self.recognised.entry(beginning).or_default();
        if alike.len() == REMEMBERED {
            alike.pop_front();
        }
        alike.push_back(file);
    }

    fn remembered(&mut self) -> String {
        let beginning = self.random.below(self.recognised.len());
        let alike = self
            .recognised
            .values()
            .nth(beginning)
            .expect("it is there");
        alike[self.random.below(alike.len())].clone()
    }

    fn expand(&mut self, token: &str, file: &mut String) {
        if let Some((_, [plain, other])) = GRAMMAR.iter().find(|(name, _)| *name == token) {
            let choices = if !other.is_empty() && self.random.below(self.plain) == 0 {
                other
            } else {
                plain
            };
            for token in self.random.choose(choices).split(' ') {
                self.expand(token, file);
            }
            return;
        }
        if !file.is_empty() {
            let blank = match self.random.below(self.plain) {
                0 => self.random.choose(BLANKS),
                _ => " ",
            };
            file.push_str(blank);
        }
        match token {
            "KEYWORD" => file.push_str(&self.keyword()),
            token => file.push_str(token),
        }
    }

    fn keyword(&mut self) -> String {
        let at = self.random.below(self.keywords.len());
        self.keywords[at].clone()
    }

    fn mutate(&mut self, file: &mut String) {
        let (from, to) = (self.place(file), self.place(file));
        let (from, to) = (from.min(to), from.max(to));
        let word = |text: &str, at: usize| {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let start = text[..at].rfind(|c| !is_word(c));
            let start = start.map_or(0, |it| {
                it + text[it..].chars().next().map_or(1, char::len_utf8)
            });
            let end = text[at..]
                .find(|c| !is_word(c))
                .map_or(text.len(), |it| at + it);
            start..end
        };
        match self.random.below(10) {
            0 => file.insert_str(from, self.random.choose::<&str>(FRAGMENTS)),
            1 => file.insert_str(from, self.random.choose::<&str>(BLANKS)),
            2 => drop(file.drain(from..to)),
            3 => {
                let copy = file[from..to].to_owned();
                file.insert_str(to, &copy);
            }
            4 => {
                let other = self.remembered();
                let at = self.place(&other);
                file.replace_range(from.., &other[at..]);
            }
            5 => {
                let other = self.remembered();
                let at = self.place(&other);
                file.replace_range(word(file, from), &other[word(&other, at)]);
            }
            6 => {
                let names = [
                    "VALUE", "TYPE", "RULE", "NAME", "ADD", "ELEMENT", "HOSTILE", "TEXT",
                ];
                let mut part = String::new();
                let name = self.random.choose(&names);
                self.expand(name, &mut part);
                file.replace_range(word(file, from), &part);
            }
            7 => {
                let raised = file[from..to].to_uppercase();
                file.replace_range(from..to, &raised);
            }
            8 => file.replace_range(word(file, from), &self.keyword()),
            _ => {
                let keyword = self.keyword();
                file.insert_str(from, &format!(" {keyword} "));
            }
        }
    }

    /// A boundary between two characters.
    fn place(&mut self, text: &str) -> usize {
        let at = self.random.below(text.len() + 1);
        (0..=at)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_grammar_is_defined() {
        let names: Vec<&str> = GRAMMAR.iter().map(|(name, _)| *name).collect();
        let known = ["KEYWORD", "LOCK_TIMEOUT", "BIGINT"];
        let choices = GRAMMAR.iter().flat_map(|(_, lists)| lists.iter().flatten());
        for token in choices.flat_map(|choice| choice.split(' ')) {
            let is_name =
                token.len() > 1 && token.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
            assert!(
                !is_name || names.contains(&token) || known.contains(&token),
                "{token}"
            );
        }
    }

    #[test]
    fn equal_seeds_generate_equal_files() {
        let files = |seed| {
            let mut generator = Generator::new(seed, vec!["select".into()]);
            (0..200)
                .map(|_| {
                    let file = generator.file();
                    generator.remember(file.clone());
                    file
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(files(7), files(7));
        assert_ne!(files(7), files(8));
    }
}
