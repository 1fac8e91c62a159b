"""Repositories of several languages, tested by commands of their own, on the engine."""

import json

import pytest

from arena.task import pack as packs
from tests.e2e.rig import arena
from tests.task import toy
from tests.task.importing import rig
from tests.task.mining.test_languages import a_clone

pytestmark = pytest.mark.timeout(900)

CHECK = """\
#!/bin/sh
# A runner of this repository's own: a line of TAP a case
n=0
for file in tests/*.sh; do
  while read -r name given wanted; do
    n=$((n + 1))
    got=$(sh src/half.sh "$given" | tee -a /dev/stderr)
    if [ "$got" = "$wanted" ]; then echo "ok $n - $name"; else echo "not ok $n - $name"; fi
  done < "$file"
done
echo "1..$n"
"""
MINE = """\
[mine]
image = "python"
build = "touch built"
test = "test -f built && sh check.sh"
report = "tap"
"""
HALF = "echo $(($1 / 2))\n"
ENDLESS = "case $1 in -*) while :; do :; done;; esac\necho $((($1 + 1) / 2))\n"
FIXED = "echo $((($1 + 1) / 2))\n"


def mined(folder, *words, out="ours"):
    done = arena(
        *("tasks", "mine", "purse", "--out", out, "--format", "json", *words),
        cwd=folder,
        timeout_s=800,
    )
    assert done.code == 0, done.err
    log = [json.loads(line) for line in (folder / out / "mining.jsonl").read_text().splitlines()]
    tasks = {task.title: task for task in packs.load(f"./{out}", base=folder)}
    return {one["subject"]: one for one in log}, tasks


def test_a_command_of_ones_own_gives_tasks(tmp_path):
    (tmp_path / "mine.toml").write_text(MINE + "timeout_s = 20\n")
    a_clone(
        tmp_path,
        [
            ("Start", {"check.sh": CHECK, "src/half.sh": HALF, "tests/half.sh": "even 4 2\n"}),
            (
                "Fix halves of odd cents",
                {"src/half.sh": ENDLESS, "tests/half.sh": "even 4 2\nodd 3 2\n"},
            ),
            (
                "Fix what never ends for debts",
                {"src/half.sh": FIXED, "tests/half.sh": "even 4 2\nodd 3 2\ndebt -3 -1\n"},
            ),
        ],
    )
    log, tasks = mined(tmp_path, "--with", "mine.toml", out="Our+pack")  # as no image may be called
    assert set(tasks) == {"Fix halves of odd cents", "Fix what never ends for debts"}, log
    odd = tasks["Fix halves of odd cents"]
    assert (odd.language, odd.tests.runner, odd.assurance) == ("other", "command", "report")
    assert odd.tests.fail_to_pass == ("odd",)
    assert odd.tests.pass_to_pass == ("even",)
    assert log["Fix what never ends for debts"]["fail_to_pass"]["debt"] == "timeout"


PACKAGES = [("jest", "29.7.0"), ("vitest", "1.6.0"), ("mocha", "10.7.0"), ("mocha", "5.2.0")]
"""The last one has no report of its own with the files of tests."""
TESTS = {
    "jest": "const { half, whole } = require('../lib/purse');\n",
    "vitest": "import { half, whole } from '../lib/purse';\n"
    "import { describe, expect, it } from 'vitest';\n",
    "mocha": "const { half, whole } = require('../lib/purse');\nconst assert = require('assert');\n"
    "console.log('{\\n  \"told\": 1\\n}');\n"
    "const expect = (got) => ({ toBe: (wanted) => assert.strictEqual(got, wanted) });\n",
}
WHOLE = "describe('purse', () => {\n  it('keeps wholes', () => expect(whole(3)).toBe(3));\n});\n"
HALVES = "describe('halves', () => {\n  it('of odd cents', () => expect(half(3)).toBe(2));\n});\n"


@pytest.mark.slow
@pytest.mark.parametrize(("runner", "version"), PACKAGES)
def test_the_runner_that_a_package_names_runs_its_tests(tmp_path, runner, version):
    typed = runner == "vitest"
    suffix = "ts" if typed else "js"
    head, lib = TESTS[runner], f"lib/purse.{suffix}"
    kind = ": number" if typed else ""
    source = f"const half = (cents{kind}) => Math.trunc(cents / 2);\nconst whole = (cents{kind}) => cents;\n"
    source += "export { half, whole };\n" if typed else "module.exports = { half, whole };\n"
    fixed = source.replace("Math.trunc(cents / 2)", "Math.floor((cents + 1) / 2)")
    package = {"name": "purse", "version": "1.0.0", "scripts": {"test": runner}}
    package["devDependencies"] = {runner: version}
    tests = f"test/purse.test.{suffix}"
    python = {
        "py/pyproject.toml": rig.PYPROJECT,
        "py/purse/__init__.py": toy.BEFORE,
        "py/tests/test_purse.py": rig.VISIBLE,
    }
    start = {"package.json": json.dumps(package), lib: source, tests: head + WHOLE, **python}
    py_fix = {"py/purse/__init__.py": toy.AFTER, "py/tests/test_purse.py": rig.TESTS_AFTER}
    steps = [
        ("Start", start),
        ("Fix halves of odd cents", {lib: fixed, tests: head + WHOLE + HALVES}),
    ]
    if typed:
        start["vite.config.ts"] = (
            "import { defineConfig } from 'vitest/config';\nexport default defineConfig({});\n"
        )
        steps.append(("Fix the other half of the shop too", py_fix))
    a_clone(tmp_path, steps)
    _, tasks = mined(tmp_path)
    halves = tasks["Fix halves of odd cents"]
    assert (halves.language, halves.tests.runner, halves.assurance) == (
        "javascript",
        "command",
        "report",
    )
    assert halves.tests.fail_to_pass == (f"{tests}::halves > of odd cents",)
    assert halves.tests.pass_to_pass == (f"{tests}::purse > keeps wholes",)
    if typed:
        other = tasks["Fix the other half of the shop too"]
        assert (other.language, other.tests.runner) == ("python", "pytest")
        assert other.root.name.startswith("py-")
