"""Imports confiture once, then forks for every call that standard input asks for.

Each line of input is a JSON object: argv, env, cwd, and the files that take stdout, stderr and
the exit status. The status file appears, complete, when the call has ended.
"""

import json
import os
import signal
import sys
from importlib.metadata import entry_points

app = next(iter(entry_points(group="console_scripts", name="confiture"))).load()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def redirect(path, descriptor):
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(opened, descriptor)
    os.close(opened)


def status():
    """What the interpreter would exit with after the script that pip wrote."""
    try:
        sys.exit(app())
    except SystemExit as leaving:
        if leaving.code is None or isinstance(leaving.code, int):
            return leaving.code or 0
        print(leaving.code, file=sys.stderr)
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1


def call(asked):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    redirect(asked["stdout"], 1)
    redirect(asked["stderr"], 2)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    sys.argv = asked["argv"]
    exit_status = status()
    import atexit
    import threading

    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    partial = asked["status"] + ".partial"
    with open(partial, "w") as file:
        file.write(str(exit_status & 0xFF))
    os.rename(partial, asked["status"])
    os._exit(0)


print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if os.fork() == 0:
        call(asked)
