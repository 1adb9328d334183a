//! Holds a statement against a rule, token by token.
//!
//! The first token decides which alternative a statement takes; from then on it has to fit. There is no
//! tree and no way back, so a statement takes no memory however long it is.

use super::scan::{Scanner, Token};
use super::words::{RESERVED, TAKEN_AWAY, Words, contain};

/// What a part of a statement looks like.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// Keywords, with a space between them.
    W(&'static str),
    OneOf(Words),
    Mark(u8),
    /// A plain name that is not the system's.
    Name,
    Text,
    Number,
    Negative,
    Cast,
    /// One after the other.
    All(&'static [Rule]),
    /// The first that fits.
    Any(&'static [Rule]),
    Maybe(&'static Rule),
    Many(&'static Rule),
    /// One or more, with commas between them.
    Commas(&'static Rule),
    /// The same in parentheses.
    List(&'static Rule),
    ListOrNone(&'static Rule),
}

/// How a rule fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Yes,
    /// Not even its first token.
    No,
    /// It began, and what follows is something else.
    Doubt,
}

/// Reads one statement, to its `;` or the end of the file.
pub(super) struct Statement<'a> {
    scanner: Scanner<'a>,
    token: Token<'a>,
    /// How many tokens a rule has taken.
    taken: usize,
}

impl<'a> Statement<'a> {
    /// The statement that begins where `scanner` is.
    pub(super) fn at(mut scanner: Scanner<'a>) -> Self {
        let token = scanner.next();
        Self {
            scanner,
            token,
            taken: 0,
        }
    }

    /// Whether all of it fits, or there is nothing.
    pub(super) fn fits(&mut self, rule: Rule) -> bool {
        self.is_over() || self.fit(rule) == Fit::Yes && self.is_over()
    }

    /// Goes on to the end of the statement; gives where the next begins, or nothing where the file
    /// ends or cannot be read on.
    pub(super) fn end(mut self) -> Next<'a> {
        loop {
            match self.token {
                Token::Mark(b';') => return Next::Statement(self.scanner),
                Token::End => return Next::None,
                Token::Strange => return Next::Unreadable,
                _ => self.token = self.scanner.next(),
            }
        }
    }

    fn fit(&mut self, rule: Rule) -> Fit {
        match rule {
            Rule::W(words) => self.one_by_one(words.split(' '), |it, word| {
                it.token(
                    |token| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word)),
                )
            }),
            Rule::OneOf(words) => {
                self.token(|token| matches!(token, Token::Word(found) if contain(words, found)))
            }
            Rule::Mark(mark) => self.token(|token| token == Token::Mark(mark)),
            Rule::Name => self.token(is_plain_name),
            Rule::Text => self.token(|token| token == Token::Text),
            Rule::Number => self.token(|token| token == Token::Number),
            Rule::Negative => self.token(|token| token == Token::Negative),
            Rule::Cast => self.token(|token| token == Token::Cast),
            Rule::All(rules) => self.one_by_one(rules.iter(), |it, rule| it.fit(*rule)),
            Rule::Any(rules) => {
                let mut fits = rules.iter().map(|rule| self.fit(*rule));
                fits.find(|fit| *fit != Fit::No).unwrap_or(Fit::No)
            }
            Rule::Maybe(rule) => match self.fit(*rule) {
                Fit::No => Fit::Yes,
                fit => fit,
            },
            Rule::Many(rule) => loop {
                match self.fit(*rule) {
                    Fit::Yes => {}
                    Fit::No => return Fit::Yes,
                    Fit::Doubt => return Fit::Doubt,
                }
            },
            Rule::Commas(rule) => {
                let mut fit = self.fit(*rule);
                while fit == Fit::Yes && self.fit(Rule::Mark(b',')) == Fit::Yes {
                    fit = self.fit(*rule).or_doubt();
                }
                fit
            }
            Rule::List(rule) => self.in_parentheses(Rule::Commas(rule), Fit::or_doubt),
            Rule::ListOrNone(rule) => self.in_parentheses(Rule::Commas(rule), |fit| {
                if fit == Fit::No { Fit::Yes } else { fit }
            }),
        }
    }

    fn in_parentheses(&mut self, rule: Rule, inside: impl Fn(Fit) -> Fit) -> Fit {
        if self.fit(Rule::Mark(b'(')) == Fit::No {
            return Fit::No;
        }
        match inside(self.fit(rule)) {
            Fit::Yes => self.fit(Rule::Mark(b')')).or_doubt(),
            _ => Fit::Doubt,
        }
    }

    fn one_by_one<T>(
        &mut self,
        parts: impl Iterator<Item = T>,
        fit: impl Fn(&mut Self, T) -> Fit,
    ) -> Fit {
        let begin = self.taken;
        for part in parts {
            match fit(self, part) {
                Fit::Yes => {}
                Fit::No if self.taken == begin => return Fit::No,
                _ => return Fit::Doubt,
            }
        }
        Fit::Yes
    }

    fn token(&mut self, fits: impl Fn(Token<'_>) -> bool) -> Fit {
        if !fits(self.token) {
            return Fit::No;
        }
        self.token = self.scanner.next();
        self.taken += 1;
        Fit::Yes
    }

    fn is_over(&self) -> bool {
        matches!(self.token, Token::End | Token::Mark(b';'))
    }
}

impl Fit {
    /// The same where something has begun.
    fn or_doubt(self) -> Self {
        if self == Self::Yes {
            Self::Yes
        } else {
            Self::Doubt
        }
    }
}

/// What follows a statement.
pub(super) enum Next<'a> {
    /// Another statement.
    Statement(Scanner<'a>),
    /// Something that could be read in two ways: nothing after it is known.
    Unreadable,
    /// Nothing.
    None,
}

fn is_plain_name(token: Token<'_>) -> bool {
    let is_the_systems = |name: &str| {
        ["pg_", "information_schema"].iter().any(|with| {
            let start = name.get(..with.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(with))
        })
    };
    match token {
        Token::Quoted(name) => !is_the_systems(name),
        Token::Word(word) => {
            !is_the_systems(word) && !contain(RESERVED, word) && !contain(TAKEN_AWAY, word)
        }
        _ => false,
    }
}
