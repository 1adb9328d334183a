//! Reads a statement token by token, and the parts that shapes are made of.
//!
//! There is no tree and no recursion, so no file is too deep, and a statement takes no memory however
//! long it is.

use super::scan::{Scanner, Token};
use super::words::{CONSTANTS, RESERVED, SIZED, TAKEN_AWAY, TIMES, TYPES, Words, contain};

/// The statement is none of the shapes.
pub(super) struct Doubt;

pub(super) type Recognised = Result<(), Doubt>;

/// Reads one statement, to its `;` or the end of the file.
pub(super) struct Statement<'a> {
    scanner: Scanner<'a>,
    token: Token<'a>,
}

impl<'a> Statement<'a> {
    /// The statement that begins where `scanner` is.
    pub(super) fn at(mut scanner: Scanner<'a>) -> Self {
        let token = scanner.next();
        Self { scanner, token }
    }

    /// Goes on to the end of the statement; gives where the next begins, or nothing where the file
    /// ends or cannot be read on.
    pub(super) fn end(mut self) -> Next<'a> {
        loop {
            match self.token {
                Token::Mark(b';') => return Next::Statement(self.scanner),
                Token::End => return Next::None,
                Token::Strange => return Next::Unreadable,
                _ => self.advance(),
            }
        }
    }

    /// A constant, perhaps cast to a type of `PostgreSQL`'s own, or the time of the transaction.
    pub(super) fn value(&mut self) -> Recognised {
        if self.eat_one_of(TIMES) {
            return Ok(());
        }
        if self.eat("now") {
            self.mark(b'(')?;
            return self.mark(b')');
        }
        match self.token {
            Token::Text | Token::Number => self.advance(),
            // `-1::text` is an operator on `1::text`.
            Token::Negative => {
                self.advance();
                return Ok(());
            }
            _ => self.one_of(CONSTANTS)?,
        }
        if self.token == Token::Cast {
            self.advance();
            self.data_type()?;
        }
        Ok(())
    }

    pub(super) fn data_type(&mut self) -> Recognised {
        if self.eat("double") {
            self.word("precision")?;
        } else if self.is_word("time") || self.is_word("timestamp") {
            self.advance();
            self.size()?;
            if self.eat("with") || self.eat("without") {
                self.word("time")?;
                self.word("zone")?;
            }
        } else if self.eat_one_of(SIZED) {
            self.eat("varying");
            self.size()?;
        } else {
            self.one_of(TYPES)?;
        }
        while self.eat_mark(b'[') {
            self.mark(b']')?;
        }
        Ok(())
    }

    /// `(20)` or `(10, 2)`, or nothing.
    fn size(&mut self) -> Recognised {
        if !self.is_mark(b'(') {
            return Ok(());
        }
        self.list(|it| it.advance_if(it.token == Token::Number))
    }

    /// The name of an object, with its schema or table perhaps. The system's own are not plain.
    pub(super) fn object(&mut self) -> Recognised {
        for part in 0..3 {
            if part > 0 && !self.eat_mark(b'.') {
                return Ok(());
            }
            self.name()?;
        }
        Ok(())
    }

    pub(super) fn name(&mut self) -> Recognised {
        let plain = match self.token {
            Token::Quoted(name) => !is_the_systems(name),
            Token::Word(word) => {
                !is_the_systems(word) && !contain(RESERVED, word) && !contain(TAKEN_AWAY, word)
            }
            _ => false,
        };
        self.advance_if(plain)
    }

    pub(super) fn text(&mut self) -> Recognised {
        self.advance_if(self.token == Token::Text)
    }

    /// One or more of the same in parentheses, separated by commas.
    pub(super) fn list(&mut self, element: impl FnMut(&mut Self) -> Recognised) -> Recognised {
        self.mark(b'(')?;
        self.elements(element)
    }

    /// The same, or nothing in them.
    pub(super) fn list_or_none(
        &mut self,
        element: impl FnMut(&mut Self) -> Recognised,
    ) -> Recognised {
        self.mark(b'(')?;
        if self.eat_mark(b')') {
            Ok(())
        } else {
            self.elements(element)
        }
    }

    fn elements(&mut self, mut element: impl FnMut(&mut Self) -> Recognised) -> Recognised {
        loop {
            element(self)?;
            if !self.eat_mark(b',') {
                return self.mark(b')');
            }
        }
    }

    pub(super) fn if_not_exists(&mut self) -> Recognised {
        if self.eat("if") {
            self.word("not")?;
            self.word("exists")?;
        }
        Ok(())
    }

    pub(super) fn word(&mut self, word: &str) -> Recognised {
        self.advance_if(self.is_word(word))
    }

    pub(super) fn one_of(&mut self, words: Words) -> Recognised {
        let fits = matches!(self.token, Token::Word(found) if contain(words, found));
        self.advance_if(fits)
    }

    pub(super) fn eat_one_of(&mut self, words: Words) -> bool {
        self.one_of(words).is_ok()
    }

    fn mark(&mut self, mark: u8) -> Recognised {
        self.advance_if(self.is_mark(mark))
    }

    pub(super) fn eat(&mut self, word: &str) -> bool {
        self.word(word).is_ok()
    }

    pub(super) fn eat_mark(&mut self, mark: u8) -> bool {
        self.mark(mark).is_ok()
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.token, Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    pub(super) fn is_mark(&self, mark: u8) -> bool {
        self.token == Token::Mark(mark)
    }

    pub(super) fn token(&self) -> Token<'_> {
        self.token
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.token, Token::End | Token::Mark(b';'))
    }

    pub(super) fn advance_if(&mut self, fits: bool) -> Recognised {
        if fits {
            self.advance();
            Ok(())
        } else {
            Err(Doubt)
        }
    }

    fn advance(&mut self) {
        self.token = self.scanner.next();
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

fn is_the_systems(name: &str) -> bool {
    let begins = |with: &str| {
        name.get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    begins("pg_") || begins("information_schema")
}
