"""The command line. Commands parse, call one library function, and print.

stdout carries results, stderr progress and errors. Exit codes: 0 done, 1 a check failed,
2 bad input, 3 a planned trial has no verdict, 70 a defect of Arena (with a traceback),
130 interrupted, 141 whoever read stdout is gone.
"""

import errno
import os
import sys
import traceback
from typing import Annotated

import typer

from arena import __version__
from arena.errors import FaultError, InputError

app = typer.Typer(
    name="arena",
    help="Which model backend should do our coding work, and what does it cost?\n\n"
    "Example: arena plan bakeoff.toml",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

EXIT_CHECK_FAILED, EXIT_INPUT, EXIT_NO_VERDICT, EXIT_INTERRUPTED, EXIT_UNREAD = 1, 2, 3, 130, 141
EXIT_DEFECT = 70
"""As sysexits.h has it: an exit code of 1 would tell a gate that a regression is shown."""
UNREACHABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP}
"""Of paths that a person named, however they are tried."""
LINE_CHARS = 10_000
"""Of an error, which may name every contestant."""


def _version(asked: bool) -> None:
    if asked:
        print(f"arena {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of `arena` itself."""


def register() -> None:
    """Add all commands; what one imports is imported when it runs."""
    from arena.cli import agents, backends, money, nights, report, run, sandboxes
    from arena.cli import tasks as packs

    for command in (
        run.run, run.demo, money.plan, money.scale, money.reprice, report.view, run.grade,
        report.report, report.compare, report.recommend, report.power, nights.gate, nights.trend,
        nights.retain, report.race,
    ):  # fmt: skip
        app.command()(command)
    app.add_typer(packs.app, name="tasks")
    app.add_typer(sandboxes.app, name="sandboxes")
    app.add_typer(backends.app, name="backends")
    app.add_typer(agents.app, name="agents")
    app.add_typer(sandboxes.baseline, name="baseline")


def main() -> None:
    """Entry point: errors on purpose become one line and an exit code."""
    register()
    stdout = sys.stdout
    try:
        # Without standalone mode the parser raises its errors, and returns the code of an exit.
        code = app(standalone_mode=False)
        if sys.stdout is not None:  # as where it is closed
            sys.stdout.flush()
    except typer.TyperException as error:
        # Without a message: the help was asked for by naming no command, and stands there.
        told = error.format_message().replace("Value error, ", "").rstrip(".")
        _fail(f"{told}; --help tells more" if told else "", EXIT_INPUT)
    except InputError as error:
        _fail(error.line(), EXIT_INPUT)
    except FaultError as error:
        _fail(f"fault ({error.kind}): {error}", EXIT_NO_VERDICT)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", EXIT_INTERRUPTED)
    except (BrokenPipeError, SystemExit) as end:
        # Where a pipe breaks, typer puts something in stdout's place and ends as a failed check.
        if isinstance(end, SystemExit) and sys.stdout is stdout:
            raise
        nowhere = os.open(os.devnull, os.O_WRONLY)  # takes what is still held
        for number in (1, 2):
            os.dup2(nowhere, number)
        sys.exit(EXIT_UNREAD)
    except Exception as error:  # noqa: BLE001 - whatever it is, its exit code is no verdict
        if isinstance(error, OSError) and error.filename and error.errno in UNREACHABLE:
            _fail(f"{error.filename}: {error.strerror}", EXIT_INPUT)
        traceback.print_exc()
        sys.exit(EXIT_DEFECT)
    sys.exit(code)


def _fail(line: str, code: int) -> None:
    from arena.report.format import one_line

    if line:
        print(f"arena: {one_line(line, LINE_CHARS)}", file=sys.stderr)
    sys.exit(code)
