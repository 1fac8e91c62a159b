"""Any runner that writes JUnit XML: the task's own command, its report read after the kill.

Such a run has twins but no canaries, for nothing is known about the language of its tests.
"""

from arena.grading.findings import Findings, Reported, Session, weigh
from arena.grading.job import Job, TestRunner, stopped
from arena.grading.junit import JUnitError, read_report

REPORT = "{report}"
"""Stands for the report's path in a task's command."""


def run_junit(job: Job) -> Findings:
    """Grade a patched tree with the task's command; ids are `<classname>::<name>`."""
    plan = job.task.tests
    report = job.report(".xml")
    job.lay([*job.hidden().values(), *job.twins().values()], [report])
    result = job.run([part.replace(REPORT, report) for part in plan.command], {})
    job.finish()
    if early := stopped(result):
        return early
    session = Session(
        expected=(*plan.fail_to_pass, *plan.pass_to_pass),
        must_fail=job.must_fail,
        exit_code=result.exit_code,
        selected=False,
    )
    entry = job.read(report)
    job.keep("junit.xml", entry.data)
    try:
        tests = tuple(
            Reported(id=f"{test.classname}::{test.name}", outcome=test.outcome)
            for test in read_report(entry)
        )
    except JUnitError as error:
        return weigh(session.model_copy(update={"fault": str(error)}), job.defences)
    return weigh(session.model_copy(update={"report": tests}), job.defences)


RUNNER = TestRunner(run_junit)
