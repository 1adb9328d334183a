"""Looks at a database for `doctor`, over the connection that a migration gets. It changes nothing.

Arguments: the path of the report, the directory of the migrations, and the server option that the adapter
sends. The connection string is in the environment.
"""

CONNECT_S = 5
LOCK_MS = 2000
STATEMENT_MS = 4000
# After this time from the start of `look`, no statement is begun and no file is read any more.
LOOK_S = 15

# The first key of confiture's advisory lock, the same in every release from 0.20.0 on.
LOCK = 1751936052


def statements(port, is_encrypted, takes_options):
    """What is asked. Each row is one thing that was seen: its kind, what it is, and the statement that ends it.

    `doctor` knows what each kind means for a deploy.
    """
    over = ", over TLS" if is_encrypted else ""
    return {
        "server": f"""
            SELECT kind, what FROM (SELECT format('PostgreSQL %s, encoding %s', current_setting('server_version'),
                current_setting('server_encoding')) AS release) AS server,
            LATERAL (VALUES
                ('connected', format('as %s to the database %s{over}', current_user, current_database()), true),
                ('release', release, current_setting('server_version_num')::int >= 140000),
                ('old release', release, current_setting('server_version_num')::int < 140000),
                ('refused option', '', {not takes_options}),
                ('other port', format('%s port %s', host(inet_server_addr()), inet_server_port()),
                    inet_server_port() <> {port}),
                ('standby', '', pg_is_in_recovery()),
                ('read-only', '', current_setting('default_transaction_read_only') = 'on')
            ) AS seen (kind, what, is_so) WHERE is_so""",
        "timeouts": """
            SELECT CASE WHEN name <> 'lock_timeout' AND ms < 2 THEN 'too short' ELSE 'short' END AS kind,
                format('%s is %s ms', name, ms) AS what, name, ms
            FROM (SELECT name, reset_val::bigint AS ms FROM pg_catalog.pg_settings WHERE name IN ('statement_timeout',
                'transaction_timeout', 'idle_in_transaction_session_timeout', 'lock_timeout')) AS timeouts
            WHERE ms BETWEEN 1 AND 59999 ORDER BY name""",
        "ledgers": """
            WITH ledgers AS (
                SELECT c.oid, n.nspname::text AS schema, is_seen,
                    bool_or(is_seen) OVER () AS is_any_seen,
                    CASE WHEN c.relkind NOT IN ('r', 'p') THEN (ARRAY['a view', 'a materialized view',
                            'a foreign table', 'a sequence', 'a type', 'an index'])[strpos('vmfSci', c.relkind::text)]
                        WHEN missing.names <> '' THEN 'a table without the columns ' || missing.names END AS is_instead,
                    (SELECT format_type(t.atttypid, t.atttypmod) FROM pg_catalog.pg_attribute t
                        WHERE t.attrelid = c.oid AND t.attname = 'applied_at' AND NOT t.attisdropped
                        AND t.atttypid NOT IN ('timestamptz'::regtype, 'timestamp'::regtype)) AS untimed
                FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
                LATERAL (SELECT coalesce(c.oid = to_regclass('tb_confiture'), false) AS is_seen) AS visible,
                LATERAL (SELECT string_agg(needed, ', ') AS names FROM unnest(ARRAY['pk_confiture', 'slug', 'version',
                    'name', 'applied_at', 'execution_time_ms', 'checksum']) AS needed WHERE NOT EXISTS (
                        SELECT FROM pg_catalog.pg_attribute t
                        WHERE t.attrelid = c.oid AND t.attname = needed AND NOT t.attisdropped)) AS missing
                WHERE c.relname = 'tb_confiture' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'),
            ledger AS (SELECT c.* FROM pg_catalog.pg_class c JOIN ledgers USING (oid) WHERE is_seen),
            lacks AS (
                SELECT 1 AS place, CASE WHEN current_schema() IS NULL
                    THEN format('a schema that is on its search_path (%s)', current_setting('search_path'))
                    WHEN NOT has_schema_privilege(current_schema(), 'CREATE')
                    THEN format('CREATE in the schema %s', current_schema()) END AS what
                UNION ALL SELECT 2, 'USAGE on the schema of the ledger' FROM ledger c
                    WHERE NOT has_schema_privilege(c.relnamespace, 'USAGE')
                UNION ALL SELECT 3, format('%s on the ledger', need) FROM ledger c,
                    unnest(ARRAY['SELECT', 'INSERT', 'DELETE']) AS need WHERE NOT has_table_privilege(c.oid, need)
                UNION ALL SELECT 4, format('ownership of the ledger, which every up alters (its owner is %s)',
                    c.relowner::regrole) FROM ledger c WHERE NOT pg_has_role(c.relowner, 'USAGE')
                UNION ALL SELECT 5, 'access to every row of the ledger (row level security)' FROM ledger c
                    WHERE row_security_active(c.oid)
                UNION ALL SELECT 6, 'ownership of the sequence of the ledger, ' || s.relname FROM ledger c
                    JOIN pg_catalog.pg_depend d ON d.refobjid = c.oid JOIN pg_catalog.pg_class s ON s.oid = d.objid
                    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                    AND d.deptype IN ('a', 'i') AND s.relkind = 'S' AND NOT pg_has_role(s.relowner, 'USAGE')),
            lacking AS (SELECT string_agg(what, ', ' ORDER BY place) AS what FROM lacks)
            SELECT kind, what FROM (SELECT seen.* FROM ledgers, LATERAL (VALUES
                (1, 'ledger', schema || '.tb_confiture', is_seen AND is_instead IS NULL),
                (1, 'no ledger', format('%s.tb_confiture is no ledger, but %s', schema, is_instead),
                    is_seen AND is_instead <> ''),
                (2, 'hidden ledger', schema, NOT is_any_seen),
                (3, 'another ledger', schema, is_any_seen AND NOT is_seen),
                (4, 'no time', untimed, is_seen AND untimed <> '')) AS seen (place, kind, what, is_so) WHERE is_so
            UNION ALL SELECT 1, 'none', '', true WHERE NOT EXISTS (SELECT FROM ledgers)
            UNION ALL SELECT 5, CASE WHEN what IS NULL THEN 'rights' ELSE 'lacks' END,
                concat_ws(' lacks ', current_user, what), true FROM lacking
            -- What may keep rows out.
            UNION ALL SELECT 6, 'interference', 'rule ' || r.rulename, true FROM ledger c
                JOIN pg_catalog.pg_rewrite r ON r.ev_class = c.oid
                WHERE c.relkind IN ('r', 'p') AND r.ev_type <> '1' AND r.ev_enabled <> 'D'
            UNION ALL SELECT 7, 'interference', 'trigger ' || t.tgname, true FROM ledger c
                JOIN pg_catalog.pg_trigger t ON t.tgrelid = c.oid WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
            UNION ALL SELECT 8, 'interference', 'constraint ' || k.conname, true FROM ledger c
                JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid WHERE k.contype IN ('c', 'f', 'x')
            -- confiture writes these columns; the server has to fill all others.
            UNION ALL SELECT 9, 'interference', 'column ' || t.attname || ' without a default', true FROM ledger c
                JOIN pg_catalog.pg_attribute t ON t.attrelid = c.oid
                WHERE c.relkind IN ('r', 'p') AND t.attnum > 0 AND NOT t.attisdropped AND NOT t.atthasdef
                AND t.attidentity = '' AND (t.attnotnull OR t.attname = 'pk_confiture') AND t.attname NOT IN
                    ('slug', 'version', 'name', 'execution_time_ms', 'checksum', 'applied_by')
            ) AS seen (place, kind, what, is_so) ORDER BY place, what""",
        "sessions": f"""
            WITH locks AS MATERIALIZED (SELECT * FROM pg_catalog.pg_locks),
            waiting AS MATERIALIZED (SELECT w.pid, unnest(pg_blocking_pids(w.pid)) AS blocker
                FROM (SELECT DISTINCT pid FROM locks WHERE NOT granted) AS w),
            activity AS (SELECT *, query = '<insufficient privilege>' AND usename IS NOT NULL AS is_hidden
                FROM pg_catalog.pg_stat_activity),
            sessions AS (SELECT a.pid,
                CASE WHEN a.is_hidden THEN format('%s: user %s, whose sessions %s may not look at', a.pid, a.usename,
                    current_user)
                ELSE format('%s: user %s, application %s, from %s, %s for %s s', a.pid, coalesce(a.usename, '?'),
                    coalesce(nullif(a.application_name, ''), '?'), coalesce(host(a.client_addr), 'this machine'),
                    coalesce(a.state, '?'),
                    coalesce(extract(epoch FROM clock_timestamp() - a.state_change)::bigint, 0)) END
                    || coalesce((SELECT ', blocks ' || string_agg(w.pid::text, ' and ') FROM waiting w
                        WHERE w.blocker = a.pid), '') AS description,
                coalesce(a.wait_event = 'SyncRep', false) AS awaits_standby,
                -- Whether it holds the migration lock, or waits for it.
                (SELECT bool_or(l.granted) FROM locks l WHERE l.pid = a.pid AND l.locktype = 'advisory'
                    AND l.classid::bigint = {LOCK} AND l.objsubid = 2 AND l.database = a.datid) AS migration_lock,
                EXISTS (SELECT FROM waiting w WHERE w.blocker = a.pid)
                    OR coalesce(a.xact_start < clock_timestamp() - interval '10 s', false) AND locked.any
                    OR locked.ledger AS blocks,
                -- It locks tables, and the role may not see since when.
                a.is_hidden AND locked.any AS may_block
                FROM activity a, LATERAL (SELECT count(*) > 0 AS any, coalesce(bool_or(l.relation =
                        to_regclass('tb_confiture') AND l.mode = 'AccessExclusiveLock'), false) AS ledger
                    FROM locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation'
                    AND l.relation >= 16384) AS locked
                WHERE a.datname = current_database() AND a.pid <> pg_backend_pid())
            SELECT kind, what, format('SELECT pg_terminate_backend(%s)', pid) AS remedy
            FROM sessions, LATERAL (VALUES
                ('lock', format('%s; %s wait for it', description,
                    (SELECT count(*) FROM sessions WHERE NOT migration_lock)), migration_lock),
                ('awaits standby', description, awaits_standby),
                ('blocks', description, blocks AND migration_lock IS NULL AND NOT awaits_standby),
                ('may block', description, may_block AND migration_lock IS NULL)) AS seen (kind, what, is_so)
            WHERE is_so ORDER BY pid""",
        # No session holds these locks, so they are in no list of sessions.
        "prepared": f"""
            SELECT CASE WHEN locks.migration THEN 'prepared migration lock' WHEN locks.ledger
                    THEN 'prepared ledger lock' ELSE 'prepared' END AS kind,
                format('%s, prepared by %s %s s ago', p.gid, p.owner,
                    extract(epoch FROM clock_timestamp() - p.prepared)::bigint) AS what,
                format('ROLLBACK PREPARED %L', p.gid) AS remedy
            FROM pg_catalog.pg_prepared_xacts p, LATERAL (SELECT
                    bool_or(l.locktype = 'relation' AND l.relation >= 16384) AS any,
                    bool_or(l.locktype = 'relation' AND l.relation = to_regclass('tb_confiture')) AS ledger,
                    bool_or(l.locktype = 'advisory' AND l.classid::bigint = {LOCK} AND l.objsubid = 2) AS migration
                FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_locks own USING (virtualtransaction)
                WHERE l.pid IS NULL AND own.pid IS NULL AND own.transactionid = p.transaction) AS locks
            WHERE p.database = current_database() AND (locks.any OR locks.migration)
            ORDER BY p.prepared""",
        # Those of an extension are as its author wants them.
        "event_triggers": r"""
            SELECT CASE WHEN t.evtevent = 'ddl_command_start' AND 'ALTER TABLE' = ANY (coalesce(t.evttags, '{ALTER TABLE}'))
                    -- It raises before it looks at anything.
                    AND p.prosrc ~* '^\s*begin\s+raise\s+exception\M' THEN 'refusing event trigger'
                ELSE 'event trigger' END AS kind,
                format('%s (%s%s, function %s)', t.evtname, t.evtevent, ' of ' || array_to_string(t.evttags, ', '),
                    t.evtfoid::regproc) AS what,
                format('ALTER EVENT TRIGGER %I DISABLE', t.evtname) AS remedy
            FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.evtfoid
            WHERE t.evtenabled IN ('O', 'A') AND t.evtevent <> 'login'
                AND current_setting('event_triggers', true) IS DISTINCT FROM 'off' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass
                AND d.objid = t.oid AND d.deptype = 'e')
            ORDER BY 2""",
        "indexes": """
            SELECT 'invalid index' AS kind, i.indexrelid::regclass::text AS what,
                format('DROP INDEX CONCURRENTLY %s', i.indexrelid::regclass) AS remedy
            FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
            WHERE NOT i.indisvalid AND c.relkind = 'i' AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
            ORDER BY 2""",
    }


# A row that a squash archived is no longer live to confiture. Old ledgers have no such column.
ROWS = """
    SELECT coalesce(version::text, '') AS version, isfinite(applied_at) AS is_timed,
        coalesce(isfinite(applied_at) AND applied_at > clock_timestamp(), false) AS is_ahead,
        dense_rank() OVER (ORDER BY applied_at) AS rank, checksum::text
    FROM tb_confiture AS ledger
    WHERE to_jsonb(ledger) ->> 'archived_into' IS NULL ORDER BY pk_confiture"""

# What confiture reads before it does anything.
READ = "SELECT count(*) FROM (SELECT version FROM tb_confiture ORDER BY applied_at) AS read"

# Asked at the beginning and at the end: a pooler gives each transaction another session.
PID = "SELECT pg_backend_pid() AS pid"


def connect_with(psycopg, option):
    """A connection, and whether the server accepted the option."""

    def attempt():
        connection = connect(psycopg, CONNECT_S, "fraisier-adapter-confiture doctor")
        connection.row_factory = psycopg.rows.dict_row
        return connection

    try:
        return attempt(), True
    except psycopg.Error as error:
        options = os.environ.get("PGOPTIONS", "")
        signs = ("startup parameter", "client_connection_check_interval")
        if option not in options or not any(sign in str(error) for sign in signs):
            raise
        os.environ["PGOPTIONS"] = options.replace(option, "")
        return attempt(), False


def sqlstate(found):
    return found.get("error", {}).get("sqlstate")


def ask(psycopg, connection, statement, deadline, limit_ms=STATEMENT_MS):
    """The answer to a statement. The role's own timeout can end even the statement that raises it."""
    for last in (False, False, True):
        began = time.monotonic()
        if began > deadline:
            return {"error": {"message": "not asked: the time was up", "sqlstate": None}}
        found = answer(psycopg, connection, statement, LOCK_MS, limit_ms)
        if last or sqlstate(found) != "57014" or time.monotonic() - began > 1:
            return found


def judge_timeouts(found, ask):
    """Finds timeouts that end what confiture reads at first."""
    if sqlstate(found) == "57014":
        return {"rows": [{"kind": "too short", "what": "statement_timeout, which ended even the query for its value"}]}
    for row in found.get("rows", ()):
        if row["name"] == "statement_timeout" and row["ms"] < STATEMENT_MS and sqlstate(ask(READ, row["ms"])) == "57014":
            row["kind"] = "too short"
    return found


def look(psycopg, directory, option):
    deadline = time.monotonic() + LOOK_S
    try:
        connection, takes_options = connect_with(psycopg, option)
    except Exception as error:
        return {"not_connected": str(error)}
    with connection:

        def ask_it(statement, *limit):
            return ask(psycopg, connection, statement, deadline, *limit)

        pid = ask_it(PID)
        is_encrypted = getattr(connection.pgconn, "ssl_in_use", False)
        asked = statements(connection.info.port, is_encrypted, takes_options)
        answers = {name: ask_it(statement) for name, statement in asked.items()}
        answers["timeouts"] = judge_timeouts(answers["timeouts"], ask_it)
        rows = ask_it(ROWS)
        again = ask_it(PID)
        if "rows" in pid and "rows" in again and pid != again:
            answers["server"].get("rows", []).append({"kind": "two sessions", "what": ""})
    try:
        checksums = dict(digests(directory, deadline - time.monotonic()))
    except OSError:
        checksums = {}
    return {"looked": {"answers": answers, "rows": rows, "checksums": checksums}}


def main(directory, option):
    try:
        import psycopg

        # As confiture does at every start.
        from confiture.cli.main import app  # noqa: F401
    except BaseException as error:
        # The text of a bare `SystemExit` is empty.
        return {"not_started": f"{type(error).__name__}: {error}".removesuffix(": ")}
    return look(psycopg, directory, option)


write(sys.argv[1], main(*sys.argv[2:]))
