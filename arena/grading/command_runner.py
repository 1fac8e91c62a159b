"""Any command of a team's own that leaves a report, in its own image; ids are the report's.

Assurance `report`: the command builds and runs the candidate's code as its user, which could write
the report itself. What is checked is what can be: no report of the patch's own is there before, the
processes are dead before it is read, and each test of the plan stands in it once.
"""

from collections.abc import Sequence

from arena.grading import reports
from arena.grading.findings import Findings, Reported, Session, weigh
from arena.grading.job import REPORT_LIMIT, Job, TestRunner, stopped
from arena.grading.reports import ReportError
from arena.protocols import Sandbox
from arena.records import ExecResult, ReportForm
from arena.records.container import AGENT_USER, WORKDIR

_FIND = ("find", WORKDIR, "-path", f"{WORKDIR}/.git", "-prune", "-o", "-type", "f")
_FIND_SECONDS = 60.0
_MOST_REPORTS = 2000


def run_command(job: Job) -> Findings:
    """Grade a patched tree with the task's command."""
    plan = job.task.tests
    assert plan.report
    job.lay(list(job.hidden().values()))
    remove_reports(job.sandbox, plan.report_files)
    result = job.run(in_home(plan.command), {}, user=AGENT_USER, own_env=True)
    paths = report_paths(job.sandbox, plan.report_files)
    job.finish()
    if early := stopped(result):
        return early
    session = Session(
        expected=(*plan.fail_to_pass, *plan.pass_to_pass),
        exit_code=result.exit_code,
        selected=False,
    )
    try:
        told = read_reports(job.sandbox, plan.report, paths, plan.report_files, result)
        session = session.model_copy(update={"report": told})
    except ReportError as error:
        session = session.model_copy(update={"fault": str(error)})
    # Tests outside the plan may fail, and then the command does: its exit code says nothing
    return weigh(session, job.defences.model_copy(update={"exit_code": False}))


def in_home(command: Sequence[str]) -> list[str]:
    """A command in the image's own environment, with a home that can be written."""
    return ["env", "HOME=/tmp", *command]


def remove_reports(box: Sandbox, globs: Sequence[str]) -> None:
    """Remove what lies where reports will: none of it is of this run."""
    if globs:
        words = [*_FIND, *_named(globs), "-exec", "rm", "-f", "{}", "+"]
        box.exec(words, timeout_s=_FIND_SECONDS, user=AGENT_USER)


def report_paths(box: Sandbox, globs: Sequence[str]) -> list[str]:
    """Files that hold reports, in order of their paths; `*` stands for any text, `/` too."""
    if not globs:
        return []
    words = [*_FIND, *_named(globs), "-print0"]
    listed = box.exec(words, timeout_s=_FIND_SECONDS, user=AGENT_USER).stdout.split(b"\0")
    return sorted(path.decode("utf-8", "surrogateescape") for path in listed if path)


def read_reports(
    box: Sandbox,
    form: ReportForm,
    paths: Sequence[str],
    globs: Sequence[str],
    result: ExecResult,
) -> tuple[Reported, ...]:
    """The tests of all reports.

    Raises:
        ReportError: there is none, or one of them cannot be believed.
    """
    if not globs:
        if result.truncated_bytes:
            raise ReportError("the command prints too much")
        return reports.read(form, [result.stdout], cut=result.ended != "exited")
    if not paths or len(paths) > _MOST_REPORTS:
        raise ReportError(f"{len(paths)} files match {', '.join(globs)}")
    return reports.read(form, (_content(box, path) for path in paths))


def _content(box: Sandbox, path: str) -> bytes:
    entry = box.get(path, limit=REPORT_LIMIT)
    if entry.kind != "file" or entry.too_large:
        raise ReportError(f"{path} is no file, or too large")
    return entry.data


def _named(globs: Sequence[str]) -> list[str]:
    paths = [word for glob in globs for word in ("-o", "-path", f"{WORKDIR}/{glob}")]
    return ["(", *paths[1:], ")"]


RUNNER = TestRunner(run_command)
