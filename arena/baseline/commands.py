"""The shell commands that carry the search into the sandbox and run it there step by step."""

import base64
import gzip
import io
import json
import tarfile
from functools import cache
from importlib.resources import files

from arena.baseline.statement import Statement

FOLDER = "/tmp/arena-mutate"  # noqa: S108 - a path inside the contestant's own container
PACKAGE = "mutate_probe"
LINE = 120


@cache
def archive() -> str:
    """Return the search as base64 of a tar.gz, without times or owners.

    Compressed, the whole search is one reply of about 8,000 tokens by the service's own count,
    under the usual limits on output.
    """
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        folder = files("arena.baseline") / "probe"
        for item in sorted(folder.iterdir(), key=lambda item: item.name):
            if item.name.endswith(".py"):
                data = item.read_bytes()
                entry = tarfile.TarInfo(f"{PACKAGE}/{item.name}")
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    text = base64.b64encode(gzip.compress(raw.getvalue(), mtime=0)).decode()
    return "\n".join(text[start : start + LINE] for start in range(0, len(text), LINE))


def survey(statement: Statement, limit: int) -> str:
    """Return the command that unpacks the search, hands it the report and lets it look around."""
    report = json.dumps({"examples": statement.examples, "names": statement.names})
    return "\n".join(
        (
            f"mkdir -p {FOLDER} && base64 -d <<'ARCHIVE' | tar xz --no-same-owner -C {FOLDER}",
            archive(),
            "ARCHIVE",
            f"base64 -d <<'REPORT' > {FOLDER}/report.json",
            base64.b64encode(report.encode()).decode(),
            "REPORT",
            _step(f"survey --limit {limit}"),
        )
    )


def attempt(start: int, count: int) -> str:
    """Return the command that tries up to count candidates from start on."""
    return _step(f"try --start {start} --count {count}")


def apply(index: int) -> str:
    """Return the command that makes one candidate the fix and shows the difference."""
    return _step(f"apply --start {index}")


def finish() -> str:
    """Return the command that takes back whatever the runs left in the tree."""
    return _step("finish")


def _step(arguments: str) -> str:
    return f'root=$PWD; cd {FOLDER} && python3 -m {PACKAGE} {arguments} --root "$root"'
