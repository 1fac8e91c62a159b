"""pytest: one process for graded tests, canaries and twins, its JUnit report read afterwards."""

import re
from collections.abc import Sequence

from arena.grading.findings import Findings, Reported, Session, weigh
from arena.grading.job import Job, TestRunner, stopped
from arena.grading.junit import JUnitError, read_report
from arena.grading.python_canaries import in_file_order, plant, rename
from arena.records import Entry, File, Record
from arena.records.container import WORKDIR
from arena.task.ids import by_place

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
