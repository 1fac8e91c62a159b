"""What a path of a repository is for, told from its parts and never from a substring."""

import re
from pathlib import PurePosixPath
from typing import Literal

Purpose = Literal["test", "source", "other"]

_TEST_FOLDERS = frozenset({"test", "tests", "testing", "__tests__", "testdata", "e2e", "spec"})
_TEST_NAME = re.compile(
    r"test_.*\.py|.*_test\.py|tests?\.py|conftest\.py"
    r"|.*_test\.go|.*\.(test|spec)\.[cm]?[jt]sx?|(.*[-_])?test\.[cm]?js|test-.*\.[cm]?js"
)
_SOURCE = frozenset(
    {".py", ".pyi", ".pyx", ".go", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".c", ".h"}
    | {".json", ".toml", ".yaml", ".yml", ".txt", ".html", ".jinja", ".j2", ".cfg", ".ini", ".po"}
)
_CODE = frozenset({".py", ".go", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx"})
_ASIDE_FOLDERS = frozenset(
    {"doc", "docs", "changes", "changelog", "changelog.d", "newsfragments", "news", "examples"}
    | {"benchmarks", "benchmark", "bench", "releasenotes", "scripts", "tools", "ci", "fuzz"}
)


def purpose(path: str) -> Purpose:
    """Test code and its data; source that a fix may change; or neither."""
    pure = PurePosixPath(path)
    *folders, name = pure.parts
    if any(folder in _TEST_FOLDERS for folder in folders) or _TEST_NAME.fullmatch(name):
        return "test"
    if any(folder.startswith(".") or folder.lower() in _ASIDE_FOLDERS for folder in folders):
        return "other"
    if name.startswith(".") or pure.suffix.lower() not in _SOURCE:
        return "other"
    # At the top lie settings of tools and packaging, never the code of a library's package
    if not folders and pure.suffix not in _CODE:
        return "other"
    return "other" if name in {"setup.py", "noxfile.py", "tasks.py"} and not folders else "source"


def is_code(path: str) -> bool:
    """Whether a path holds program text."""
    return PurePosixPath(path).suffix in _CODE


def is_python_test(path: str) -> bool:
    """Whether pytest would collect a path by its name."""
    name = path.rpartition("/")[2]
    return bool(re.fullmatch(r"test_.*\.py|.*_test\.py|tests?\.py", name))
