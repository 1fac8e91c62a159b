"""pytest: one process for graded tests, canaries and twins, its JUnit report read afterwards."""

import json
from collections.abc import Iterable
from functools import partial

from arena.grading.command_runner import read_junit
from arena.grading.findings import Findings, Session, weigh
from arena.grading.job import Job, Part, parts_of
from arena.grading.python_canaries import in_file_order, inherited, plant, rename
from arena.records import File
from arena.records.container import WORKDIR
from arena.task.plan_ids import by_place

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
    if not getattr(sys.flags, 'safe_path', False):
        del sys.path[0]  # where this file lies; from 3.11 on it is never there
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


def run(job: Job) -> Findings:
    """Grade a patched tree with pytest."""
    tree, tests = job.tree(), job.task.tests
    expected = (*tests.fail_to_pass, *tests.pass_to_pass)
    parts, rest = _parts(job, tree)
    order = [i for part in parts for i in in_file_order(part.file, [*part.ids, *part.must_fail])]
    if job.bench.shuffle:
        job.names.rng.shuffle(order)
    config = File(path=f"{job.folder}/pytest.ini", data=b"[pytest]\n")
    start = File(path=f"{job.folder}/start.py", data=START)
    report = job.report(".xml")
    job.lay([*rest, *(part.file for part in parts), config, start], [report])
    ids = {new: old for part in parts for new, old in part.ids.items()}
    job.tell(ids)
    root = f"{WORKDIR}/src" if any(path.startswith("src/") for path in tree) else WORKDIR
    command = [*_start(job, start.path, root, tree), *_trusted(config.path), *_options(job, report)]
    result = job.run([*command, *order], PYTEST_ENV)
    job.finish()
    must_fail = tuple(name for part in parts for name in part.must_fail)
    ids |= {name: name for name in must_fail}
    session = Session(
        expected=expected,
        must_fail=must_fail,
        exit_code=result.exit_code,
        ids={as_reported(new): old for new, old in ids.items()},
    )
    return weigh(session, lambda: read_junit(job, report))


def _parts(job: Job, tree: dict[str, File]) -> tuple[list[Part], list[File]]:
    files, tests = tree | job.hidden(), job.task.tests
    groups = by_place((*tests.fail_to_pass, *tests.pass_to_pass))
    kept = [name for path, ids in groups.items() for name in inherited(files[path], ids)]
    return parts_of(job, partial(rename, kept=kept), plant)


def _start(job: Job, start: str, root: str, tree: Iterable[str]) -> list[str]:
    """The command that starts pytest alone; what it is told of the tree is the image's."""
    inner = [path.removeprefix(f"{root}/") for path in (f"{WORKDIR}/{p}" for p in tree)]
    own = [path.removesuffix("/__init__.py").removesuffix(".py") for path in inner]
    own = sorted({name for name in own if "/" not in name})
    told = {"root": root, "own": own, "plugins": job.task.tests.plugins}
    return ["python3", "-S", start, json.dumps(told)]


def _trusted(config: str) -> tuple[str, ...]:
    """Our configuration, not the repository's."""
    return ("-c", config, f"--rootdir={WORKDIR}", f"--confcutdir={WORKDIR}", "-o", "addopts=")


def _options(job: Job, report: str) -> list[str]:
    return [
        *("-q", "--tb=short", "--color=no"),
        *("-p", "no:cacheprovider", f"--junitxml={report}"),
        *(word for name in job.task.tests.plugins for word in ("-p", name)),
        *(word for line in job.task.tests.options for word in ("-o", line)),
        *("-o", "junit_family=xunit2", "-o", "junit_logging=no"),
    ]


def as_reported(test_id: str) -> str:
    """Class and name under which pytest's report speaks of a test, as `reports` joins them."""
    head, bracket, param = test_id.partition("[")
    path, *inner = head.split("::")
    parts = [path.removesuffix(".py").replace("/", "."), *inner[:-1]]
    return f"{'.'.join(parts)}::{''.join(inner[-1:])}{bracket}{param}"
