# What RELEASE is announced to do, before confiture runs in this process.
def announced(release):
    import atexit, json, os, sys, tempfile
    from pathlib import Path

    import confiture.error_code_table as table

    if release >= (1, 36):
        moved = {"GEN_001", *(f"MIGR_{n}" for n in ("001", "004", "100", "102", "106", "107", "108"))}
        new = {"DIFFER_404": 0, "DIFFER_405": 0, "DIFFER_408": 0}
        new |= dict.fromkeys(["CONFIG_015", "DIFFER_406", "DIFFER_409", "DIFFER_410"], 5)
        table.ERROR_CODE_DEFINITIONS = tuple(
            {**row, "exit_code": 1} if row["code"] in moved else row
            for row in table.ERROR_CODE_DEFINITIONS
        ) + tuple(
            {
                "code": code,
                "message_template": "announced",
                "severity": "error",
                "exit_code": exit_code,
                "resolution_hint": None,
            }
            for code, exit_code in new.items()
        )
        import confiture.error_codes as codes

        codes.CANONICAL_EXIT_CODES.update({**dict.fromkeys(moved, 1), **new})
    if (
        release < (1, 35)
        or sys.argv[1:3] != ["migrate", "preflight"]
        or "--output" not in sys.argv
    ):
        return
    written = Path(sys.argv[sys.argv.index("--output") + 1])
    report = {"scope": "all"}
    if "--scope" in sys.argv:
        place = sys.argv.index("--scope")
        report["scope"] = sys.argv[place + 1]
        del sys.argv[place : place + 2]
    dsn = os.environ.get("CONFITURE_DATABASE_URL")
    if report["scope"] == "pending" and dsn:
        import psycopg

        try:
            connection = psycopg.connect(dsn)
        except psycopg.OperationalError:
            # It ends with what it ends with everywhere.
            sys.argv[1:] = ["migrate", "current", "--no-config", "--format", "json"]
            sys.argv += ["--output", str(written)]
            return
        with connection:
            exists = connection.execute("SELECT to_regclass('tb_confiture')").fetchone()[0]
            rows = connection.execute("SELECT version FROM tb_confiture") if exists else ()
            applied = {version for (version,) in rows}
        report["ledger"] = {"table": "tb_confiture", "exists": exists is not None}
        place = sys.argv.index("--migrations-dir") + 1
        directory = Path(sys.argv[place]).absolute()
        pending = tempfile.TemporaryDirectory()
        atexit.register(pending.cleanup)
        if directory.is_dir():
            sys.argv[place] = pending.name
            for file in directory.iterdir():
                if file.name.partition("_")[0] not in applied:
                    (Path(pending.name) / file.name).symlink_to(file)

    @atexit.register
    def add():
        document = json.loads(written.read_text()) if written.exists() else {}
        if "summary" in document:
            written.write_text(json.dumps({**document, **report}))


announced(RELEASE)
