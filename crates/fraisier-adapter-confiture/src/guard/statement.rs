//! Holds a statement against the grammar, token by token.
//!
//! The first token decides which alternative a statement follows; from then on it has to fit. There is no
//! tree and no way back, so a statement needs no memory however long it is.

use super::grammar::{Count, GRAMMAR, Item, Part, is_plain_name};
use super::scan::{Scanner, Token};

/// How a part fits.
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
    /// How many tokens have fitted.
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

    /// Whether all of it has a shape of the grammar, or there is nothing.
    pub(super) fn is_recognised(&mut self) -> bool {
        self.is_over() || self.shape(0) == Fit::Yes && self.is_over()
    }

    /// Goes on to the end of the statement, and returns where the next begins; nothing where the file
    /// ends, or where what follows could be read in two ways.
    pub(super) fn next(mut self) -> Option<Scanner<'a>> {
        loop {
            match self.token {
                Token::Mark(b';') => return Some(self.scanner),
                Token::End | Token::Strange => return None,
                _ => self.token = self.scanner.next(),
            }
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.token, Token::End | Token::Mark(b';'))
    }

    fn shape(&mut self, number: usize) -> Fit {
        let mut fits = GRAMMAR[number].iter().map(|parts| self.sequence(parts));
        fits.find(|fit| *fit != Fit::No).unwrap_or(Fit::No)
    }

    fn sequence(&mut self, parts: &[Part]) -> Fit {
        let begin = self.taken;
        for part in parts {
            match self.part(part) {
                Fit::Yes => {}
                Fit::No if self.taken == begin => return Fit::No,
                _ => return Fit::Doubt,
            }
        }
        Fit::Yes
    }

    fn part(&mut self, part: &Part) -> Fit {
        let mut fit = self.item(&part.item);
        match part.count {
            Count::One => return fit,
            Count::Maybe => {}
            Count::Many => {
                while fit == Fit::Yes {
                    fit = self.item(&part.item);
                }
            }
            Count::List => {
                while fit == Fit::Yes && self.token(|it| it == Token::Mark(b',')) == Fit::Yes {
                    fit = match self.item(&part.item) {
                        Fit::No => Fit::Doubt,
                        fit => fit,
                    };
                }
                return fit;
            }
        }
        match fit {
            Fit::No => Fit::Yes,
            fit => fit,
        }
    }

    fn item(&mut self, item: &Item) -> Fit {
        match item {
            Item::Shape(number) => self.shape(*number),
            Item::Name => self.token(is_plain_name),
            Item::Token(Token::Word(word)) => self
                .token(|it| matches!(it, Token::Word(found) if found.eq_ignore_ascii_case(word))),
            Item::Token(token) => self.token(|it| it == *token),
        }
    }

    fn token(&mut self, fits: impl Fn(Token<'_>) -> bool) -> Fit {
        if !fits(self.token) {
            return Fit::No;
        }
        self.token = self.scanner.next();
        self.taken += 1;
        Fit::Yes
    }
}
