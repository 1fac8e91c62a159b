"""The recipes of CONTRIBUTING.md, followed to the letter by somebody who adds one of each."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.rig import profile
from tests.e2e.rig import arena, bakeoff, environment
from tests.servers.openai_stub import Stub, text
from tests.task.toy import TASK, a_pack

ROOT = Path(__file__).parent.parent
AGENT = '''\
"""An agent that asks its model once, and then does what it has in mind anyway."""

from arena.records import AgentCapabilities, Ending


class Stubborn:
    """Asks once."""

    def solve(self, brief, sandbox, backend, transcript):
        """Ask, and repair."""
        backend.complete([{"role": "user", "content": brief.problem_statement}], ())
        change = "s#int(cents / 2)#(cents + 1) // 2#"
        sandbox.exec(["sed", "-i", change, "purse/__init__.py"], timeout_s=10)
        return Ending(stop="submitted")


def capabilities(name, params):
    return AgentCapabilities(label="does as it likes", apis=("chat",))


def make(name, params):
    return Stubborn()
'''
RUNNER = '''\
"""Runs a task's hidden test by hand."""

from arena.grading.findings import Findings

CODE = "import sys; sys.path.insert(0, '/repo'); from purse import half_up; assert half_up(3) == 2"


def run(job):
    result = job.run(["python3", "-c", CODE], {})
    job.finish()
    outcome = "passed" if result.exit_code == 0 else "failed"
    return Findings(tests=dict.fromkeys(["halves", "whole"], outcome))
'''
REGISTERED = """\
import arena.registry as registry
registry.AGENTS["stubborn"] = "stubborn"
registry.RUNNERS["by-hand"] = "by_hand"
from arena.cli import main
main()
"""
"""The one line each; the rest is `python -m arena`."""
PROVIDER = """\
id = "corner-shop"
label = "The corner shop"
source = "the shop's own list"
checked_on = 2026-11-22
evidence = "user"

[regions.here]
base_url = "https://shop.example/v1"

[[models]]
id = "corner-1"
source = "the shop's own list"
checked_on = 2026-11-22
evidence = "user"
"""
IMPORTER = '''\
"""A list of names."""

from arena.records import Record
from arena.task.importing.importer import Importer, NotImportableError


class Named(Record):
    """A name."""

    instance_id: str


def read(path):
    """One a line."""
    return (Named(instance_id=name) for name in path.read_text().split())


def make(thing, source):
    """None of them."""
    raise NotImportableError(f"{thing.instance_id} is a name alone")


IMPORTER = Importer(takes=lambda path: path.suffix == ".names", read=read, make=make)
'''
COLUMN = """
[contestants.mean_steps]
of = "row.mean_steps"
kind = "float64"
unit = "count"
meaning = "Mean of completed model calls"
heading = "Steps"
"""
STATISTIC = '''

def largest_gain(differences: FloatArray) -> float | None:
    """The most that A has over B at a task; None without tasks."""
    return float(np.max(differences)) if len(differences) else None
'''
LINES = {
    "arena/registry.py": (
        ("AGENTS = {\n", '    "stubborn": "arena.agent.stubborn",\n'),
        ("RUNNERS = {\n", '    "by-hand": "arena.grading.by_hand",\n'),
    ),
    "arena/task/importing/suite.py": (
        ("from arena.task.importing import ", "names, "),
        ("IMPORTERS: tuple[Importer, ...] = (", "names.IMPORTER, "),
    ),
    "arena/score/compare.py": (
        ("from arena.stats.paired import ", "largest_gain, "),
        (
            "STATISTICS: tuple[Statistic, ...] = (",
            'Statistic("largest_gain", "largest gain", lambda pair: largest_gain(pair.differences)), ',
        ),
    ),
}
"""Lines of registries, each with what it stands behind."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of this one to which one of each was added, where CONTRIBUTING says."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("arena", "reports"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tasks", "sandboxes"):
        (copy / name).symlink_to(ROOT / name)
    profile(copy / "arena/agent/profiles")
    added = {
        "arena/backend/profiles/corner-shop.toml": PROVIDER,
        "arena/agent/stubborn.py": AGENT,
        "arena/grading/by_hand.py": RUNNER,
        "arena/task/importing/names.py": IMPORTER,
    }
    for name, text_ in added.items():
        (copy / name).write_text(text_)
    for name, text_ in {"reports/columns.toml": COLUMN, "arena/stats/paired.py": STATISTIC}.items():
        (copy / name).write_text((copy / name).read_text() + text_)
    for name, lines in LINES.items():
        text_ = (copy / name).read_text()
        for behind, line in lines:
            assert text_.count(behind) == 1, behind
            text_ = text_.replace(behind, behind + line)
        (copy / name).write_text(text_)
    return copy


def test_each_recipe_is_followed_where_contributing_says(checkout, tmp_path):
    """The lists, tables and answers of the changed checkout have what was added."""

    def told(*args, code=0):
        ended = arena(*args, cwd=tmp_path, PYTHONPATH=str(checkout))
        assert ended.code == code, ended.err
        return ended

    agents = {one["name"]: one for one in told("agents", "list", "--format", "json").json["agents"]}
    assert [agents[name]["kind"] for name in ("stubborn", "own")] == ["built in", "program"]
    assert "corner-shop/corner-1" in told("backends", "list").out
    pack = a_pack(tmp_path, **{"halves/task.toml": TASK.replace('"pytest"', '"by-hand"')})
    assert "toys/halves" in told("tasks", "list", str(pack)).out
    (tmp_path / "suite.names").write_text("ada grace")
    imported = told("tasks", "import", "suite.names", "--out", "taken", "--format", "json", code=1)
    assert "grace is a name alone" in imported.out
    sample = str(checkout / "reports/samples/demo")
    compared = told("compare", sample, "oracle", "nop")
    assert "largest gain: 1" in compared.out
    for form, heading in {
        "terminal": "steps",
        "markdown": "| Steps |",
        "latex": "& Steps ",
    }.items():
        assert heading in told("report", sample, "--format", form).out
    table = told("report", sample, "--format", "csv", "--table", "contestants").out
    assert table.partition("\n")[0].endswith(",mean_steps")
    rows = told("report", sample, "--format", "json").json["contestants"]
    assert all(row["mean_steps"] is not None for row in rows)
    told("report", sample, "--format", "html")
    assert "Steps</button>" in (Path(sample) / "report/index.html").read_text()


@pytest.fixture
def changed(tmp_path):
    """Runs an Arena to which an agent and a runner were added."""
    (tmp_path / "stubborn.py").write_text(AGENT)
    (tmp_path / "by_hand.py").write_text(RUNNER)
    path = f"{ROOT}:{tmp_path}"

    def run(*args):
        done = subprocess.run(
            [sys.executable, "-c", REGISTERED, *args],
            cwd=tmp_path,
            env=environment(PYTHONPATH=path),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_a_built_in_agent_is_one_module_and_one_line(changed):
    listed = {row["name"]: row for row in changed("agents", "list", "--format", "json")["agents"]}
    assert listed["stubborn"]["kind"] == "built in"
    assert listed["stubborn"]["label"] == "does as it likes"


def test_an_added_agent_is_graded_by_an_added_runner(changed, tmp_path):
    plan = TASK.partition("[tests]")[0] + (
        '[tests]\nrunner = "by-hand"\nfail_to_pass = ["halves"]\npass_to_pass = ["whole"]\n'
    )
    pack = a_pack(tmp_path, **{"halves/task.toml": plan})
    shutil.rmtree(pack / "halves" / "twin")
    with Stub(lambda _: text("Please do not.")) as stub:
        backend = f'backend = {{ base_url = "{stub.base_url}", model = "m" }}'
        table = f'[[contestant]]\nname = "one"\nagent = "stubborn"\n{backend}'
        nothing = '[[contestant]]\nname = "none"\nagent = "nop"'
        bakeoff(tmp_path, [table, nothing], tasks=[str(pack)])
        report = changed("run", "bakeoff.toml", "--format", "json")
    verdicts = {trial["contestant"]: trial["verdict"] for trial in report["trials"]}
    assert verdicts == {"one": "passed", "none": "no_patch"}
    assert len(stub.requests) == 1


def test_a_runner_that_nobody_knows_is_one_line(tmp_path):
    pack = a_pack(tmp_path, **{"halves/task.toml": TASK.replace('"pytest"', '"pytets"')})
    ended = arena("tasks", "check", str(pack), cwd=tmp_path)
    assert ended.code == 2
    assert "did you mean 'pytest'?" in ended.err
    assert ended.err.count("\n") == 1


def test_an_external_agent_is_one_file(tmp_path):
    profile(tmp_path)
    ended = arena("agents", "list", "--agents", "own.toml", "--format", "json", cwd=tmp_path)
    listed = {row["name"]: row for row in ended.json["agents"]}
    assert listed["own"]["kind"] == "program"
    assert listed["own"]["api"] == "chat"


def test_a_provider_is_one_file(tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "corner-shop.toml").write_text(PROVIDER)
    ended = arena("backends", "list", "--profiles", "shop", "--format", "json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert "corner-shop/corner-1" in {row["name"] for row in ended.json["backends"]}
