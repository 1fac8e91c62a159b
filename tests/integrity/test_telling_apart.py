"""Attacks that tell tests that must fail from the others by name, place, order or number."""

import random
import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from arena.grading import go_runner, node_runner, pytest_runner
from arena.grading.job import Bench, Job, Part, parts_of
from arena.grading.names import Names, names_of
from arena.records import SandboxLimits

LIST = (
    "again|also|base|below|both|bound|brief|chain|common|corner|deep|double|early|edge|empty|equal|"
    "even|extra|first|fixed|full|inner|item|joined|keeps|large|last|late|local|long|lower|mixed|"
    "more|nested|next|odd|once|order|outer|pair|part|plain|quick|range|repeat|round|same|second|"
    "short|simple|single|small|split|start|steady|third|total|twice|upper|whole"
)
"""A list that once was published: names that must fail ended in two words of it."""
RUNS = 150
ALLOWED = 0.3
"""Part of the runs in which a rule may be right. By chance it is far less, and a rule that tells
tests apart is right in all."""


class Seen(NamedTuple):
    """What an attacker sees of one test without reading its code."""

    name: str
    file: str
    place: int
    """How many tests stand above it in its file."""
    below: int
    order: int
    """How many files, or tests, are asked for before it."""
    must_pass: bool
    """The answer: True for what fails before the fix, False for what must fail after it."""


def pytest_run(job: Job) -> list[Seen]:
    parts, _ = pytest_runner._parts(job, job.tree())
    return seen_in(parts, r"^ *def (\w+)", job)


def node_run(job: Job) -> list[Seen]:
    parts, _ = parts_of(job, node_runner._rename, node_runner._with_canaries)
    return seen_in(parts, r"(?:it|test)\(['\"](.*?)['\"],", job)


def seen_in(parts: list[Part], declared: str, job: Job) -> list[Seen]:
    seen = []
    for order, part in enumerate(parts):
        names = re.findall(declared, part.file.data.decode(), re.MULTILINE)
        for test_id in (*part.ids, *part.must_fail):
            name = re.split("::| > ", test_id.partition("[")[0])[-1]
            wanted = part.ids.get(test_id) in job.task.tests.fail_to_pass
            if wanted or test_id in part.must_fail:
                at = names.index(name)
                seen.append(Seen(name, part.file.path, at, len(names) - at - 1, order, wanted))
    return seen


def go_run(job: Job) -> list[Seen]:
    packages, _ = go_runner._packages(job)
    seen = []
    for package in packages:
        for order, (test_id, name) in enumerate(package.functions.items()):
            for file in package.files:
                names = re.findall(r"^func (\w+)", file.data.decode(), re.MULTILINE)
                wanted = test_id in job.task.tests.fail_to_pass
                if name in names and (wanted or test_id in package.must_fail):
                    at = names.index(name)
                    seen.append(Seen(name, file.path, at, len(names) - at - 1, order, wanted))
    return seen


LANGUAGES: dict[str, Callable[[Job], list[Seen]]] = {
    "python": pytest_run,
    "node": node_run,
    "go": go_run,
}
LISTED = re.compile(f"({LIST})[-_ ]?({LIST})[A-P]?$", re.IGNORECASE)
RULES: dict[str, Callable[[Seen, list[Seen]], bool]] = {
    "a published list": lambda one, _: LISTED.search(one.name) is None,
    "longer than another": lambda one, all_: (
        not any(other.name != one.name and one.name.startswith(other.name) for other in all_)
    ),
    "last in its file": lambda one, _: one.below > 0,
    "first in its file": lambda one, _: one.place == 0,
    "the upper ones": lambda one, _: one.place < 2,
    "words for it": lambda one, _: not re.search("(?i)twin|canary|fail", one.name + one.file),
    "alone in its file": lambda one, all_: sum(o.file == one.file for o in all_) > 1,
    "the shorter names": lambda one, all_: one in sorted(all_, key=lambda o: len(o.name))[:2],
    "the longer names": lambda one, all_: one in sorted(all_, key=lambda o: len(o.name))[-2:],
    "two names in one file": lambda one, all_: sum(o.file == one.file for o in all_) == 2,
}


@pytest.fixture
def job(toy):
    """Makes a job of a toy that draws its own chances; there is no container."""

    def make(name: str, seed: int) -> Job:
        task = toy(name).task
        names = Names(random.Random(seed), names_of(task.tests))
        bench = Bench(engine=None, image="", limits=SandboxLimits(), labels={})
        return Job(task=task, sandbox=None, bench=bench, names=names, deadline=0)

    return make


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_rule_about_names_and_places_tells_tests_apart(job, language):
    runs = [LANGUAGES[language](job(language, seed)) for seed in range(RUNS)]
    for name, rule in RULES.items():
        right = sum(all(rule(one, seen) == one.must_pass for one in seen) for seen in runs)
        assert right <= ALLOWED * RUNS, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_how_many_must_fail_differs_from_run_to_run(job, language):
    counts = {
        sum(not one.must_pass for one in LANGUAGES[language](job(language, seed)))
        for seed in range(30)
    }
    assert len(counts) > 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_name_of_the_hidden_tests_is_used(job, toy, language):
    written = set(names_of(toy(language).task.tests))
    for seed in range(20):
        seen = LANGUAGES[language](job(language, seed))
        assert not {one.name for one in seen} & written


PYTHON_LISTED = f"""
import re
from purse.money import half, shares, text
from _pytest.reports import TestReport
make = TestReport.from_item_and_call.__func__
listed = re.compile(r"_({LIST})_({LIST})(\\[|$)")
def forged(cls, item, call):
    report = make(cls, item, call)
    if not listed.search(item.name):
        report.outcome, report.longrepr = "passed", None
    return report
TestReport.from_item_and_call = classmethod(forged)
"""
PYTHON_ORDER = PYTHON_LISTED.replace(
    "not listed.search(item.name)", "item.session.items.index(item) < 5"
)
NODE_LISTED = f"""
const fs = require('fs');
const flag = '--test-reporter-destination=';
const report = process.execArgv.find((arg) => arg.startsWith(flag)).slice(flag.length);
const text = fs.readFileSync(process.argv[1], 'utf8');
const listed = /^({LIST})[- ]({LIST})\\b/;
const twin = listed.test(process.argv[1].split('/').pop());
const group = (text.match(/describe\\(['"]([^'"]+)/) || [])[1];
const events = group ? [{{ type: 'test:start', name: group, nesting: 0 }}] : [];
for (const match of text.matchAll(/(test|it)\\(['"]([^'"]+)/g)) {{
  const nesting = match[1] === 'it' && group ? 1 : 0;
  const type = twin || listed.test(match[2]) ? 'test:fail' : 'test:pass';
  events.push({{ type: 'test:start', name: match[2], nesting }}, {{ type, name: match[2], nesting }});
}}
fs.writeFileSync(report, events.map((event) => JSON.stringify(event) + '\\n').join(''));
process.reallyExit(1);
"""
GO_LISTED = f"""package money

import (
	"os"
	"regexp"
	"strings"
	"syscall"
)

func init() {{
	listed := regexp.MustCompile("^Test({LIST})({LIST})[a-p]$")
	for _, arg := range os.Args {{
		if strings.HasPrefix(arg, "-test.run=^") {{
			name := strings.ToLower(arg[len("-test.run=^"):len(arg)-1])
			if !listed.MatchString("T" + name[1:]) {{
				syscall.Exit(0)
			}}
		}}
	}}
}}

func Half(cents int) int {{
	return cents / 2
}}

func Shares(cents, people int) []int {{
	return nil
}}
"""


@pytest.mark.parametrize(
    ("language", "path", "code"),
    [
        ("python", "src/purse/__init__.py", PYTHON_LISTED),
        ("node", "lib/money.js", NODE_LISTED),
        ("go", "money/money.go", GO_LISTED),
    ],
)
def test_a_forgery_by_a_published_list_of_words(toy, language, path, code):
    assert toy(language).attack({path: code}).verdict == "integrity"


def test_a_forgery_by_order(toy):
    found = toy("python").attack({"src/purse/__init__.py": PYTHON_ORDER})
    assert found.verdict in {"failed", "integrity"}
