"""What every script begins with: a connection as a migration gets it, and the files of the migrations."""

import sys

# With `-c`, Python looks for modules in the working directory first. confiture does not.
if sys.path and sys.path[0] == "":
    del sys.path[0]

import hashlib
import json
import os
import stat
import time


def connect(psycopg, timeout_s, name):
    """A read-only connection, on which no statement is prepared: in a pooler it would remain for others.

    Where psycopg would reject the timeout that a migration gets, it rejects this connection too.
    """
    dsn = os.environ["CONFITURE_DATABASE_URL"]
    given = psycopg.conninfo.conninfo_to_dict(dsn).get("connect_timeout")
    try:
        float(given or os.environ.get("PGCONNECT_TIMEOUT") or 0)
    except ValueError:
        timeout_s = None
    connection = psycopg.connect(
        dsn,
        autocommit=True,
        prepare_threshold=None,
        client_encoding="utf8",
        **({"connect_timeout": timeout_s} if timeout_s else {}),
        fallback_application_name=name,
    )
    connection.read_only = True
    return connection


def answer(psycopg, connection, statement, lock_ms, statement_ms):
    """The rows of a statement, in a transaction of its own, or why the server refused it."""
    try:
        with connection.transaction():
            connection.execute(
                f"SELECT set_config('lock_timeout', '{lock_ms}', true),"
                f" set_config('statement_timeout', '{statement_ms}', true)"
            )
            return {"rows": connection.execute(statement).fetchall()}
    except psycopg.Error as error:
        return {"error": {"sqlstate": error.sqlstate, "message": str(error)}}


def digests(directory, seconds):
    """The name of each migration and its SHA-256, which confiture writes to its ledger as the checksum.

    It is `None` where the file cannot be read in time.
    """
    deadline = time.monotonic() + seconds
    for name in os.listdir(directory):
        if not name.endswith((".up.sql", ".py")):
            continue
        try:
            name.encode()
        except ValueError:
            continue
        try:
            yield [name, digest(os.path.join(directory, name), deadline)]
        except OSError:
            yield [name, None]


def digest(path, deadline):
    sha256 = hashlib.sha256()
    # Opening a FIFO must not wait.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        while time.monotonic() <= deadline:
            chunk = file.read(1 << 20)
            if not chunk:
                return sha256.hexdigest()
            sha256.update(chunk)
    return None


def write(report, result):
    with open(report, "w", encoding="utf-8") as file:
        # Encoding at once is several times faster than `json.dump`.
        file.write(json.dumps(result, default=str))
