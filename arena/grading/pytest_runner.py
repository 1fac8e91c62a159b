"""pytest: one process for graded tests, canaries and twins, its JUnit report read afterwards.

A copy stands in the same file, class and style as its original and runs the same code, so that
whatever turns failures into passes wholesale turns it too. It fails in a `finally`, so that no
early return, skip or exit saves it.
"""

import ast
import copy
import re
import textwrap
from collections.abc import Sequence

from arena.grading.findings import Findings, Reported, Session, weigh
from arena.grading.job import Job, Names, TestRunner, stopped
from arena.grading.junit_runner import JUnitError, read_report
from arena.records import Entry, File, Record
from arena.records.container import WORKDIR
from arena.task.test_ids import by_place

_Function = ast.FunctionDef
_Scope = ast.Module | ast.ClassDef


class Planted(Record):
    """A test file with canaries in it."""

    file: File
    ids: tuple[str, ...]
    """Ids of the canaries."""


class Renamed(Record):
    """A twin's file and tests under names of this run."""

    file: File
    ids: dict[str, str]
    """The author's id to the one of this run."""


def plant(file: File, test_ids: Sequence[str], names: Names) -> Planted:
    """Put a failing copy of one of the tests into their file.

    Args:
        file: the trusted test file.
        test_ids: ids of tests in it, in pytest's form.
        names: where the copy's name comes from.
    """
    text = _text(file)
    tree = _parse(text)
    for test_id in names.rng.sample(list(test_ids), len(test_ids)):
        path, scopes, function, param = _split(test_id)
        found = _find(tree, scopes, function)
        if found is None or not _copyable(found[1]):
            continue
        scope, original = found
        name = names.word(_names_in(scope), prefix=f"{original.name}_")
        block = textwrap.indent(_failing(original, name, scope, names), " " * original.col_offset)
        planted = _insert(text, original.end_lineno or 0, block)
        return Planted(file=_with(file, planted), ids=("::".join([path, *scopes, name + param]),))
    name = names.word(_names_in(tree), prefix="test_")
    planted = f"{text.rstrip()}\n\n\ndef {name}():\n    {_false(names)}\n"
    return Planted(file=_with(file, planted), ids=(f"{file.path}::{name}",))


def rename(file: File, test_ids: Sequence[str], names: Names) -> Renamed:
    """Give a twin's file and test functions names of this run, beside where they were."""
    folder, slash, _ = file.path.rpartition("/")
    path = f"{folder}{slash}{names.word(prefix='test_')}.py"
    text = _text(file)
    tree, lines = _parse(text), text.split("\n")
    ids = {}
    new: dict[int, str] = {}
    for test_id in test_ids:
        _, scopes, function, param = _split(test_id)
        found = _find(tree, scopes, function)
        if found is None:
            ids[test_id] = "::".join([path, *scopes, function + param])
            continue
        scope, original = found
        at = original.lineno - 1
        if at not in new:
            new[at] = names.word({*_names_in(scope), *new.values()}, prefix="test_")
            lines[at] = lines[at].replace(f"def {function}", f"def {new[at]}", 1)
        ids[test_id] = "::".join([path, *scopes, new[at] + param])
    renamed = _with(file, "\n".join(lines)).model_copy(update={"path": path})
    return Renamed(file=renamed, ids=ids)


def in_file_order(file: File, test_ids: Sequence[str]) -> list[str]:
    """Ids of one file in the order in which their functions stand in it."""
    tree = _parse(_text(file))

    def line(test_id: str) -> int:
        _, scopes, function, _ = _split(test_id)
        found = _find(tree, scopes, function)
        return found[1].lineno if found else 0

    return sorted(test_ids, key=line)


def _text(file: File) -> str:
    return file.data.decode("utf-8", "surrogateescape")


def _parse(text: str) -> ast.Module:
    """The syntax tree; an empty one where this interpreter cannot read the text."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def _split(test_id: str) -> tuple[str, list[str], str, str]:
    head, bracket, rest = test_id.partition("[")
    path, *scopes, function = head.split("::")
    return path, scopes, function, bracket + rest


def _find(
    tree: ast.Module, scopes: Sequence[str], function: str
) -> tuple[_Scope, _Function] | None:
    scope: _Scope = tree
    for name in scopes:
        inner = [
            node for node in scope.body if isinstance(node, ast.ClassDef) and node.name == name
        ]
        if not inner:
            return None
        scope = inner[-1]
    tests = [node for node in scope.body if isinstance(node, _Function) and node.name == function]
    return (scope, tests[-1]) if tests else None


def _copyable(node: _Function) -> bool:
    return not any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in ast.walk(node))


def _names_in(scope: _Scope) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in scope.body if isinstance(node, kinds)}


def _failing(original: _Function, name: str, scope: _Scope, names: Names) -> str:
    node = copy.deepcopy(original)
    node.name = name
    first = node.args.args[0].arg if isinstance(scope, ast.ClassDef) and node.args.args else ""
    subject = first if _asserts_by(first, original) else None
    end = ast.parse(_false(names, subject)).body
    node.body = [ast.Try(body=node.body, handlers=[], orelse=[], finalbody=end)]
    return ast.unparse(ast.fix_missing_locations(node))


def _asserts_by(subject: str, test: _Function) -> bool:
    return any(
        isinstance(node, ast.Attribute)
        and node.attr.startswith("assert")
        and isinstance(node.value, ast.Name)
        and node.value.id == subject
        for node in ast.walk(test)
    )


def _false(names: Names, subject: str | None = None) -> str:
    """A statement that fails, in the manner the test itself would."""
    left, right = names.rng.sample(range(2, 100), 2)
    return f"{subject}.assertEqual({left}, {right})" if subject else f"assert {left} == {right}"


def _insert(text: str, after_line: int, block: str) -> str:
    lines = text.split("\n")
    return "\n".join([*lines[:after_line], "", block, "", *lines[after_line:]])


def _with(file: File, text: str) -> File:
    return file.model_copy(update={"data": text.encode("utf-8", "surrogateescape")})


_MAX_CANARIES = 3
# No PYTHONPYCACHEPREFIX: no patch can hold bytecode, and without the image's own, the interpreter
# would compile the standard library and pytest anew in every run, at three times the cost.
PYTEST_ENV = {
    "PYTHONSAFEPATH": "1",
    "PYTHONNOUSERSITE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONBREAKPOINT": "0",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}


class _Plan(Record):
    """What is laid over the tree and what is asked for."""

    files: tuple[File, ...]
    order: tuple[str, ...]
    must_fail: tuple[str, ...]


def run_pytest(job: Job) -> Findings:
    """Grade a patched tree with pytest."""
    tree = job.tree()
    plan = _plan(job, tree)
    config = File(path=f"{job.folder}/pytest.ini", data=b"[pytest]\n")
    report = job.report(".xml")
    job.lay([*plan.files, config], [report])
    root = f"{WORKDIR}/src" if any(path.startswith("src/") for path in tree) else WORKDIR
    result = job.run(
        _argv(job, config.path, report, plan.order), {**PYTEST_ENV, "PYTHONPATH": root}
    )
    job.finish()
    if early := stopped(result):
        return early
    session = Session(
        expected=(*job.task.tests.fail_to_pass, *job.task.tests.pass_to_pass),
        must_fail=plan.must_fail,
        exit_code=result.exit_code,
    )
    entry = job.read(report)
    job.keep("junit.xml", entry.data)
    try:
        return weigh(session.model_copy(update={"report": _tests(entry, session)}), job.defences)
    except JUnitError as error:
        return weigh(session.model_copy(update={"fault": str(error)}), job.defences)


# ── before ─────────────────────────────────────────────────────────────────────────────────────


def _plan(job: Job, tree: dict[str, File]) -> _Plan:
    """Canaries stand at random places of their file, twins between the files."""
    tests, rng = job.task.tests, job.names.rng
    files = {**{path: tree[path] for path in by_place(tests.pass_to_pass) if path in tree}}
    files.update({path: tree[path] for path in by_place(tests.fail_to_pass) if path in tree})
    files.update(job.hidden())
    groups = by_place((*tests.fail_to_pass, *tests.pass_to_pass))
    groups = {path: in_file_order(files[path], groups[path]) for path in sorted(groups)}
    must_fail: list[str] = []
    targets = list(by_place(tests.fail_to_pass).items()) if job.defences.canaries else []
    for path, ids in rng.sample(targets, min(_MAX_CANARIES, len(targets))):
        planted = plant(files[path], ids, job.names)
        files[path] = planted.file
        must_fail += planted.ids
        at = rng.randint(0, len(groups[path]))
        groups[path][at:at] = planted.ids
    order = list(groups.values())
    twins, by_twin = job.twins(), by_place(job.must_fail)
    for path, ids in by_twin.items():
        renamed = rename(twins.pop(path), ids, job.names)
        files[renamed.file.path] = renamed.file
        must_fail += renamed.ids.values()
        order.insert(rng.randint(0, len(order)), list(renamed.ids.values()))
    if job.shuffle:
        order = rng.sample([[i] for group in order for i in group], sum(map(len, order)))
    return _Plan(
        files=(*files.values(), *twins.values()),
        order=tuple(test_id for group in order for test_id in group),
        must_fail=tuple(must_fail),
    )


def _argv(job: Job, config: str, report: str, order: Sequence[str]) -> list[str]:
    trusted = ("-c", config, f"--rootdir={WORKDIR}", f"--confcutdir={WORKDIR}", "-o", "addopts=")
    return [
        *("python3", "-P", "-m", "pytest", "-q", "--tb=short", "--color=no"),
        *(trusted if job.defences.trusted_config else ()),
        *("-p", "no:cacheprovider", f"--junitxml={report}"),
        *(word for name in job.task.tests.plugins for word in ("-p", name)),
        *(word for line in job.task.tests.options for word in ("-o", line)),
        *("-o", "junit_family=xunit2", "-o", "junit_logging=no", *order),
    ]


# ── after ──────────────────────────────────────────────────────────────────────────────────────


def _tests(entry: Entry, session: Session) -> tuple[Reported, ...]:
    keys = {_key(test_id): test_id for test_id in (*session.expected, *session.must_fail)}
    return tuple(
        Reported(id=keys.get(key, f"{key[0]}::{key[1]}"), outcome=test.outcome)
        for test in read_report(entry)
        for key in [(test.classname, test.name)]
    )


def _key(test_id: str) -> tuple[str, str]:
    """Class and name under which pytest's report speaks of a test."""
    head, bracket, param = test_id.partition("[")
    path, *scopes, function = head.split("::")
    module = re.sub(r"\.py$", "", path.replace("/", "."))
    return ".".join([module, *scopes]), function + bracket + param


RUNNER = TestRunner(run_pytest)
