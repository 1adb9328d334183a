"""Lists the databases into which drills of the engine restored a backup of the connected database.

Argument: the path of the report. The connection string is in the environment.
"""

import sys

# With `-c`, Python looks for modules in the working directory first. confiture does not.
if sys.path and sys.path[0] == "":
    del sys.path[0]

import json
import os

import psycopg

# The engine keeps so many characters of the live name, and writes `db` before one that starts with no letter.
STATEMENT = r"""
    SELECT datname::text FROM pg_catalog.pg_database WHERE datname::text ~ ('^(db)?' ||
        left(regexp_replace(current_database()::text, '[^A-Za-z0-9_]', '', 'g'), 24) || '_fraisier_rh_')
    ORDER BY 1"""

with psycopg.connect(
    os.environ["CONFITURE_DATABASE_URL"],
    autocommit=True,
    # Without prepared statements: in a pooler, they would remain for others.
    prepare_threshold=None,
    client_encoding="utf8",
    fallback_application_name="fraisier-adapter-confiture",
) as connection:
    names = [name for (name,) in connection.execute(STATEMENT)]

with open(sys.argv[1], "w", encoding="utf-8") as report:
    json.dump(names, report)
