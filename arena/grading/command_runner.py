"""A task's own command that leaves a report: JUnit XML where it is told to, or any form anywhere.

Runner `junit`: the command is given the report's path, under a name of the run. There are twins but
no canaries, for nothing is known about the language of the tests. Names are changed where they are
written as pytest and unittest write them.

Runner `command`, assurance `report`: the command builds and runs the candidate's code as its user,
which could write the report itself. What is checked is what can be: no report of the patch's own is
there before, the processes are dead before it is read, and each test of the plan stands in it once.
"""

import re
from collections.abc import Sequence

from arena.grading import reports
from arena.grading.findings import Findings, Reported, ReportError, Session, weigh
from arena.grading.job import REPORT_LIMIT, Job, content
from arena.grading.names import Renaming, text_of, with_text
from arena.protocols import Sandbox
from arena.records import ExecResult, File, ReportForm
from arena.records.container import AGENT_USER, WORKDIR

REPORT = "{report}"
"""Stands for the report's path in the command of runner `junit`."""
_FIND = ("find", WORKDIR, "-path", f"{WORKDIR}/.git", "-prune", "-o", "-type", "f")
_FIND_SECONDS = 60.0
_MOST_REPORTS = 2000


def run(job: Job) -> Findings:
    """Grade a patched tree with the task's command; it writes JUnit where no form is named."""
    plan, box = job.task.tests, job.sandbox
    form, globs = plan.report, plan.report_files
    if form is None:
        return _junit(job)
    remove_reports(box, globs)  # before folders become root's
    job.lay(list(job.hidden().values()))
    result = job.run(in_home(plan.command), {}, user=AGENT_USER, own_env=True)
    paths = report_paths(box, globs)
    job.finish()
    session = Session(
        expected=(*plan.fail_to_pass, *plan.pass_to_pass),
        exit_code=result.exit_code,
        exit_code_tells=False,  # tests outside the plan may fail, and then the command does
        selected=False,
    )
    return weigh(session, lambda: read_reports(box, form, paths, globs, result))


def _junit(job: Job) -> Findings:
    plan = job.task.tests
    report = job.report(".xml")
    files, ids = _renamed(job)
    job.lay(files, [report])
    job.tell({new: old for new, old in ids.items() if old in plan.fail_to_pass})
    result = job.run([part.replace(REPORT, report) for part in plan.command], {})
    job.finish()
    session = Session(
        expected=(*plan.fail_to_pass, *plan.pass_to_pass),
        must_fail=job.task.tests.must_fail,
        exit_code=result.exit_code,
        selected=False,
        ids=ids,
    )
    return weigh(session, lambda: read_junit(job, report))


def _renamed(job: Job) -> tuple[list[File], dict[str, str]]:
    """Hidden files and twins under names of this run, where ids say which file a test is in; and
    the ids of this run with those of the plan.
    """
    command = File(path="", data=" ".join(job.task.tests.command).encode())
    renaming = Renaming(job.names, {**job.around(), "": command}, job.twins())
    planned = (*job.task.tests.fail_to_pass, *job.task.tests.must_fail)
    ids, files = {}, []
    for path, file in {**job.hidden(), **job.twins()}.items():
        stem = path.rpartition("/")[2].partition(".")[0]
        word = re.compile(rf"(?<!\w){re.escape(stem)}(?!\w)")
        inside = [i for i in planned if word.search(i.rpartition("::")[0])]
        text = text_of(file)
        moved = path
        if inside and stem.startswith("test_") and not word.search(text):
            moved = renaming.of_file(path, "test_snake")
        new_stem = moved.rpartition("/")[2].partition(".")[0]
        for test_id in inside:
            place, _, full = test_id.rpartition("::")
            name, bracket, rest = full.partition("[")
            if name.startswith("test_"):
                text, name = renaming.within(path, text, name, "test_snake")
            ids[f"{word.sub(new_stem, place)}::{name}{bracket}{rest}"] = test_id
        files.append(with_text(file, text, moved))
    return files, ids


def read_junit(job: Job, path: str) -> tuple[Reported, ...]:
    """The tests of a job's JUnit report, which is kept. Raises `ReportError`."""
    data = job.read(path)
    job.bench.keep("junit.xml", data)
    return reports.read("junit", [data])


def in_home(command: Sequence[str]) -> list[str]:
    """A command in the image's own environment, with a home that can be written."""
    return ["env", "HOME=/tmp", *command]


def remove_reports(box: Sandbox, globs: Sequence[str]) -> None:
    """Remove what lies where reports will: none of it is of this run."""
    _find(box, globs, "-exec", "rm", "-f", "{}", "+")


def report_paths(box: Sandbox, globs: Sequence[str]) -> list[str]:
    """Files that hold reports, in order of their paths; `*` stands for any text, `/` too."""
    listed = _find(box, globs, "-print0").split(b"\0")
    return sorted(path.decode("utf-8", "surrogateescape") for path in listed if path)


def _find(box: Sandbox, globs: Sequence[str], *action: str) -> bytes:
    if not globs:
        return b""
    named = [word for glob in globs for word in ("-o", "-path", f"{WORKDIR}/{glob}")]
    words = [*_FIND, "(", *named[1:], ")", *action]
    return box.exec(words, timeout_s=_FIND_SECONDS, user=AGENT_USER).stdout


def read_reports(
    box: Sandbox, form: ReportForm, paths: Sequence[str], globs: Sequence[str], result: ExecResult
) -> tuple[Reported, ...]:
    """The tests of all reports. Raises `ReportError`: there is none, or one cannot be believed."""
    if not globs:
        if result.truncated_bytes:
            raise ReportError("the command prints too much")
        return reports.read(form, [result.stdout], cut=result.ended != "exited")
    if not paths or len(paths) > _MOST_REPORTS:
        raise ReportError(f"{len(paths)} files match {', '.join(globs)}")
    return reports.read(form, (content(box.get(path, limit=REPORT_LIMIT), path) for path in paths))
