"""Runs statements in a database, each in a transaction of its own that changes nothing.

Arguments: the path of the report, and the request as JSON. The connection string is in the environment.
"""

import sys

# With `-c`, Python looks for modules in the working directory first. confiture does not.
if sys.path and sys.path[0] == "":
    del sys.path[0]

import hashlib
import json
import os
import stat


def digests(directory):
    """The SHA-256 of each migration that can be read: the checksum that confiture writes to its ledger."""
    for name in os.listdir(directory):
        if not name.endswith((".up.sql", ".py")):
            continue
        try:
            name.encode()
            # Opening a FIFO must not wait.
            file = os.open(os.path.join(directory, name), os.O_RDONLY | os.O_NONBLOCK)
            with open(file, "rb") as file:
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    yield [name, hashlib.file_digest(file, "sha256").hexdigest()]
        except (OSError, ValueError):
            pass


def answers(psycopg, connection, request):
    for statement in request["statements"]:
        try:
            with connection.transaction():
                connection.execute(
                    "SELECT set_config('lock_timeout', %s, true),"
                    " set_config('statement_timeout', %s, true)",
                    [str(request["lock_timeout_ms"]), str(request["statement_timeout_ms"])],
                )
                yield {"rows": connection.execute(statement).fetchall()}
        except psycopg.Error as error:
            yield {"error": {"sqlstate": error.sqlstate, "message": str(error)}}
    if "digests_of" in request:
        yield {"rows": list(digests(request["digests_of"]))}


def run(request):
    try:
        import psycopg
    except Exception as error:
        return {"unavailable": f"psycopg cannot be imported: {error}"}
    try:
        connection = psycopg.connect(
            os.environ["CONFITURE_DATABASE_URL"],
            autocommit=True,
            client_encoding="utf8",
            connect_timeout=request["connect_timeout_s"],
            fallback_application_name="fraisier-adapter-confiture",
        )
    except Exception as error:
        return {"not_connected": str(error)}
    with connection:
        connection.read_only = True
        return {"answers": list(answers(psycopg, connection, request))}


if __name__ == "__main__":
    result = run(json.loads(sys.argv[2]))
    with open(sys.argv[1], "w", encoding="utf-8") as report:
        json.dump(result, report, default=str)
