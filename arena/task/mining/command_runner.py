"""Repositories of any language: a team's own image and command, and the report that it leaves."""

import os
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from pydantic import Field

from arena.errors import InputError
from arena.grading.command_runner import in_home, read_reports, remove_reports, report_paths
from arena.grading.findings import Reported, ReportError
from arena.paths import SafePath
from arena.protocols import Sandbox
from arena.records import File, Language, Record, ReportForm, Seconds, TestPlan
from arena.records.container import AGENT_USER
from arena.resources import sandboxes_dir
from arena.sandbox import docker
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.recipe import language_names
from arena.serialize import read_record
from arena.task.files import read_files
from arena.task.mining.history import purpose
from arena.task.mining.projects import Project
from arena.task.mining.runner import (
    ANYWHERE,
    LATE,
    Environment,
    LanguageSupport,
    MiningSession,
    RepositoryRun,
    Say,
    SeenTest,
    TestCommand,
    write_image,
)

_FILES = "{files}"
_BY_FILE = frozenset({"jest-json", "mocha-json"})
"""Forms whose ids begin with the file."""
_OUTPUT_LIMIT = 16 << 20


class MineTable(Record):
    """`[mine]`: how a repository's tests are run."""

    image: str = Field(min_length=1)
    """A folder with a Dockerfile that begins `ARG BASE` and `FROM ${BASE}`, the name of an image in
    a registry, or of one of ours. It must have git."""
    base: str = "stand-ins/debian"
    """Which of our images the Dockerfile of a folder stands on."""
    language: Language = "other"
    """What the tasks are said to be written in."""
    build: str = ""
    """A shell command before the tests, in the work tree, without network."""
    test: str = Field(min_length=1)
    """A shell command that runs the tests. `{files}` stands for the test files to run; without it,
    all are always run."""
    report: ReportForm
    """Form of what it leaves."""
    report_files: tuple[str, ...] = ()
    """Globs, relative to the work tree, of the files that hold it; what it prints when empty."""
    timeout_s: Seconds = 600.0
    """Longest that building and testing once may take."""


class MineFile(Record):
    """`mine.toml`, which `arena tasks mine --with` names."""

    mine: MineTable


def read_command(path: Path, engine: DockerEngine) -> LanguageSupport:
    """What a team's file says of its repository's tests. Raises `InputError` as files do."""
    table = read_record(path, MineFile).mine
    built = f"{table.build} || exit\n" if table.build else ""
    command = TestCommand(
        script=built + table.test, report=table.report, report_files=table.report_files
    )

    def make(
        pack: Path, image: str, _project: Project, install: Sequence[str], say: Say
    ) -> Environment:
        if install:
            what = "packages cannot be installed into an image of your own"
            raise InputError(what, where=", ".join(install), remedy=f"put them into {table.image}")
        if table.image in language_names(sandboxes_dir()):
            return Environment(image=table.image)
        say(f"the image of {path} is {table.image}")
        _keep_image(pack, image, table, path.parent, engine)
        return Environment(image=image)

    return LanguageSupport(
        language=table.language,
        runner="command",
        read=lambda _: Project(),
        make=make,
        run=partial(run_tests, command),
        run_seconds=table.timeout_s,
        is_test=lambda file: purpose(file.path) == "test",
        command=command,
    )


def _keep_image(
    pack: Path, name: str, table: MineTable, beside: Path, engine: DockerEngine
) -> None:
    about = f"image {table.image} of mine.toml"
    if table.image.startswith((".", "/", "~/")):
        folder = _folder(beside.resolve(), table.image)
        files = read_files(folder, lambda path: path.rpartition("/")[2] == ".git")
        if not any(file.path == "Dockerfile" for file in files):
            remedy = "name a folder with a Dockerfile, relative to the file that says so"
            raise InputError("no Dockerfile in it", where=str(folder), remedy=remedy)
        write_image(pack, name, files, table.language, about, base=table.base)
        return
    pinned = docker.pin(engine.connection, table.image)
    dockerfile = File(path="Dockerfile", data=b"ARG BASE\nFROM ${BASE}\nUSER root\n")
    write_image(pack, name, [dockerfile], table.language, about, pull=pinned)


def _folder(beside: Path, named: str) -> SafePath:
    """The folder that a path names; one that is relative leads through no link of a clone."""
    path = Path(named).expanduser()
    if path.is_absolute():
        return SafePath(path)
    wanted = Path(os.path.normpath(beside / path))
    root = Path(os.path.commonpath([beside, wanted]))
    return SafePath(root, wanted.relative_to(root).parts)


def with_command(plan: TestPlan, command: TestCommand, files: Sequence[str]) -> TestPlan:
    """A plan whose tests a command runs: those of some files, all when there are none."""
    if command.report in _BY_FILE:
        ids = (*plan.fail_to_pass, *plan.pass_to_pass)
        files = list(dict.fromkeys(one.partition("::")[0] for one in ids))
    update = {
        "command": ("sh", "-c", plan_script(command, files)),
        "report": command.report,
        "report_files": command.report_files,
    }
    return plan.model_copy(update=update)


def plan_script(command: TestCommand, places: Sequence[str]) -> str:
    """The shell command that runs the tests of some files; of all when none are named."""
    return command.script.replace(_FILES, " ".join(map(shlex.quote, places)))


def _files_of(run: RepositoryRun, command: TestCommand) -> Sequence[str]:
    """The files among the places of a run: ids of most forms do not begin with one."""
    known = {file.path for file in run.fix.hidden}
    return run.places if command.report in _BY_FILE or known.issuperset(run.places) else ()


def run_tests(command: TestCommand, run: RepositoryRun) -> MiningSession:
    """Run the command once; its tests keep their own order."""
    return run.session(partial(_look, command, run))


def _look(command: TestCommand, run: RepositoryRun, box: Sandbox) -> MiningSession:
    remove_reports(box, command.report_files)
    done = box.exec(
        in_home(["sh", "-c", plan_script(command, _files_of(run, command))]),
        timeout_s=run.timeout_s,
        output_limit=_OUTPUT_LIMIT,
        user=AGENT_USER,
    )
    paths = report_paths(box, command.report_files)
    box.kill()
    detail = ""
    try:
        told = read_reports(box, command.report, paths, command.report_files, done)
    except ReportError as error:
        told, detail = (), f"{error}: {' '.join(done.text.split())[-200:]}"
    missing = "MissingTest" if told else f"BuildError, exit code {done.exit_code}"
    if done.ended != "exited":
        missing = LATE
    return MiningSession(
        ended="complete" if done.ended == "exited" else "timeout",
        detail=detail,
        tests=_seen(told),
        uncollected={ANYWHERE: missing} if done.exit_code != 0 or not told else {},
    )


def _seen(told: Sequence[Reported]) -> dict[str, SeenTest]:
    """Outcomes by id; one id for two tests names neither."""
    often = Counter(test.id for test in told)
    kinds = {"failed": "Failed", "error": "Error"}
    return {
        test.id: SeenTest(outcome=test.outcome, error=kinds.get(test.outcome, ""))
        for test in told
        if often[test.id] == 1 and not re.search(r"[\x00-\x1f]", test.id)
    }
