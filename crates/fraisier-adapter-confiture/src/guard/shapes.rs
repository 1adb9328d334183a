//! Recognises the statements that the old version of a program can live with, whatever they act on.
//!
//! A statement passes when it has one of a few plain shapes, from its first token to its last. The
//! shapes are those of common additive migrations.

use super::scan::Token;
use super::statement::{Doubt, Recognised, Statement};
use super::words::{COMMENTED, METHODS, PRIVILEGES, SERIALS, WAITS};

impl Statement<'_> {
    /// Whether the whole statement is forward-compatible by itself.
    pub(super) fn recognise(&mut self) -> Recognised {
        if self.is_over() {
            return Ok(());
        }
        if self.eat("create") {
            self.create()?;
        } else if self.eat("alter") {
            self.alter_table()?;
        } else if self.eat("insert") {
            self.insert()?;
        } else if self.eat("comment") {
            self.comment()?;
        } else if self.eat("grant") {
            self.grant()?;
        } else if self.eat("set") {
            self.set()?;
        } else {
            return Err(Doubt);
        }
        if self.is_over() { Ok(()) } else { Err(Doubt) }
    }

    fn create(&mut self) -> Recognised {
        if self.eat("table") {
            self.if_not_exists()?;
            self.object()?;
            self.list_or_none(Self::table_element)
        } else if self.eat("index") {
            self.index()
        } else if self.eat("schema") {
            self.if_not_exists()?;
            self.name()
        } else if self.eat("sequence") {
            self.if_not_exists()?;
            self.object()
        } else {
            self.word("type")?;
            self.object()?;
            self.word("as")?;
            self.word("enum")?;
            self.list(Self::text)
        }
    }

    /// A column or a key of a new table.
    fn table_element(&mut self) -> Recognised {
        let named = self.eat("constraint");
        if named {
            self.name()?;
        }
        if self.eat("primary") {
            self.word("key")?;
            return self.list(Self::name);
        }
        if self.eat("unique") {
            return self.list(Self::name);
        }
        if self.eat("foreign") {
            self.word("key")?;
            self.list(Self::name)?;
            self.word("references")?;
            return self.references();
        }
        if named {
            return Err(Doubt);
        }
        self.name()?;
        if !self.eat_one_of(SERIALS) {
            self.data_type()?;
        }
        while !self.is_mark(b',') && !self.is_mark(b')') {
            if self.eat("not") || self.is_word("null") {
                self.word("null")?;
            } else if self.eat("primary") {
                self.word("key")?;
            } else if self.eat("default") {
                self.value()?;
            } else if self.eat("references") {
                self.references()?;
            } else if self.eat("generated") {
                if self.eat("by") {
                    self.word("default")?;
                } else {
                    self.word("always")?;
                }
                self.word("as")?;
                self.word("identity")?;
            } else {
                self.word("unique")?;
            }
        }
        Ok(())
    }

    /// What rows of a new table refer to, and what happens to them.
    fn references(&mut self) -> Recognised {
        self.object()?;
        if self.is_mark(b'(') {
            self.list(Self::name)?;
        }
        while self.eat("on") {
            if !self.eat("delete") {
                self.word("update")?;
            }
            if self.eat("no") {
                self.word("action")?;
            } else if self.eat("set") {
                if !self.eat("null") {
                    self.word("default")?;
                }
            } else if !self.eat("cascade") {
                self.word("restrict")?;
            }
        }
        Ok(())
    }

    /// Columns that the old version need not know of: rows without them can still be written, and
    /// the table is not rewritten.
    fn alter_table(&mut self) -> Recognised {
        self.word("table")?;
        if self.eat("if") {
            self.word("exists")?;
        }
        self.eat("only");
        self.object()?;
        loop {
            self.word("add")?;
            self.eat("column");
            self.if_not_exists()?;
            self.name()?;
            self.data_type()?;
            while !self.is_mark(b',') && !self.is_over() {
                if self.eat("default") {
                    self.value()?;
                } else {
                    self.word("null")?;
                }
            }
            if !self.eat_mark(b',') {
                return Ok(());
            }
        }
    }

    /// An index built beside the writers, which forbids nothing.
    fn index(&mut self) -> Recognised {
        self.word("concurrently")?;
        if !self.is_word("on") {
            self.if_not_exists()?;
            self.name()?;
        }
        self.word("on")?;
        self.object()?;
        if self.eat("using") {
            self.one_of(METHODS)?;
        }
        self.list(|it| {
            it.name()?;
            if !it.eat("asc") {
                it.eat("desc");
            }
            if it.eat("nulls") && !it.eat("first") {
                it.word("last")?;
            }
            Ok(())
        })
    }

    /// Rows of constants, and nothing done to those that are there.
    fn insert(&mut self) -> Recognised {
        self.word("into")?;
        self.object()?;
        if self.is_mark(b'(') {
            self.list(Self::name)?;
        }
        self.word("values")?;
        self.list(Self::value)?;
        while self.eat_mark(b',') {
            self.list(Self::value)?;
        }
        if self.eat("on") {
            for word in ["conflict", "do", "nothing"] {
                self.word(word)?;
            }
        }
        Ok(())
    }

    fn comment(&mut self) -> Recognised {
        self.word("on")?;
        self.one_of(COMMENTED)?;
        self.object()?;
        self.word("is")?;
        if self.eat("null") {
            Ok(())
        } else {
            self.text()
        }
    }

    fn grant(&mut self) -> Recognised {
        if self.eat("all") {
            self.eat("privileges");
        } else {
            loop {
                self.one_of(PRIVILEGES)?;
                if self.is_mark(b'(') {
                    self.list(Self::name)?;
                }
                if !self.eat_mark(b',') {
                    break;
                }
            }
        }
        self.word("on")?;
        if !(self.eat("table") || self.eat("sequence")) {
            self.eat("schema");
        }
        self.object()?;
        while self.eat_mark(b',') {
            self.object()?;
        }
        self.word("to")?;
        self.name()?;
        while self.eat_mark(b',') {
            self.name()?;
        }
        Ok(())
    }

    fn set(&mut self) -> Recognised {
        if !self.eat("local") {
            self.eat("session");
        }
        self.one_of(WAITS)?;
        if !self.eat_mark(b'=') {
            self.word("to")?;
        }
        let is_constant = matches!(self.token(), Token::Text | Token::Number | Token::Negative);
        self.advance_if(is_constant)
    }
}
