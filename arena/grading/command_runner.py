"""Any command of a team's own that leaves a report, in its own image; ids are the report's.

Assurance `report`: the command builds and runs the candidate's code as its user, which could write
the report itself. What is checked is what can be: no report of the patch's own is there before, the
processes are dead before it is read, and each test of the plan stands in it once.
"""

from collections.abc import Sequence

from arena.grading import reports
from arena.grading.findings import Findings, Reported, ReportError, Session, weigh
from arena.grading.job import REPORT_LIMIT, Job
from arena.protocols import Sandbox
from arena.records import ExecResult, ReportForm
from arena.records.container import AGENT_USER, WORKDIR

_FIND = ("find", WORKDIR, "-path", f"{WORKDIR}/.git", "-prune", "-o", "-type", "f")
_FIND_SECONDS = 60.0
_MOST_REPORTS = 2000


def run(job: Job) -> Findings:
    """Grade a patched tree with the task's command."""
    plan, box = job.task.tests, job.sandbox
    form, globs = plan.report, plan.report_files
    assert form
    job.lay(list(job.hidden().values()))
    remove_reports(box, globs)
    result = job.run(in_home(plan.command), {}, user=AGENT_USER, own_env=True)
    paths = report_paths(box, globs)
    job.finish()
    session = Session(
        expected=(*plan.fail_to_pass, *plan.pass_to_pass),
        exit_code=result.exit_code,
        selected=False,
    )
    # Tests outside the plan may fail, and then the command does: its exit code says nothing
    defences = job.defences.model_copy(update={"exit_code": False})
    return weigh(session, lambda: read_reports(box, form, paths, globs, result), defences)


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
