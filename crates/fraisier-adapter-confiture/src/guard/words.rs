//! The words that the guard knows, in small letters.

/// Some words.
pub(super) type Words = &'static [&'static str];

/// Whether this is one of the words, in whatever case.
pub(super) fn contain(words: Words, word: &str) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Settings of the session that only bound how long it waits.
pub(super) const WAITS: Words = &[
    "idle_in_transaction_session_timeout",
    "lock_timeout",
    "statement_timeout",
];

/// `PostgreSQL`'s own types of one word. Any other name may be a domain, with rules of its own.
#[rustfmt::skip]
pub(super) const TYPES: Words = &[
    "bigint", "bool", "boolean", "box", "bytea", "cidr", "circle", "date", "daterange", "float4",
    "float8", "inet", "int", "int2", "int4", "int4range", "int8", "int8range", "integer",
    "interval", "json", "jsonb", "jsonpath", "line", "lseg", "macaddr", "macaddr8", "money", "name",
    "numrange", "oid", "path", "pg_lsn", "point", "polygon", "real", "smallint", "text",
    "timestamptz", "timetz", "tsquery", "tsrange", "tstzrange", "tsvector", "uuid", "xml", "xid8",
];

/// Those that take a length or a precision in parentheses.
pub(super) const SIZED: Words = &[
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
pub(super) const SERIALS: Words = &[
    "bigserial",
    "serial",
    "serial2",
    "serial4",
    "serial8",
    "smallserial",
];

/// Words that are plain names to `PostgreSQL` and not to confiture: it takes a line away on which one
/// of them stands alone, and what is left may mean something else.
pub(super) const TAKEN_AWAY: Words = &["begin", "commit"];

/// The words that are no plain name to `PostgreSQL`: with one of them a shape could mean something
/// else, as `LIKE` does among columns.
#[rustfmt::skip]
pub(super) const RESERVED: Words = &[
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
    "where", "window", "with",
];

/// What may be granted.
#[rustfmt::skip]
pub(super) const PRIVILEGES: Words = &[
    "select", "insert", "update", "delete", "references", "trigger", "usage", "create",
];

/// The time of the transaction.
pub(super) const TIMES: Words = &["current_timestamp", "current_date", "localtimestamp"];

/// Constants that are words.
pub(super) const CONSTANTS: Words = &["true", "false", "null"];

/// Access methods of an index.
pub(super) const METHODS: Words = &["btree", "hash", "gin", "gist", "brin", "spgist"];

/// What may be commented on.
pub(super) const COMMENTED: Words = &[
    "table", "column", "index", "schema", "sequence", "type", "view",
];
