"""pytest: one process for graded tests, canaries and twins, its JUnit report read afterwards.

It is loaded whole before anything of the tree can be imported.
"""

import json
import random
import re
from collections.abc import Iterable, Sequence

from arena.grading.findings import Findings, Session
from arena.grading.job import Job, TestRunner, stopped
from arena.grading.junit_runner import JUnitTest, weigh_report
from arena.grading.names import Renaming
from arena.grading.python_canaries import in_file_order, inherited, plant, rename
from arena.records import File, Record
from arena.records.container import WORKDIR
from arena.task.plan_ids import by_place

_FILES_WITH_CANARIES = 3
_CANARIES = (3, 6)
"""Least and most of a run. Every one more makes it less likely to guess which they are."""
_IN_TWINS = 2
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
START = b"""\
import sys


class Missed:  # notes what is looked for in vain before the tree can be imported
    names = set()

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if path is None:
            cls.names.add(name)


if __name__ == '__main__':
    sys.meta_path.append(Missed)
import copy, importlib.machinery, json, os, pickle, pkgutil, site


class Tree:  # finds the tree's own modules there, and lets no new one fill an old gap
    def __init__(self, root, own, missed):
        self.root, self.own, self.missed = root, own, missed - own

    def find_spec(self, name, path=None, target=None):
        find = importlib.machinery.PathFinder.find_spec
        if path is None and name in self.own:
            return find(name, [self.root, *sys.path])
        if path is None and name in self.missed:
            spec = find(name, [place for place in sys.path if not place.startswith('/repo')])
            if spec is None:
                raise ModuleNotFoundError('No module named %r' % name, name=name)
            return spec


def main(root, own, plugins):
    add, late = site.addpackage, []
    site.addpackage = lambda *place: late.append(place)
    site.main()
    site.addpackage = add
    import pytest
    import _pytest

    for module in pkgutil.iter_modules(_pytest.__path__, '_pytest.'):
        if not module.name.startswith('_pytest.pytester'):
            try:
                __import__(module.name)
            except ImportError:
                pass
    opened = []

    def open_tree():
        if opened:
            return
        opened.append(True)
        sys.meta_path.remove(Missed)
        for place in late:
            add(*place)
        sys.path.append(root)
        os.environ['PYTHONPATH'] = root
        at = sys.meta_path.index(importlib.machinery.PathFinder)
        sys.meta_path.insert(at, Tree(root, own, Missed.names))
        for name, module in list(sys.modules.items()):
            loader = getattr(module, '__loader__', None)
            ours = name.partition('.')[0] in own - {'pytest', '_pytest'}
            if ours and isinstance(loader, importlib.machinery.SourceFileLoader):
                del sys.modules[name]  # the runner has its own, tests get the tree's

    class Opener:
        @pytest.hookimpl(tryfirst=True)
        def pytest_load_initial_conftests(self):
            open_tree()

    if any(name.partition('.')[0] in own for name in plugins):
        open_tree()
    return pytest.main(plugins=[Opener()])


if __name__ == '__main__':
    told = json.loads(sys.argv.pop(1))
    sys.exit(main(told['root'], set(told['own']), told['plugins']))
"""
"""Starts pytest where nothing of the tree can be imported, and opens the tree just before its
first `conftest.py`: what the tree had keeps its place before the libraries, what a patch adds
comes after them and never in the place of something that was looked for before."""


class _Plan(Record):
    """What is laid over the tree and what is asked for."""

    files: tuple[File, ...]
    order: tuple[str, ...]
    planned: dict[str, str]
    """Id of this run to the plan's, for all that must pass."""
    must_fail: tuple[str, ...]


def run_pytest(job: Job) -> Findings:
    """Grade a patched tree with pytest."""
    tree = job.tree()
    plan = _plan(job, tree)
    config = File(path=f"{job.folder}/pytest.ini", data=b"[pytest]\n")
    start = File(path=f"{job.folder}/start.py", data=START)
    report = job.report(".xml")
    job.lay([*plan.files, config, start], [report])
    job.tell(plan.planned)
    root = f"{WORKDIR}/src" if any(path.startswith("src/") for path in tree) else WORKDIR
    isolated = job.defences.isolated
    result = job.run(
        [
            *(_start(job, start.path, root, tree) if isolated else ("python3", "-Pm", "pytest")),
            *_options(job, config.path, report),
            *plan.order,
        ],
        PYTEST_ENV if isolated else {**PYTEST_ENV, "PYTHONPATH": root},
    )
    job.finish()
    if early := stopped(result):
        return early
    session = Session(
        expected=(*job.task.tests.fail_to_pass, *job.task.tests.pass_to_pass),
        must_fail=plan.must_fail,
        exit_code=result.exit_code,
    )
    known = {_key(new): old for new, old in plan.planned.items()}
    known.update({_key(test_id): test_id for test_id in plan.must_fail})

    def id_of(test: JUnitTest) -> str:
        return known.get((test.classname, test.name), f"{test.classname}::{test.name}")

    return weigh_report(job, session, report, id_of)


# ── before ─────────────────────────────────────────────────────────────────────────────────────


def _plan(job: Job, tree: dict[str, File]) -> _Plan:
    """Canaries stand at random places of their files, twins between the files."""
    tests, rng = job.task.tests, job.names.rng
    renaming = Renaming(job.names, job.around())
    groups = by_place((*tests.fail_to_pass, *tests.pass_to_pass))
    files = {path: tree[path] for path in groups if path in tree} | job.hidden()
    targets = by_place(tests.fail_to_pass)
    with_canaries = _draw_canaries(list(targets), rng) if job.defences.canaries else []
    must_fail: list[str] = []
    planned: dict[str, str] = {}
    order: list[list[str]] = []
    kept = [name for path, ids in groups.items() for name in inherited(files[path], ids)]
    for path in sorted(groups):
        file, ids = files[path], {test_id: test_id for test_id in groups[path]}
        if path in targets:
            renamed = rename(file, groups[path], renaming, kept)
            file, ids = renamed.file, renamed.ids
        planned.update({new: old for old, new in ids.items()})
        asked = list(ids.values())
        if count := with_canaries.count(path):
            first = [ids[test_id] for test_id in targets[path]]
            planted = plant(file, [first, *[asked] * (count - 1)], renaming)
            file = planted.file
            must_fail += planted.ids
            asked = [*asked, *planted.ids]
        files[path] = file
        order.append(in_file_order(file, asked))
    twins, by_twin = job.twins(), by_place(job.must_fail)
    for path, twin_ids in by_twin.items():
        twin = rename(twins.pop(path), twin_ids, renaming)
        file, failing = twin.file, [*twin.ids.values()]
        if job.defences.canaries:
            planted = plant(file, [failing] * rng.randint(0, _IN_TWINS), renaming)
            file, failing = planted.file, [*failing, *planted.ids]
        files[file.path] = file
        must_fail += failing
        order.insert(rng.randint(0, len(order)), in_file_order(file, failing))
    if job.shuffle:
        order = rng.sample([[i] for group in order for i in group], sum(map(len, order)))
    return _Plan(
        files=(*files.values(), *twins.values()),
        order=tuple(test_id for group in order for test_id in group),
        planned=planned,
        must_fail=tuple(must_fail),
    )


def _draw_canaries(paths: Sequence[str], rng: random.Random) -> list[str]:
    """Files that get canaries, each as often as it gets one."""
    chosen = rng.sample(paths, min(_FILES_WITH_CANARIES, len(paths)))
    return [chosen[number % len(chosen)] for number in range(rng.randint(*_CANARIES))]


def _start(job: Job, start: str, root: str, tree: Iterable[str]) -> list[str]:
    """The command that starts pytest alone; what it is told of the tree is the image's."""
    inner = [path.removeprefix(f"{root}/") for path in (f"{WORKDIR}/{p}" for p in tree)]
    own = [path.removesuffix("/__init__.py").removesuffix(".py") for path in inner]
    own = sorted({name for name in own if "/" not in name})
    told = {"root": root, "own": own, "plugins": job.task.tests.plugins}
    return ["python3", "-S", start, json.dumps(told)]


def _options(job: Job, config: str, report: str) -> list[str]:
    trusted = ("-c", config, f"--rootdir={WORKDIR}", f"--confcutdir={WORKDIR}", "-o", "addopts=")
    return [
        *("-q", "--tb=short", "--color=no"),
        *(trusted if job.defences.trusted_config else ()),
        *("-p", "no:cacheprovider", f"--junitxml={report}"),
        *(word for name in job.task.tests.plugins for word in ("-p", name)),
        *(word for line in job.task.tests.options for word in ("-o", line)),
        *("-o", "junit_family=xunit2", "-o", "junit_logging=no"),
    ]


# ── after ──────────────────────────────────────────────────────────────────────────────────────


def _key(test_id: str) -> tuple[str, str]:
    """Class and name under which pytest's report speaks of a test."""
    head, bracket, param = test_id.partition("[")
    path, *scopes, function = head.split("::")
    module = re.sub(r"\.py$", "", path.replace("/", "."))
    return ".".join([module, *scopes]), function + bracket + param


RUNNER = TestRunner(run_pytest)
