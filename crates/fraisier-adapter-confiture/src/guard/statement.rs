//! Recognises the statements that the old version of a program can live with, whatever they act on.
//!
//! A statement passes when it has one of a few plain shapes, from its first token to its last. The
//! shapes are those of common additive migrations. There is no tree and no recursion, so no file is
//! too deep, and a statement takes no memory however long it is.

use super::scan::{Scanner, Token};

/// Settings of the session that only bound how long it waits.
const WAITS: [&str; 3] = [
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "statement_timeout",
];

/// `PostgreSQL`'s own types of one word. Any other name may be a domain, with rules of its own.
const TYPES: [&str; 47] = [
    "bigint",
    "bool",
    "boolean",
    "box",
    "bytea",
    "cidr",
    "circle",
    "date",
    "daterange",
    "float4",
    "float8",
    "inet",
    "int",
    "int2",
    "int4",
    "int4range",
    "int8",
    "int8range",
    "integer",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numrange",
    "oid",
    "path",
    "pg_lsn",
    "point",
    "polygon",
    "real",
    "smallint",
    "text",
    "timestamptz",
    "timetz",
    "tsquery",
    "tsrange",
    "tstzrange",
    "tsvector",
    "uuid",
    "xml",
    "xid8",
];

/// Those that take a length or a precision in parentheses.
const SIZED: [&str; 8] = [
    "bit",
    "char",
    "character",
    "dec",
    "decimal",
    "float",
    "numeric",
    "varchar",
];

/// Names for a column with a sequence of its own, which only a new table may have.
const SERIALS: [&str; 6] = [
    "bigserial",
    "serial",
    "serial2",
    "serial4",
    "serial8",
    "smallserial",
];

/// Words that are plain names to `PostgreSQL` and not to confiture: it takes a line away on which one
/// of them stands alone, and what is left may mean something else.
const TAKEN_AWAY: [&str; 2] = ["begin", "commit"];

/// The words that are no plain name to `PostgreSQL`: with one of them a shape could mean something
/// else, as `LIKE` does among columns.
const RESERVED: [&str; 101] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// The statement is none of the shapes.
pub(super) struct Doubt;

type Recognised = Result<(), Doubt>;

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
        if !SERIALS.iter().any(|serial| self.eat(serial)) {
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
        if self.eat("using")
            && !["btree", "hash", "gin", "gist", "brin", "spgist"]
                .iter()
                .any(|method| self.eat(method))
        {
            return Err(Doubt);
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
        let kinds = [
            "table", "column", "index", "schema", "sequence", "type", "view",
        ];
        if !kinds.iter().any(|kind| self.eat(kind)) {
            return Err(Doubt);
        }
        self.object()?;
        self.word("is")?;
        if self.eat("null") {
            Ok(())
        } else {
            self.text()
        }
    }

    fn grant(&mut self) -> Recognised {
        const PRIVILEGES: [&str; 8] = [
            "select",
            "insert",
            "update",
            "delete",
            "references",
            "trigger",
            "usage",
            "create",
        ];
        if self.eat("all") {
            self.eat("privileges");
        } else {
            loop {
                if !PRIVILEGES.iter().any(|privilege| self.eat(privilege)) {
                    return Err(Doubt);
                }
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
        if !WAITS.iter().any(|setting| self.eat(setting)) {
            return Err(Doubt);
        }
        if !self.eat_mark(b'=') {
            self.word("to")?;
        }
        match self.token {
            Token::Text | Token::Number | Token::Negative => {
                self.advance();
                Ok(())
            }
            _ => Err(Doubt),
        }
    }

    /// A constant, perhaps cast to a type of `PostgreSQL`'s own, or the time of the transaction.
    fn value(&mut self) -> Recognised {
        const TIMES: [&str; 3] = ["current_timestamp", "current_date", "localtimestamp"];
        if TIMES.iter().any(|time| self.eat(time)) {
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
            _ => {
                if !["true", "false", "null"].iter().any(|word| self.eat(word)) {
                    return Err(Doubt);
                }
            }
        }
        if self.token == Token::Cast {
            self.advance();
            self.data_type()?;
        }
        Ok(())
    }

    fn data_type(&mut self) -> Recognised {
        if self.eat("double") {
            self.word("precision")?;
        } else if self.is_word("time") || self.is_word("timestamp") {
            self.advance();
            self.size()?;
            if self.eat("with") || self.eat("without") {
                self.word("time")?;
                self.word("zone")?;
            }
        } else if SIZED.iter().any(|name| self.eat(name)) {
            self.eat("varying");
            self.size()?;
        } else if !TYPES.iter().any(|name| self.eat(name)) {
            return Err(Doubt);
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
        self.list(|it| match it.token {
            Token::Number => {
                it.advance();
                Ok(())
            }
            _ => Err(Doubt),
        })
    }

    /// The name of an object, with its schema or table perhaps. The system's own are not plain.
    fn object(&mut self) -> Recognised {
        for part in 0..3 {
            if part > 0 && !self.eat_mark(b'.') {
                return Ok(());
            }
            self.name()?;
        }
        Ok(())
    }

    fn name(&mut self) -> Recognised {
        let plain = match self.token {
            Token::Quoted(name) => !is_the_systems(name),
            Token::Word(word) => !is_the_systems(word) && !is_reserved(word),
            _ => false,
        };
        self.advance_if(plain)
    }

    fn text(&mut self) -> Recognised {
        self.advance_if(self.token == Token::Text)
    }

    /// One or more of the same in parentheses, separated by commas.
    fn list(&mut self, element: impl FnMut(&mut Self) -> Recognised) -> Recognised {
        self.mark(b'(')?;
        self.elements(element)
    }

    /// The same, or nothing in them.
    fn list_or_none(&mut self, element: impl FnMut(&mut Self) -> Recognised) -> Recognised {
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

    fn if_not_exists(&mut self) -> Recognised {
        if self.eat("if") {
            self.word("not")?;
            self.word("exists")?;
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Recognised {
        self.advance_if(self.is_word(word))
    }

    fn mark(&mut self, mark: u8) -> Recognised {
        self.advance_if(self.is_mark(mark))
    }

    fn eat(&mut self, word: &str) -> bool {
        self.word(word).is_ok()
    }

    fn eat_mark(&mut self, mark: u8) -> bool {
        self.mark(mark).is_ok()
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.token, Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    fn is_mark(&self, mark: u8) -> bool {
        self.token == Token::Mark(mark)
    }

    fn is_over(&self) -> bool {
        matches!(self.token, Token::End | Token::Mark(b';'))
    }

    fn advance_if(&mut self, fits: bool) -> Recognised {
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

fn is_reserved(word: &str) -> bool {
    RESERVED
        .iter()
        .chain(&TAKEN_AWAY)
        .any(|reserved| word.eq_ignore_ascii_case(reserved))
}

fn is_the_systems(name: &str) -> bool {
    let begins = |with: &str| {
        name.get(..with.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    begins("pg_") || begins("information_schema")
}
