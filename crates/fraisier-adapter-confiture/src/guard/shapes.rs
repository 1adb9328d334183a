//! The statements that the old version of a program can live with, whatever they act on.
//!
//! A statement passes when it has one of a few plain shapes, from its first token to its last. The
//! shapes are those of common additive migrations.

use super::statement::Rule::{self, All, Any, Cast, Commas, List, ListOrNone, Many, Mark, Maybe};
use super::statement::Rule::{Name, Negative, Number, OneOf, Text, W};
use super::words::{
    COMMENTED, CONSTANTS, METHODS, PRIVILEGES, SERIALS, SIZED, TIMES, TYPES, WAITS,
};

/// A whole statement.
pub(super) const STATEMENT: Rule = Any(&[
    All(&[W("create"), CREATE]),
    ALTER_TABLE,
    INSERT,
    All(&[
        W("comment on"),
        OneOf(COMMENTED),
        OBJECT,
        W("is"),
        Any(&[W("null"), Text]),
    ]),
    GRANT,
    All(&[
        W("set"),
        Maybe(&Any(&[W("local"), W("session")])),
        OneOf(WAITS),
        Any(&[Mark(b'='), W("to")]),
        Any(&[Text, Number, Negative]),
    ]),
]);

const CREATE: Rule = Any(&[
    All(&[
        W("table"),
        IF_NOT_EXISTS,
        OBJECT,
        ListOrNone(&TABLE_ELEMENT),
    ]),
    All(&[W("index"), INDEX]),
    All(&[W("schema"), IF_NOT_EXISTS, Name]),
    All(&[W("sequence"), IF_NOT_EXISTS, OBJECT]),
    All(&[W("type"), OBJECT, W("as enum"), List(&Text)]),
]);

/// A column or a key of a new table.
const TABLE_ELEMENT: Rule = Any(&[
    All(&[W("constraint"), Name, KEY]),
    KEY,
    All(&[
        Name,
        Any(&[OneOf(SERIALS), DATA_TYPE]),
        Many(&COLUMN_OPTION),
    ]),
]);

const KEY: Rule = Any(&[
    All(&[W("primary key"), List(&Name)]),
    All(&[W("unique"), List(&Name)]),
    All(&[W("foreign key"), List(&Name), W("references"), REFERENCES]),
]);

const COLUMN_OPTION: Rule = Any(&[
    W("not null"),
    W("null"),
    W("primary key"),
    All(&[W("default"), VALUE]),
    All(&[W("references"), REFERENCES]),
    All(&[
        W("generated"),
        Any(&[W("by default"), W("always")]),
        W("as identity"),
    ]),
    W("unique"),
]);

/// What rows of a new table refer to, and what happens to them.
const REFERENCES: Rule = All(&[OBJECT, Maybe(&List(&Name)), Many(&REFERENCE_ACTION)]);

const REFERENCE_ACTION: Rule = All(&[
    W("on"),
    Any(&[W("delete"), W("update")]),
    Any(&[
        W("no action"),
        All(&[W("set"), Any(&[W("null"), W("default")])]),
        W("cascade"),
        W("restrict"),
    ]),
]);

/// Columns that the old version need not know of: rows without them can still be written, and the table
/// is not rewritten.
const ALTER_TABLE: Rule = All(&[
    W("alter table"),
    Maybe(&W("if exists")),
    Maybe(&W("only")),
    OBJECT,
    Commas(&All(&[
        W("add"),
        Maybe(&W("column")),
        IF_NOT_EXISTS,
        Name,
        DATA_TYPE,
        Many(&Any(&[All(&[W("default"), VALUE]), W("null")])),
    ])),
]);

/// An index built beside the writers, which forbids nothing.
const INDEX: Rule = All(&[
    W("concurrently"),
    Maybe(&All(&[IF_NOT_EXISTS, Name])),
    W("on"),
    OBJECT,
    Maybe(&All(&[W("using"), OneOf(METHODS)])),
    List(&All(&[
        Name,
        Maybe(&Any(&[W("asc"), W("desc")])),
        Maybe(&All(&[W("nulls"), Any(&[W("first"), W("last")])])),
    ])),
]);

/// Rows of constants, and nothing done to those that are there.
const INSERT: Rule = All(&[
    W("insert into"),
    OBJECT,
    Maybe(&List(&Name)),
    W("values"),
    Commas(&List(&VALUE)),
    Maybe(&W("on conflict do nothing")),
]);

const GRANT: Rule = All(&[
    W("grant"),
    Any(&[
        All(&[W("all"), Maybe(&W("privileges"))]),
        Commas(&All(&[OneOf(PRIVILEGES), Maybe(&List(&Name))])),
    ]),
    W("on"),
    Maybe(&Any(&[W("table"), W("sequence"), W("schema")])),
    Commas(&OBJECT),
    W("to"),
    Commas(&Name),
]);

const IF_NOT_EXISTS: Rule = Maybe(&W("if not exists"));

/// The name of an object, with its schema or table perhaps.
const OBJECT: Rule = All(&[
    Name,
    Maybe(&All(&[Mark(b'.'), Name, Maybe(&All(&[Mark(b'.'), Name]))])),
]);

/// A constant, perhaps cast to a type of `PostgreSQL`'s own, or the time of the transaction. `-1::text`
/// is an operator on `1::text`.
const VALUE: Rule = Any(&[
    OneOf(TIMES),
    All(&[W("now"), Mark(b'('), Mark(b')')]),
    Negative,
    All(&[
        Any(&[Text, Number, OneOf(CONSTANTS)]),
        Maybe(&All(&[Cast, DATA_TYPE])),
    ]),
]);

const DATA_TYPE: Rule = All(&[
    Any(&[
        W("double precision"),
        All(&[
            Any(&[W("time"), W("timestamp")]),
            SIZE,
            Maybe(&All(&[Any(&[W("with"), W("without")]), W("time zone")])),
        ]),
        All(&[OneOf(SIZED), Maybe(&W("varying")), SIZE]),
        OneOf(TYPES),
    ]),
    Many(&All(&[Mark(b'['), Mark(b']')])),
]);

/// `(20)` or `(10, 2)`, or nothing.
const SIZE: Rule = Maybe(&List(&Number));
