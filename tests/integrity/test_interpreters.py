"""Tasks of other Pythons than our image's: graded, mined and attacked on older and newer ones."""

import ast
import re
import shutil
from dataclasses import replace

import pytest

from arena.grading.pytest_runner import START
from arena.records.container import AGENT_USER
from arena.resources import sandboxes_dir
from arena.sandbox.image.images import Images
from arena.task import pack
from arena.task.importing.importer import plugins_of, shipped
from arena.task.mining.pytest_runner import PLUGIN_FILE, run_pytest
from arena.task.mining.runner import RepositoryRun, TestRunOptions
from arena.task.mining.statement import CandidateFix
from tests.integrity.conftest import LABELS, LIMITS, TOYS, Range
from tests.integrity.test_before_the_runner import FIX, LOOKED_FOR
from tests.integrity.test_python_source import FORGE_JUNIT, on_import

PLUGIN = sandboxes_dir() / PLUGIN_FILE
OLDEST = (3, 7)
NEWER = (
    r"\b(removeprefix|removesuffix|tomllib|zoneinfo|graphlib|missing_ok|is_relative_to|unparse"
    r"|bit_count|pairwise|addModuleCleanup|cached_property|dist|prod|isqrt|pidfd_open)\b"
    r"|functools\.cache\b|shlex\.join|strict=|slots=|kw_only=|encoding_warn|(dict|list|set|tuple)\["
)
"""What came with later versions than that, as far as such code might use it."""


@pytest.mark.parametrize(
    "source", [START.decode(), PLUGIN.read_text(), shipped("plugins.py").decode()]
)
def test_what_is_put_into_containers_is_of_the_oldest_python(source):
    ast.parse(source, feature_version=OLDEST)
    assert re.findall(NEWER, source) == []


@pytest.fixture(scope="module", params=[("bullseye", (3, 9)), ("trixie", (3, 13))])
def other(request, engine, tmp_path_factory):
    """The Python toy on another Debian, made as our own base is; and its Python."""
    suite, version = request.param
    folder = tmp_path_factory.mktemp(suite)
    sandboxes = shutil.copytree(sandboxes_dir(), folder / "sandboxes")
    script = sandboxes / "engine" / "base.sh"
    script.write_text(script.read_text().replace("suite=bookworm", f"suite={suite}"))
    tasks = pack.load(str(TOYS / "python"), base=TOYS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARENA_BASE", "debootstrap")
        made = Images(engine, pack.tree_files, sandboxes).ensure(tasks)
    return Range(engine, tasks[0], made[tasks[0].id].id, folder), version


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_other_interpreters_grade_what_is_right_and_no_attack(other):
    toy, version = other
    with toy.fresh() as box:
        told = box.exec(["python3", "-c", "import sys; print(*sys.version_info[:2])"], timeout_s=60)
        assert tuple(map(int, told.stdout.split())) == version
    for _ in range(3):
        assert toy.grade(toy.gold, strict=True).verdict == "passed"
    assert toy.attack({"src/purse/new.py": "x = 1\n"}).verdict == "failed"
    missed = {root + path: FIX for path in LOOKED_FOR for root in ("", "src/")}
    assert toy.attack(missed).verdict == "failed"
    assert toy.attack(on_import("import os\nos._exit(0)\n")).verdict == "failed"
    assert toy.attack(on_import(FORGE_JUNIT)).verdict == "integrity"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_other_interpreters_can_be_mined(other):
    toy, _ = other
    fix = CandidateFix(toy.gold, pack.tree_files(toy.task), pack.hidden_files(toy.task))
    run = RepositoryRun(toy.engine, toy.image, TestRunOptions(), 60.0, LABELS, fix)
    before, after = run_pytest(run), run_pytest(replace(run, fixed=True))
    for name in toy.task.tests.fail_to_pass:
        assert before.tests[name].error == "AssertionError"
        assert after.passed(name)
    with toy.engine.open(toy.image, limits=LIMITS, labels=LABELS, user=AGENT_USER) as box:
        assert plugins_of(box) == ()
