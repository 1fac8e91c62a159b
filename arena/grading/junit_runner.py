"""Any runner that writes JUnit XML.

Such a run has twins but no canaries, for nothing is known about the language of its tests. Names
are changed where they are written as pytest and unittest write them.
"""

import re

from arena.grading import reports
from arena.grading.findings import Findings, Reported, Session, weigh
from arena.grading.job import Job
from arena.grading.names import Renaming, text_of, with_text
from arena.records import File

REPORT = "{report}"
"""Stands for the report's path in a task's command."""


def run(job: Job) -> Findings:
    """Grade a patched tree with the task's command; ids are `<classname>::<name>`."""
    plan = job.task.tests
    report = job.report(".xml")
    files, ids = _renamed(job)
    job.lay(files, [report])
    job.tell({new: old for new, old in ids.items() if old in plan.fail_to_pass})
    result = job.run([part.replace(REPORT, report) for part in plan.command], {})
    job.finish()
    session = Session(
        expected=(*plan.fail_to_pass, *plan.pass_to_pass),
        must_fail=job.must_fail,
        exit_code=result.exit_code,
        selected=False,
        ids=ids,
    )
    return weigh(session, lambda: read_junit(job, report), job.defences)


def _renamed(job: Job) -> tuple[list[File], dict[str, str]]:
    """Hidden files and twins under names of this run, where ids say which file a test is in.

    Returns:
        The files, and the ids of this run with those of the plan.
    """
    command = File(path="", data=" ".join(job.task.tests.command).encode())
    renaming = Renaming(job.names, {**job.around(), "": command}, job.twins())
    planned = (*job.task.tests.fail_to_pass, *job.must_fail)
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
    job.keep("junit.xml", data)
    return reports.read("junit", [data])
