"""Rows of the SWE-bench family as one record: classic, v5, SWE-rebench v1 and v2, Multi-SWE-bench.

Which of them a row is shows in its keys. What a row cannot be used for is a reason, not an error.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from arena.errors import InputError
from arena.paths import SafePath
from arena.records import Record
from arena.serialize import from_json, json_lines, read_json, read_text, read_yaml
from arena.task.patch import PatchError, parse, parse_loosely, render


def read_json_rows(path: Path) -> Iterator[tuple[Any, str]]:
    """Values of a JSON or JSON Lines file, a list's one by one, each with its place for errors.

    Raises:
        InputError: it cannot be read, or is neither.
    """

    def broken(number: int, what: str) -> None:
        where = f"{path}: line {number}"
        raise InputError(f"not JSON ({what})", where=where, remedy="give JSON or JSON Lines")

    text = read_text(path)
    try:
        value = from_json(text)
    except ValueError:
        rows = json_lines(text.split("\n"), broken)
        yield from ((row, f"{path}: line {number}") for number, row in rows)
        return
    if isinstance(value, list):
        yield from ((row, f"{path}: entry {number}") for number, row in enumerate(value, 1))
    else:
        yield value, str(path)


def read_rows(path: Path) -> Iterator[tuple[Any, str]]:
    """As `read_json_rows`, and of Parquet, whose package may be missing."""
    if path.suffix != ".parquet":
        yield from read_json_rows(path)
        return
    try:
        from pyarrow import parquet
    except ImportError:
        raise InputError(
            "Parquet needs the package pyarrow",
            where=str(path),
            remedy="pip install 'arena-bakeoff[tables]', or give JSON Lines",
        ) from None
    for number, row in enumerate(parquet.read_table(path).to_pylist(), 1):
        yield row, f"{path}: row {number}"


_RUNNERS: dict[Literal["pytest", "unittest"], re.Pattern[str]] = {
    "pytest": re.compile(r"(^|[\s/])(pytest|py\.test|tox|bin/test)\b"),
    "unittest": re.compile(r"\bunittest\b|[\s/]runtests\.py\b|\bdjango\b"),
}
"""What a command or the name of a parser says; pytest runs what tox and SymPy's own script do."""
_UNITTEST_ID = re.compile(r"((\w+) \(([\w.]+?))(?:\.\2)?\)(?: (.+))?")
"""From Python 3.11 on it ends with the test's name once more; a line of documentation follows."""
_IDS = ("fail_to_pass", "pass_to_pass")
"""Also written in lower case."""
_PATH_PARAMETER = re.compile(r"\[/(?!/)(?:[^\]]*/)?([^/\]]*)\]")
"""Some suites keep only the last part of a parameter that is a path."""
_SHOWN = ("f2p_tests", "s2p_tests", "n2p_tests")


class Wish(Record):
    """What a row, or a person, says of the environment."""

    python: str | None = None
    packages: tuple[str, ...] = ()
    """Requirements, as pip writes them."""
    test: str | None = None
    """The command that runs the tests."""
    without: tuple[str, ...] = ()
    """Names of packages to leave out, whatever the repository asks for."""
    plugins: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


class Thing(Record):
    """One task of somebody's suite, as it was read."""

    instance_id: str
    """What the suite calls it."""


class Instance(Thing):
    """One that is to fix a repository."""

    repo: str
    """`owner/name`"""
    version: str = ""
    base_commit: str
    gold: str
    test_patch: str
    statement: str
    language: str = "python"
    fail_to_pass: tuple[str, ...]
    pass_to_pass: tuple[str, ...] = ()
    wish: Wish = Wish()
    parser: str = ""
    """The log parser that the suite grades with."""
    image: str = ""

    @property
    def title(self) -> str:
        """The first line of its statement."""
        lines = [line.strip("# \t") for line in self.statement.splitlines()]
        return next((line for line in lines if line), self.instance_id)[:100]


class Unreadable(Thing):
    """One that cannot be read."""

    reason: str


SuiteRow = Mapping[str, Any]

MALFORMED = (AttributeError, InputError, KeyError, OSError, TypeError, ValueError)
"""What reading a thing of the wrong shape ends with."""


def unreadable(name: str, kind: str, error: Exception) -> Unreadable:
    """A thing that could not be read, with the reason on one line."""
    what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
    return Unreadable(instance_id=name, reason=f"malformed {kind}: {' '.join(what.split())}")


def read_instances(path: Path) -> Iterator[Instance | Unreadable]:
    """The instances of a data set file or of a v5 task repository; else `InputError`."""
    rows = _task_repository(path) if path.is_dir() else read_rows(path)
    for number, (row, where) in enumerate(rows, 1):
        if isinstance(row, Unreadable):
            yield row
            continue
        if not isinstance(row, dict):
            raise InputError("not an instance", where=where, remedy="give rows of a suite")
        name = str(row.get("instance_id") or f"row {number}")
        try:
            yield _multi(row) if {"org", "repo", "fix_patch"} <= row.keys() else _one(row)
        except MALFORMED as error:
            yield unreadable(name, "row", error)


def runner_of(instance: Instance) -> Literal["pytest", "unittest"] | None:
    """What runs the instance's tests, as far as the row tells; None for what we cannot run."""
    told = f"{instance.wish.test or ''} {instance.parser.replace('_', ' ')}"
    for runner, words in _RUNNERS.items():
        if words.search(told):
            return runner
    if instance.wish.test:
        return None
    names = instance.fail_to_pass
    if any("::" in name or name.endswith(".py") for name in names):
        return "pytest"
    if all(re.fullmatch(r"test\w*(\[.*)?", name) for name in names):
        return "pytest"
    both = (*names, *instance.pass_to_pass)
    return "unittest" if any(map(_UNITTEST_ID.fullmatch, both)) else None


# ── one row ────────────────────────────────────────────────────────────────────────────────────


def _one(given: SuiteRow) -> Instance:
    row = {**given, **{key.upper(): given[key] for key in _IDS if key in given}}
    config = _mapping(row.get("install_config"))
    statement = _text(row, "problem_statement")
    if interface := row.get("interface"):
        statement += f"\n\n{interface}"
    return Instance(
        instance_id=str(row["instance_id"]),
        repo=_text(row, "repo"),
        version=str(row.get("version") or ""),
        base_commit=_text(row, "base_commit"),
        gold=_taken(_text(row, "patch")),
        test_patch=_taken(_text(row, "test_patch")),
        statement=statement,
        language=str(row.get("language") or "python").lower(),
        fail_to_pass=_ids("FAIL_TO_PASS", row["FAIL_TO_PASS"]),
        pass_to_pass=_ids("PASS_TO_PASS", row.get("PASS_TO_PASS") or ()),
        wish=_wish(config),
        parser=str(row.get("log_parser") or config.get("log_parser") or ""),
        image=str(row.get("image") or row.get("image_name") or row.get("docker_image") or ""),
    )


def _multi(row: SuiteRow) -> Instance:
    issues = row.get("resolved_issues") or ()
    texts = [f"{issue.get('title') or ''}\n\n{issue.get('body') or ''}" for issue in issues]
    own = f"{row.get('title') or ''}\n\n{row.get('body') or ''}"
    shown = [name for key in _SHOWN for name in _mapping(row.get(key))]
    return Instance(
        instance_id=f"{row['org']}__{row['repo']}-{int(row['number'])}",
        repo=f"{row['org']}/{row['repo']}",
        base_commit=_text(row["base"], "sha"),
        gold=_taken(_text(row, "fix_patch")),
        test_patch=_taken(_text(row, "test_patch")),
        statement="\n\n".join(texts).strip() or own,
        language=str(row.get("lang") or "").lower() or "unknown",
        fail_to_pass=tuple(dict.fromkeys(shown)),
        pass_to_pass=tuple(_mapping(row.get("p2p_tests"))),
    )


def _text(row: SuiteRow, key: str) -> str:
    """A text that a row must have: its null is none, and no word either."""
    if not isinstance(row[key], str):
        raise TypeError(f"{key} is no text")
    return str(row[key])


def _taken(patch: str) -> str:
    """A patch as it is, or written anew where only GNU `patch` would take it."""
    try:
        parse(patch)
    except PatchError:
        with suppress(PatchError):  # what is wrong is said where it is applied
            return render(parse_loosely(patch))
    return patch


def _ids(field: str, value: Any) -> tuple[str, ...]:
    """Ids as a list, or as a list written in JSON or in Python, each once."""
    found = _listed(value) if isinstance(value, str) else value
    if isinstance(found, str) or not isinstance(found, Iterable):
        found = [None]
    found = list(found)
    if not all(isinstance(one, str) for one in found):
        raise ValueError(f"{field} is not a list of texts")
    return tuple(dict.fromkeys(found))


def _listed(text: str) -> Any:
    """A list in JSON, or as Python writes it; None where it is neither."""
    with suppress(ValueError):
        return from_json(text)
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
        return ast.literal_eval(text.strip())
    return None


def _mapping(value: Any) -> dict[str, Any]:
    """A table, also one written in JSON; nothing else."""
    found = from_json(value) if isinstance(value, str) and value.strip() else value
    return dict(found) if isinstance(found, Mapping) else {}


def _wish(config: SuiteRow) -> Wish:
    test = config.get("test_cmd")
    packages = [str(one) for one in config.get("pip_packages") or ()]
    named = config.get("packages")
    if isinstance(named, str) and not named.endswith((".txt", ".yml", ".yaml")):
        packages += named.split()
    return Wish(
        python=str(config["python"]) if config.get("python") else None,
        packages=tuple(packages),
        test=" && ".join(map(str, test)) if isinstance(test, list) else test or None,
    )


# ── a task repository ──────────────────────────────────────────────────────────────────────────


def _task_repository(path: Path) -> Iterator[tuple[Any, str]]:
    """Rows of SWE-bench v5's directory form."""
    for folder in (SafePath(path) / "tasks").iterdir():
        where = folder / "task.yaml"
        try:
            if not where.is_file():
                continue
            yield _task_folder(folder), str(where)
        except MALFORMED as error:
            yield unreadable(folder.name, "task", error), str(where)


def _task_folder(root: SafePath) -> SuiteRow:
    """One row; its patches keep their line ends."""
    return {
        **read_yaml(root / "task.yaml"),
        **read_json(root / "tests.json"),
        "problem_statement": read_text(root / "problem_statement.md"),
        "patch": (root / "gold.patch").read_bytes().decode("utf-8", "surrogateescape"),
        "test_patch": (root / "test.patch").read_bytes().decode("utf-8", "surrogateescape"),
    }


# ── what a person adds ─────────────────────────────────────────────────────────────────────────


def wish_for(instance: Instance, wishes: Mapping[str, Wish]) -> Wish:
    """Its environment: a person's, by `owner/name@version` or `owner/name`, before the row's."""
    given = wishes.get(f"{instance.repo}@{instance.version}") or wishes.get(instance.repo)
    if given is None:
        return instance.wish
    return instance.wish.model_copy(update=given.model_dump(exclude_defaults=True))


def resolve_ids(
    published: Sequence[str], found: Sequence[str], touched: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """The tests that each published id stands for; ids that stand for none are not in it.

    Some suites cut ids at the first blank, so that one stands for several parametrized tests; some
    give bare names, of a file that the test patch touches. A test of unittest is named with or
    without itself, or by its line of documentation alone.
    """
    spelled: dict[str, list[str]] = {}
    for one in found:
        for form in _spellings(one):
            spelled.setdefault(form, []).append(one)
    stand_for: dict[str, tuple[str, ...]] = {}
    for name in published:
        if name in spelled:
            ways = spelled[name]
            stand_for[name] = (name,) if name in ways else tuple(ways)
        elif "::" in name:
            stand_for[name] = tuple(one for one in found if _is_cut(name) and one.startswith(name))
        else:
            stand_for[name] = tuple(
                one
                for one in found
                if one.partition("::")[0] in touched
                and (one.rpartition("::")[2] == name or (_is_cut(name) and f"::{name}" in one))
            )
    return {name: ids for name, ids in stand_for.items() if ids}


def _spellings(found: str) -> set[str]:
    """The ways in which suites write the id of a test, itself among them."""
    ways = {found, _PATH_PARAMETER.sub(r"[/\1]", found)}
    if match := _UNITTEST_ID.fullmatch(found):
        test, name, _, line = match.groups()
        ways |= {f"{test})", f"{test}.{name})", line or found}
    return ways


def _is_cut(name: str) -> bool:
    """Whether an id with parameters has lost its end."""
    return "[" in name and not name.endswith("]")
