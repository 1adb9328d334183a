//! The statements that the old version of a program can live with, whatever they act on.
//!
//! A statement passes when it has one of a few plain shapes, from its first token to its last. The
//! shapes are those of common additive migrations.

use std::sync::LazyLock;

use super::scan::{Scanner, Token};

/// The shapes. Keywords are in lower case. In upper case are other shapes, and `TEXT`, `NUMBER`, `NEGATIVE` and
/// `NAME`, which is a plain name that is not the system's. `?` means one or none, `*` any number, and `+` one or
/// more with commas between them. `|` separates alternatives, of which the first that fits counts.
#[rustfmt::skip]
const SHAPES: &[(&str, &str)] = &[
    ("STATEMENT", "create CREATE | alter table IF_EXISTS? only? OBJECT ADDITION+ | insert into OBJECT COLUMNS? values ROW+ CONFLICT? \
        | comment on COMMENTED OBJECT is COMMENT | grant GRANTED on GRANTED_ON? OBJECT+ to NAME+ | set SCOPE? WAIT TO TIME"),
    ("CREATE", "table IF_NOT_EXISTS? OBJECT ( ELEMENTS? ) | index concurrently INDEX_NAME? on OBJECT USING? ( PART+ ) \
        | schema IF_NOT_EXISTS? NAME | sequence IF_NOT_EXISTS? OBJECT | type OBJECT as enum ( TEXT+ )"),
    ("IF_EXISTS", "if exists"),
    ("IF_NOT_EXISTS", "if not exists"),
    // The name of an object, perhaps with its schema or table.
    ("OBJECT", "NAME MEMBER? MEMBER?"),
    ("MEMBER", ". NAME"),
    ("COLUMNS", "( NAME+ )"),
    // Columns and keys of a new table.
    ("ELEMENTS", "ELEMENT+"),
    ("ELEMENT", "constraint NAME KEY | KEY | NAME COLUMN_TYPE OPTION*"),
    ("KEY", "primary key COLUMNS | unique COLUMNS | foreign key COLUMNS references REFERENCE"),
    ("COLUMN_TYPE", "SERIAL | DATA_TYPE"),
    ("OPTION", "not null | null | primary key | default VALUE | references REFERENCE | generated GENERATED as identity | unique"),
    ("GENERATED", "by default | always"),
    // What rows of a new table refer to, and what happens to them.
    ("REFERENCE", "OBJECT COLUMNS? ACTION*"),
    ("ACTION", "on CHANGE EFFECT"),
    ("CHANGE", "delete | update"),
    ("EFFECT", "no action | set NULL_OR_DEFAULT | cascade | restrict"),
    ("NULL_OR_DEFAULT", "null | default"),
    // Columns that the old version need not know of: rows without them can still be written, and the
    // table is not rewritten.
    ("ADDITION", "add column? IF_NOT_EXISTS? NAME DATA_TYPE ADDED*"),
    ("ADDED", "default VALUE | null"),
    // An index built beside the writers, which forbids nothing.
    ("INDEX_NAME", "IF_NOT_EXISTS? NAME"),
    ("USING", "using METHOD"),
    ("METHOD", "btree | hash | gin | gist | brin | spgist"),
    ("PART", "NAME DIRECTION? NULLS?"),
    ("DIRECTION", "asc | desc"),
    ("NULLS", "nulls PLACE"),
    ("PLACE", "first | last"),
    // Rows of constants, and nothing done to those that are there.
    ("ROW", "( VALUE+ )"),
    ("CONFLICT", "on conflict do nothing"),
    ("COMMENTED", "table | column | index | schema | sequence | type | view"),
    ("COMMENT", "null | TEXT"),
    ("GRANTED", "all privileges? | PRIVILEGES"),
    ("PRIVILEGES", "PRIVILEGE+"),
    ("PRIVILEGE", "RIGHT COLUMNS?"),
    ("RIGHT", "select | insert | update | delete | references | trigger | usage | create"),
    ("GRANTED_ON", "table | sequence | schema"),
    // Settings of the session that only bound how long it waits.
    ("SCOPE", "local | session"),
    ("WAIT", "idle_in_transaction_session_timeout | lock_timeout | statement_timeout"),
    ("TO", "= | to"),
    ("TIME", "TEXT | NUMBER | NEGATIVE"),
    // A constant, perhaps cast to a type of PostgreSQL's own, or the time of the transaction. `-1::text`
    // is an operator on `1::text`.
    ("VALUE", "current_timestamp | current_date | localtimestamp | now ( ) | NEGATIVE | CONSTANT CAST?"),
    ("CONSTANT", "TEXT | NUMBER | true | false | null"),
    ("CAST", ":: DATA_TYPE"),
    ("DATA_TYPE", "TYPE ARRAY*"),
    ("ARRAY", "[ ]"),
    ("TYPE", "double precision | CLOCK SIZE? ZONE? | SIZED varying? SIZE? | PLAIN"),
    ("CLOCK", "time | timestamp"),
    ("ZONE", "WITH time zone"),
    ("WITH", "with | without"),
    ("SIZED", "bit | char | character | dec | decimal | float | numeric | varchar"),
    ("SIZE", "( NUMBER+ )"),
    // Types of one word. Any other name may be a domain, with rules of its own.
    ("PLAIN", "bigint | bool | boolean | box | bytea | cidr | circle | date | daterange | float4 | float8 | inet | int | int2 \
        | int4 | int4range | int8 | int8range | integer | interval | json | jsonb | jsonpath | line | lseg | macaddr | macaddr8 \
        | money | name | numrange | oid | path | pg_lsn | point | polygon | real | smallint | text | timestamptz | timetz \
        | tsquery | tsrange | tstzrange | tsvector | uuid | xml | xid8"),
    // Names for a column with a sequence of its own, which only a new table may have.
    ("SERIAL", "bigserial | serial | serial2 | serial4 | serial8 | smallserial"),
];

/// The words that are no plain name to `PostgreSQL`: with one of them a shape could mean something
/// else, as `LIKE` does among columns. The last two are plain names to `PostgreSQL` and not to confiture:
/// it removes a line on which one of them stands alone, and what remains may mean something else.
#[rustfmt::skip]
const RESERVED: &[&str] = &[
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "authorization",
    "binary", "both", "case", "cast", "check", "collate", "collation", "column", "concurrently",
    "constraint", "create", "cross", "current_catalog", "current_date", "current_role",
    "current_schema", "current_time", "current_timestamp", "current_user", "default", "deferrable",
    "desc", "distinct", "do", "else", "end", "except", "false", "fetch", "for", "foreign", "freeze",
    "from", "full", "grant", "group", "having", "ilike", "in", "initially", "inner", "intersect",
    "into", "is", "isnull", "join", "lateral", "leading", "left", "like", "limit", "localtime",
    "localtimestamp", "natural", "not", "notnull", "null", "offset", "on", "only", "or", "order",
    "outer", "overlaps", "placing", "primary", "references", "returning", "right", "select",
    "session_user", "similar", "some", "symmetric", "system_user", "table", "tablesample", "then",
    "to", "trailing", "true", "union", "unique", "user", "using", "variadic", "verbose", "when",
    "where", "window", "with", "begin", "commit",
];

/// A shape: its alternatives, each a sequence.
type Shape = Vec<Vec<Part>>;

/// An item, and how often it occurs: `?`, `*`, `+`, or nothing for once.
type Part = (Item, &'static str);

#[derive(Debug)]
enum Item {
    /// A kind of token.
    Token(Token<'static>),
    Name,
    Shape(usize),
}

/// The shapes by their number. That of a statement is the first.
static GRAMMAR: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let parts = |sequence: &'static str| sequence.split_whitespace().map(part).collect();
    let shape = |text: &'static str| text.split('|').map(parts).collect();
    SHAPES.iter().map(|(_, text)| shape(text)).collect()
});

fn part(text: &'static str) -> Part {
    let name = text.trim_end_matches(['?', '*', '+']);
    let item = match (name, name.as_bytes()) {
        ("NAME", _) => Item::Name,
        ("TEXT", _) => Item::Token(Token::Text),
        ("NUMBER", _) => Item::Token(Token::Number),
        ("NEGATIVE", _) => Item::Token(Token::Negative),
        ("::", _) => Item::Token(Token::Cast),
        (_, [mark]) => Item::Token(Token::Mark(*mark)),
        (_, [first, ..]) if first.is_ascii_uppercase() => {
            let number = SHAPES.iter().position(|(shape, _)| *shape == name);
            Item::Shape(number.unwrap_or_else(|| unreachable!("there is a shape {name}")))
        }
        _ => Item::Token(Token::Word(name)),
    };
    (item, &text[name.len()..])
}

/// Whether this is a plain name that is not the system's.
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
            let mut reserved = RESERVED.iter();
            !is_the_systems(word) && !reserved.any(|it| it.eq_ignore_ascii_case(word))
        }
        _ => false,
    }
}

/// A shape began, and what follows is something else.
struct Doubt;

/// Reads one statement, to its `;` or the end of the file, and compares it with the grammar, token by token.
///
/// The first token decides which alternative a statement follows; from then on it has to fit. There is no
/// tree and no backtracking, so a statement needs no memory however long it is.
pub(super) struct Statement<'a> {
    scanner: Scanner<'a>,
    token: Token<'a>,
    /// How many tokens have fitted.
    fitted: usize,
}

impl<'a> Statement<'a> {
    /// The statement that begins where `scanner` is.
    pub(super) fn at(mut scanner: Scanner<'a>) -> Self {
        let token = scanner.next();
        Self {
            scanner,
            token,
            fitted: 0,
        }
    }

    /// Whether all of it has a shape of the grammar, or there is nothing.
    pub(super) fn is_recognised(&mut self) -> bool {
        self.is_over() || matches!(self.shape(0), Ok(true)) && self.is_over()
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

    /// Whether the next tokens have this shape; false where not even the first fits.
    fn shape(&mut self, number: usize) -> Result<bool, Doubt> {
        for parts in &GRAMMAR[number] {
            if self.sequence(parts)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn sequence(&mut self, parts: &[Part]) -> Result<bool, Doubt> {
        let begin = self.fitted;
        for part in parts {
            if !self.part(part)? {
                return if self.fitted == begin {
                    Ok(false)
                } else {
                    Err(Doubt)
                };
            }
        }
        Ok(true)
    }

    fn part(&mut self, (item, count): &Part) -> Result<bool, Doubt> {
        let fits = self.item(item)?;
        match *count {
            "*" if fits => while self.item(item)? {},
            "+" if fits => {
                while self.token(|it| it == Token::Mark(b',')) {
                    if !self.item(item)? {
                        return Err(Doubt);
                    }
                }
            }
            _ => {}
        }
        Ok(fits || ["?", "*"].contains(count))
    }

    fn item(&mut self, item: &Item) -> Result<bool, Doubt> {
        Ok(match item {
            Item::Shape(number) => self.shape(*number)?,
            Item::Name => self.token(is_plain_name),
            Item::Token(Token::Word(word)) => self
                .token(|it| matches!(it, Token::Word(found) if found.eq_ignore_ascii_case(word))),
            Item::Token(token) => self.token(|it| it == *token),
        })
    }

    fn token(&mut self, fits: impl Fn(Token<'_>) -> bool) -> bool {
        let fits = fits(self.token);
        if fits {
            self.token = self.scanner.next();
            self.fitted += 1;
        }
        fits
    }
}
