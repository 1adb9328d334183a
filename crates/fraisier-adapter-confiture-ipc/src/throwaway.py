"""Lists the databases into which drills of the engine restored a backup of the connected database.

Argument: the path of the report. The connection string is in the environment.
"""

import psycopg

# The engine uses the first 24 characters of the live name, with `db` before a name that does not start with a letter.
STATEMENT = r"""
    SELECT datname::text FROM pg_catalog.pg_database WHERE datname::text ~ ('^(db)?' ||
        left(regexp_replace(current_database()::text, '[^A-Za-z0-9_]', '', 'g'), 24) || '_fraisier_rh_')
    ORDER BY 1"""

with connect(psycopg, None, "fraisier-adapter-confiture") as connection:
    write(sys.argv[1], [name for (name,) in connection.execute(STATEMENT)])
