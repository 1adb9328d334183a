"""Looks at a database for `doctor`, over the connection that a migration gets. It changes nothing.

Arguments: the path of the report, the directory of the migrations, and the server option that the adapter
sends. The connection string is in the environment.
"""

CONNECT_S = 5
LOCK_MS = 2000
STATEMENT_MS = 4000
# So long after the start of confiture's modules, no statement is begun and no file is read any more.
LOOK_S = 15

# The first key of confiture's advisory lock, the same in every release from 0.20.0 on.
LOCK = 1751936052

STATEMENTS = {
    "server": """
        SELECT format('as %s to the database %s', current_user, current_database()) AS connected,
            format('PostgreSQL %s, encoding %s', current_setting('server_version'),
                current_setting('server_encoding')) AS release,
            current_setting('server_version_num')::int < 140000 AS is_old,
            pg_is_in_recovery() AS is_standby,
            current_setting('default_transaction_read_only') = 'on' AS is_read_only,
            host(inet_server_addr()) AS address, inet_server_port() AS port, current_user::text AS role,
            array_remove(ARRAY[CASE WHEN current_schema() IS NULL
                THEN 'sees no schema of its search_path (' || current_setting('search_path') || ')'
                WHEN NOT has_schema_privilege(current_schema(), 'CREATE')
                THEN 'lacks CREATE in the schema ' || current_schema() END], NULL) AS lacks""",
    "timeouts": """
        SELECT name, reset_val::bigint AS ms FROM pg_catalog.pg_settings WHERE name IN
            ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout', 'lock_timeout')
            AND reset_val::bigint BETWEEN 1 AND 59999 ORDER BY name""",
    "ledgers": """
        SELECT n.nspname::text AS schema, coalesce(c.oid = to_regclass('tb_confiture'), false) AS is_seen,
            CASE WHEN c.relkind NOT IN ('r', 'p') THEN (ARRAY['a view', 'a materialized view', 'a foreign table',
                    'a sequence', 'a type', 'an index'])[strpos('vmfSci', c.relkind::text)]
                WHEN missing.names <> '' THEN 'a table without the columns ' || missing.names END AS is_instead,
            (SELECT format_type(t.atttypid, t.atttypmod) FROM pg_catalog.pg_attribute t WHERE t.attrelid = c.oid
                AND t.attname = 'applied_at' AND NOT t.attisdropped
                AND t.atttypid NOT IN ('timestamptz'::regtype, 'timestamp'::regtype)) AS untimed,
            array_remove(ARRAY[
                CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN 'lacks USAGE on the schema of the ledger' END,
                CASE WHEN NOT has_table_privilege(c.oid, 'SELECT') THEN 'lacks SELECT on the ledger' END,
                CASE WHEN NOT has_table_privilege(c.oid, 'INSERT') THEN 'lacks INSERT on the ledger' END,
                CASE WHEN NOT has_table_privilege(c.oid, 'DELETE') THEN 'lacks DELETE on the ledger' END,
                CASE WHEN NOT pg_has_role(c.relowner, 'USAGE')
                    THEN format('does not own the ledger, which every up alters (its owner is %s)', c.relowner::regrole) END,
                CASE WHEN row_security_active(c.oid) THEN 'does not see every row of the ledger (row level security)' END], NULL)
                || ARRAY(SELECT 'does not own the sequence of the ledger, ' || s.relname FROM pg_catalog.pg_depend d
                    JOIN pg_catalog.pg_class s ON s.oid = d.objid
                    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                    AND d.refobjid = c.oid AND d.deptype IN ('a', 'i') AND s.relkind = 'S'
                    AND NOT pg_has_role(s.relowner, 'USAGE')) AS lacks,
            ARRAY(SELECT 'rule ' || r.rulename FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid
                    AND r.ev_type <> '1' AND r.ev_enabled <> 'D')
                || ARRAY(SELECT 'trigger ' || t.tgname FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid
                    AND NOT t.tgisinternal AND t.tgenabled <> 'D')
                || ARRAY(SELECT 'constraint ' || k.conname FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid
                    AND k.contype IN ('c', 'f', 'x'))
                -- confiture writes these columns; the server has to fill all others.
                || ARRAY(SELECT 'column ' || t.attname || ' without a default' FROM pg_catalog.pg_attribute t
                    WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped AND NOT t.atthasdef
                    AND t.attidentity = '' AND (t.attnotnull OR t.attname = 'pk_confiture') AND t.attname NOT IN
                        ('slug', 'version', 'name', 'execution_time_ms', 'checksum', 'applied_by')) AS interferes
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
        LATERAL (SELECT string_agg(needed, ', ') AS names FROM unnest(ARRAY['pk_confiture', 'slug', 'version', 'name',
            'applied_at', 'execution_time_ms', 'checksum']) AS needed WHERE NOT EXISTS (
                SELECT FROM pg_catalog.pg_attribute t
                WHERE t.attrelid = c.oid AND t.attname = needed AND NOT t.attisdropped)) AS missing
        WHERE c.relname = 'tb_confiture' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
        ORDER BY 2 DESC, 1""",
    # A row that a squash archived is no longer live to confiture. Old ledgers have no such column.
    "rows": """
        SELECT coalesce(version::text, '') AS version, isfinite(applied_at) AS is_timed,
            coalesce(isfinite(applied_at) AND applied_at > clock_timestamp(), false) AS is_ahead,
            dense_rank() OVER (ORDER BY applied_at) AS rank, checksum::text
        FROM tb_confiture AS ledger
        WHERE to_jsonb(ledger) ->> 'archived_into' IS NULL ORDER BY pk_confiture""",
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
            (SELECT bool_or(l.granted) FROM locks l WHERE l.pid = a.pid AND l.locktype = 'advisory'
                AND l.classid::bigint = {LOCK} AND l.objsubid = 2 AND l.database = a.datid) AS migration_lock,
            EXISTS (SELECT FROM waiting w WHERE w.blocker = a.pid)
                OR coalesce(a.xact_start < clock_timestamp() - interval '10 s', false) AND locked.any
                OR locked.ledger AS blocks,
            a.is_hidden AND locked.any AS may_block
            FROM activity a, LATERAL (SELECT count(*) > 0 AS any, coalesce(bool_or(l.relation =
                    to_regclass('tb_confiture') AND l.mode = 'AccessExclusiveLock'), false) AS ledger
                FROM locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation'
                AND l.relation >= 16384) AS locked
            WHERE a.datname = current_database() AND a.pid <> pg_backend_pid())
        SELECT * FROM sessions WHERE awaits_standby OR migration_lock IS NOT NULL OR blocks OR may_block
        ORDER BY pid""",
    # No session holds these, so they are in no list of sessions.
    "prepared": """
        SELECT format('%s, prepared by %s %s s ago', p.gid, p.owner,
                extract(epoch FROM clock_timestamp() - p.prepared)::bigint) AS description,
            quote_literal(p.gid) AS name
        FROM pg_catalog.pg_prepared_xacts p WHERE p.database = current_database() AND EXISTS (
            SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_locks own USING (virtualtransaction)
            WHERE l.pid IS NULL AND l.locktype = 'relation' AND l.relation >= 16384
            AND own.pid IS NULL AND own.transactionid = p.transaction)
        ORDER BY p.prepared""",
    # Those of an extension are as its author wants them.
    "event_triggers": """
        SELECT format('%s (%s)', t.evtname, t.evtevent) AS description FROM pg_catalog.pg_event_trigger t
        WHERE t.evtenabled IN ('O', 'A') AND t.evtevent <> 'login' AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass
            AND d.objid = t.oid AND d.deptype = 'e')
        ORDER BY 1""",
    "indexes": """
        SELECT i.indexrelid::regclass::text AS name, EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
            WHERE p.index_relid = i.indexrelid) AS is_being_built
        FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
        WHERE NOT i.indisvalid AND c.relkind = 'i' ORDER BY 1""",
    # At the beginning and at the end: a pooler gives each transaction another session.
    "pid": "SELECT pg_backend_pid() AS pid",
}


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


# What confiture reads before it does anything.
READ = "SELECT count(*) FROM (SELECT version FROM tb_confiture ORDER BY applied_at) AS read"


def ask(psycopg, connection, statement, deadline, limit_ms=STATEMENT_MS):
    """The answer to a statement. The role's own timeout can end even its first try."""
    for last in (False, False, True):
        began = time.monotonic()
        if began > deadline:
            return {"error": {"message": "not asked: the time was up", "sqlstate": None}}
        found = answer(psycopg, connection, statement, LOCK_MS, limit_ms)
        cancelled = found.get("error", {}).get("sqlstate") == "57014"
        if last or not cancelled or time.monotonic() - began > 1:
            return found


def look(psycopg, directory, option):
    deadline = time.monotonic() + LOOK_S
    try:
        connection, takes_options = connect_with(psycopg, option)
    except Exception as error:
        return {"not_connected": str(error)}
    with connection:
        answers = {name: ask(psycopg, connection, text, deadline) for name, text in STATEMENTS.items()}
        timeouts = answers["timeouts"].get("rows", ())
        own = [it["ms"] for it in timeouts if it["name"] == "statement_timeout" and it["ms"] < STATEMENT_MS]
        read = ask(psycopg, connection, READ, deadline, *own)
        again = ask(psycopg, connection, STATEMENTS["pid"], deadline)
        looked = {
            **answers,
            "ends_early": bool(own) and read.get("error", {}).get("sqlstate") == "57014",
            "pid_again": again,
            "asked_port": connection.info.port,
            "is_encrypted": bool(getattr(connection.pgconn, "ssl_in_use", False)),
            "takes_options": takes_options,
        }
    try:
        looked["checksums"] = dict(digests(directory, deadline - time.monotonic()))
    except OSError:
        looked["checksums"] = {}
    return {"looked": looked}


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
