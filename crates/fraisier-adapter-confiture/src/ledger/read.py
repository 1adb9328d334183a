"""Runs statements in a database, each in a transaction of its own that changes nothing.

Arguments: the path of the report, and the request as JSON. The connection string is in the environment.
"""


def answers(psycopg, connection, request):
    limits = request["lock_timeout_ms"], request["statement_timeout_ms"]
    for statement in request["statements"]:
        yield answer(psycopg, connection, statement, *limits)
    if "digests_of" in request:
        found = digests(request["digests_of"], request["statement_timeout_ms"] / 1000)
        yield {"rows": [[name, sha256] for name, sha256 in found if sha256]}


def run(request):
    try:
        import psycopg
    except Exception as error:
        return {"unavailable": f"psycopg cannot be imported: {error}"}
    try:
        connection = connect(psycopg, request["connect_timeout_s"], "fraisier-adapter-confiture")
    except Exception as error:
        return {"not_connected": str(error)}
    with connection:
        return {"answers": list(answers(psycopg, connection, request))}


write(sys.argv[1], run(json.loads(sys.argv[2])))
