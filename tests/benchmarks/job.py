"""The job every throughput figure is measured on: 16 small tasks, five tool calls, then tests."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.servers.openai_stub import Request, Stub, call

__all__ = ["Stub", "script", "write_pack"]

TASKS = 16
SOURCE = "def add(a, b):\n    return a - b\n\n\ndef double(a):\n    return 2 * a\n"
VISIBLE = "from calc import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
HIDDEN = "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"
TWIN = "from calc import add\n\n\ndef test_add_twin():\n    assert add(2, 3) == 6\n"
GOLD = """\
diff --git a/calc/__init__.py b/calc/__init__.py
--- a/calc/__init__.py
+++ b/calc/__init__.py
@@ -1,5 +1,5 @@
 def add(a, b):
-    return a - b
+    return a + b
\x20
\x20
 def double(a):
"""
TASK = """\
title = "Add adds"
language = "python"
difficulty = "easy"
image = "python"
[tests]
runner = "pytest"
fail_to_pass = ["tests/test_add.py::test_add"]
pass_to_pass = ["tests/test_double.py::test_double"]
must_fail = ["tests/test_twin.py::test_add_twin"]
"""
COMMANDS = (
    "ls -R",
    "cat calc/__init__.py",
    "python3 -c 'from calc import add; print(add(2, 3))'",
    "sed -i 's/a - b/a + b/' calc/__init__.py",
    "git diff --stat",
)


def write_pack(folder: Path, tasks: int = TASKS) -> None:
    """A pack of equal tasks that differ in their number."""
    folder.mkdir(parents=True)
    (folder / "pack.toml").write_text(
        'name = "bench"\ntitle = "Benchmark"\nversion = "1"\nlicense = "MIT"\n'
    )
    for number in range(tasks):
        root = folder / f"add-{number:02d}"
        files = {
            "task.toml": TASK,
            "problem.md": f"`add(2, 3)` gives -1, not 5 ({number}).\n",
            "gold.patch": GOLD,
            "repo/README.md": f"Calculator {number}\n",
            "repo/calc/__init__.py": SOURCE,
            "repo/tests/test_double.py": VISIBLE,
            "tests/tests/test_add.py": HIDDEN,
            "twin/tests/test_twin.py": TWIN,
        }
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def script(request: Request):
    """Five commands, then the submission."""
    if request.turn < len(COMMANDS):
        return call("bash", command=COMMANDS[request.turn])
    return call("submit")
