//! `migrate current`, and what every operation does with a database that it cannot use.

use fraisier_adapter_api::AdapterErrorKind::{
    DbUnreachable, InvalidConfig, MissingSecret, PreconditionFailed,
};
use serde_json::json;

use super::projects::shop;
use super::{RESULT, error, refused};
use crate::call::Call;
use crate::case::{Case, case};
use crate::connection::Connection;
use crate::expectation::Fact::{Code, Exit, Report, Revision, Untouched};

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(
            "current/fresh",
            "A database that confiture has never touched.",
            Call::Current,
        )
        .expect([Exit(2), Code("PRECON_1001"), Untouched, RESULT]),
        case(
            "current/at-head",
            "Three migrations are applied.",
            Call::Current,
        )
        .applied(&shop())
        .expect([
            Exit(0),
            Report("/revision", json!("003")),
            Revision(Some("003")),
            Untouched,
            RESULT,
        ]),
        case(
            "current/empty-ledger",
            "The ledger is there and holds nothing.",
            Call::Current,
        )
        .applied_then(&shop(), "TRUNCATE tb_confiture CASCADE")
        .expect([Exit(0), Report("/revision", json!(null)), Untouched, RESULT]),
        case(
            "current/unreachable",
            "Nothing listens on the port.",
            Call::Current,
        )
        .without_database()
        .connection(Connection::Unreachable)
        .expect([Exit(3), Code("CONFIG_006"), error(DbUnreachable)]),
        case(
            "current/wrong-password",
            "The server refuses the password.",
            Call::Current,
        )
        .connection(Connection::WrongPassword)
        .expect([Exit(3), Code("CONFIG_006"), error(DbUnreachable)]),
        case(
            "current/missing-database",
            "The server has no database of that name.",
            Call::Current,
        )
        .without_database()
        .expect([Exit(3), Code("CONFIG_006"), error(DbUnreachable)]),
        case(
            "current/malformed-dsn",
            "The DSN lacks a colon. confiture echoes it, password included.",
            Call::Current,
        )
        .without_database()
        .connection(Connection::Malformed)
        .expect([Exit(3), Code("CONFIG_006"), refused(InvalidConfig)]),
        case(
            "current/no-dsn",
            "No variable names a database.",
            Call::Current,
        )
        .without_database()
        .connection(Connection::Absent)
        .expect([Exit(5), Code("CONFIG_010"), refused(MissingSecret)]),
        case(
            "current/empty-dsn",
            "The DSN is empty, and an ambient DATABASE_URL names a database: confiture uses that one.",
            Call::Current,
        )
        .connection(Connection::EmptyBesideAmbient)
        .expect([Exit(2), Code("PRECON_1001"), refused(InvalidConfig)]),
        case(
            "up/unreachable",
            "Nothing listens on the port.",
            Call::Up(None),
        )
        .project(shop())
        .without_database()
        .connection(Connection::Unreachable)
        .expect([Exit(3), Code("CONFIG_006"), error(DbUnreachable)]),
        case(
            "down-to/fresh",
            "A database that confiture has never touched.",
            Call::DownTo("001".to_owned()),
        )
        .project(shop())
        .expect([Code("MIGR_100"), Revision(None), refused(PreconditionFailed)]),
    ]
}
