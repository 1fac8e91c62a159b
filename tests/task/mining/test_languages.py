"""Mining JavaScript and Go repositories made here, on the engine."""

import json
import re

import pytest

from arena.errors import InputError
from arena.records import File
from arena.task import pack as packs
from arena.task.mining.history import purpose
from arena.task.mining.node_runner import JAVASCRIPT, javascript_of, read_package
from arena.task.mining.pipeline import language_of
from tests.e2e.rig import arena
from tests.task.importing import rig

pytestmark = pytest.mark.timeout(900)

PACKAGE = '{"name": "purse", "version": "1.0.0", "scripts": {"test": "node --test"}}\n'
JS = "exports.half = (cents) => Math.trunc(cents / 2);\nexports.whole = (cents) => cents;\n"
JS_FIXED = JS.replace("Math.trunc(cents / 2)", "Math.floor((cents + 1) / 2)")
JS_MORE = JS_FIXED + "exports.debt = (cents) => -cents;\n"
JS_HEAD = (
    "const { test, describe, it } = require('node:test');\n"
    "const assert = require('node:assert').strict;\n"
)
JS_WHOLE = "test('whole', () => assert.equal(purse.whole(3), 3));\n"
JS_HALF = (
    "describe('halves', () => {\n  it('of odd cents', () => assert.equal(purse.half(3), 2));\n"
    "  it('of even cents', () => assert.equal(purse.half(4), 2));\n});\n"
)
JS_TWICE = "test('twice', () => assert.equal(purse.twice(3), 6));\n"
JS_DEBT = "test('debt', () => assert.equal(purse.debt(3), -3));\n"
GO = "package purse\n\nfunc Half(cents int) int {\n\treturn cents / 2\n}\n\nfunc Whole(cents int) int {\n\treturn cents\n}\n"
GO_FIXED = GO.replace("cents / 2", "(cents + 1) / 2")
GO_MORE = GO_FIXED + "\nfunc Debt(cents int) int {\n\treturn -cents\n}\n"


def js_tests(*parts):
    return JS_HEAD + "const purse = require('../lib/purse.js');\n" + "".join(parts)


def go_tests(**wanted):
    body = "".join(
        f"\nfunc Test{name}(t *testing.T) {{\n\tif got := {name}(3); got != {want} {{\n"
        f'\t\tt.Errorf("got %d", got)\n\t}}\n}}\n'
        for name, want in wanted.items()
    )
    return f'package purse\n\nimport "testing"\n{body}'


def a_clone(folder, steps):
    repo = folder / "purse"
    repo.mkdir()
    rig.git(repo, "init", "-q", "-b", "main")
    for message, files in steps:
        rig.commit(repo, message, files)


def mined(folder):
    done = arena(
        *("tasks", "mine", "purse", "--out", "ours", "--format", "json"), cwd=folder, timeout_s=800
    )
    assert done.code == 0, done.err
    log = [json.loads(line) for line in (folder / "ours/mining.jsonl").read_text().splitlines()]
    tasks = {task.title: task for task in packs.load("./ours", base=folder)}
    return {one["subject"]: one for one in log}, tasks


def test_a_package_of_npm_gives_tasks(tmp_path):
    lib, tests = "lib/purse.js", "test/purse.test.js"
    a_clone(
        tmp_path,
        [
            ("Start", {"package.json": PACKAGE, lib: JS, tests: js_tests(JS_WHOLE)}),
            (
                "Fix halves of odd cents",
                {lib: JS_FIXED, tests: js_tests(JS_WHOLE, JS_HALF)},
            ),
            (
                "Tests of another runner fix nothing",
                {lib: f"{JS_FIXED}// more\n", "test/other.test.js": "it('is', () => {});\n"},
            ),
            ("Add what is owed", {lib: JS_MORE, tests: js_tests(JS_WHOLE, JS_HALF, JS_DEBT)}),
            (
                "Two tests of one name cannot be told apart",
                {
                    lib: JS_MORE + "exports.twice = (cents) => 2 * cents;\n",
                    tests: js_tests(JS_WHOLE, JS_HALF, JS_DEBT, JS_TWICE, JS_TWICE),
                },
            ),
        ],
    )
    log, tasks = mined(tmp_path)
    assert set(tasks) == {"Fix halves of odd cents", "Add what is owed"}
    halves = tasks["Fix halves of odd cents"]
    assert (halves.language, halves.tests.runner, halves.image) == ("javascript", "node", "node")
    assert halves.tests.fail_to_pass == (f"{tests}::halves > of odd cents",)
    assert set(halves.tests.pass_to_pass) == {
        f"{tests}::whole",
        f"{tests}::halves > of even cents",
    }
    assert list(log["Fix halves of odd cents"]["fail_to_pass"].values()) == [
        "assertion: AssertionError"
    ]
    assert list(log["Add what is owed"]["fail_to_pass"].values()) == ["exception: TypeError"]
    other = log["Tests of another runner fix nothing"]
    assert other["stage"] == "patch"
    assert "run by another runner, which cannot be driven without" in other["reason"]
    assert "no test changes" in log["Two tests of one name cannot be told apart"]["reason"]


def test_a_module_of_go_with_what_it_vendors_gives_tasks(tmp_path):
    lib, tests = "purse/purse.go", "purse/purse_test.go"
    module = "module example.org/purse\n\ngo 1.19\n\nrequire example.com/coin v1.2.0\n"
    vendored = {
        "vendor/modules.txt": "# example.com/coin v1.2.0\n## explicit\nexample.com/coin\n",
        "vendor/example.com/coin/coin.go": "package coin\n\nconst Cents = 100\n",
        "purse/coin.go": 'package purse\n\nimport "example.com/coin"\n\nvar Cents = coin.Cents\n',
    }
    start = {"go.mod": module, **vendored, lib: GO, tests: go_tests(Whole=3)}
    a_clone(
        tmp_path,
        [
            ("Start", start),
            ("Fix halves of odd cents", {lib: GO_FIXED, tests: go_tests(Whole=3, Half=2)}),
            ("Add what is owed", {lib: GO_MORE, tests: go_tests(Whole=3, Half=2, Debt=-3)}),
            (
                "Speak of something else",
                {lib: f"{GO_MORE}\n// More.\n", tests: go_tests(Whole=3, Half=2, Debt=-3) + "\n"},
            ),
        ],
    )
    log, tasks = mined(tmp_path)
    assert set(tasks) == {"Fix halves of odd cents", "Add what is owed"}
    halves = tasks["Fix halves of odd cents"]
    assert (halves.language, halves.tests.runner, halves.image) == ("go", "go", "go")
    assert halves.tests.fail_to_pass == ("purse:TestHalf",)
    assert halves.tests.pass_to_pass == ("purse:TestWhole",)
    assert list(log["Fix halves of odd cents"]["fail_to_pass"].values()) == ["assertion: t.Fail"]
    owed = log["Add what is owed"]["fail_to_pass"]
    assert set(owed.values()) == {"import: BuildError"}
    assert log["Speak of something else"]["reason"] == "no test changes its result"


def files(**texts):
    return [
        File(path=path.replace("__", "/").replace("_dot_", "."), data=text.encode())
        for path, text in texts.items()
    ]


@pytest.mark.parametrize(
    ("tree", "language"),
    [
        ({"package_dot_json": "{}", "a_dot_js": "", "tool_dot_py": "", "b_dot_py": ""}, "javascript"),
        ({"go_dot_mod": "module a", "a_dot_go": "", "package_dot_json": "{}"}, "go"),
        ({"setup_dot_py": "", "a_dot_js": ""}, "python"),
        ({"a_dot_py": ""}, "python"),
    ],
)  # fmt: skip
def test_the_language_is_that_of_the_manifest_with_most_code(tree, language):
    assert language_of(files(**tree), "here").language == language


def test_a_repository_of_nothing_we_know_is_refused():
    with pytest.raises(InputError, match="no program text"):
        language_of(files(README_dot_md="x"), "here")


def test_what_a_package_needs_for_its_tests():
    text = json.dumps(
        {
            "name": "@acme/purse",
            "dependencies": {"ms": "^2.1.0", "local": "file:../local"},
            "devDependencies": {"eslint": "9", "@scope/fixtures": "~1.0", "sinon": "next"},
        }
    )
    test = "import x from '@scope/fixtures/a.js';\nimport test from 'node:test';\n"
    found = read_package(files(package_dot_json=text, test__a_dot_test_dot_js=test))
    assert found.name == "@acme/purse"
    assert found.requirements == ("@scope/fixtures@~1.0", "ms@^2.1.0", "sinon@next")


@pytest.mark.parametrize(
    ("package", "test", "wanted"),
    [
        # TypeScript as it is compiled for tests knows no `describe` without its types
        ({"devDependencies": {"@types/jest": "29", "tsd": "1"}}, "", ("@types/jest@29",)),
        (
            {"devDependencies": {"@standard-schema/spec": "1", "standard": "17", "unbuild": "2"}},
            "",
            ("@standard-schema/spec@1",),
        ),
        (
            {"devDependencies": {"@typescript-eslint/parser": "5", "eslint-plugin-n": "1"}},
            "it(require.resolve('@typescript-eslint/parser/x'))",
            ("@typescript-eslint/parser@5",),
        ),
        # What is developed with is what npm installs, whatever else its users may have
        (
            {
                "peerDependencies": {"react": ">=16.8", "eslint": "*", "vue": "^3.0.0"},
                "devDependencies": {"react": "^16.11.0", "eslint": "8"},
            },
            "",
            ("eslint@8", "react@^16.11.0", "vue@^3.0.0"),
        ),
        (
            {
                "name": "purse",
                "devDependencies": {
                    "purse": "1",
                    "old": "npm:purse@1",
                    "zod3": "npm:zod@~3.24.0",
                    "any": "npm:@acme/any",
                },
            },
            "import 'purse'",
            ("any@npm:@acme/any", "zod3@npm:zod@~3.24.0"),
        ),
    ],
)
def test_packages_are_those_that_npm_would_give_its_tests(package, test, wanted):
    tree = files(package_dot_json=json.dumps(package), test__a_dot_js=test)
    assert read_package(tree).requirements == wanted


@pytest.mark.parametrize(
    ("lock", "text"),
    [
        ("package-lock_dot_json", '{"packages": {"node_modules/ms": {"version": "2.1.3"}}}'),
        (
            "pnpm-lock_dot_yaml",
            (
                "importers:\n\n  .:\n    dependencies:\n      ms:\n        specifier: ^2.1.0\n"
                "        version: 2.1.3(peer@1.0.0)\n      own:\n        specifier: workspace:*\n"
                "        version: link:packages/own\n"
            ),
        ),
        (
            "package-lock_dot_json",
            (
                '{"lockfileVersion": 1, "dependencies": {"a": {"version": "1.0.0", "dependencies": '
                '{"ms": {"version": "2.0.0"}}}, "ms": {"version": "2.1.3"}}}'
            ),
        ),
        ("npm-shrinkwrap_dot_json", '{"dependencies": {"ms": {"version": "2.1.3"}}}'),
        (
            "pnpm-lock_dot_yaml",
            (
                "lockfileVersion: 5.4\n\nspecifiers:\n  ms: ^2.1.0\n\ndependencies:\n"
                "  ms: 2.1.3_peer@1.0.0\n\npackages:\n\n  /a/1.0.0:\n    dependencies:\n      ms: 2.0.0\n"
            ),
        ),
        (
            "bun_dot_lock",
            (
                '{\n  "workspaces": {"": {"dependencies": {"ms": "^2.1.0"}}},\n  "packages": {\n'
                '    "a/ms": ["ms@2.0.0", "", {}, "x"],\n    "ms": ["ms@2.1.3", "", {}, "x"],\n  }\n}\n'
            ),
        ),
        ("yarn_dot_lock", 'ms@^2.1.0:\r\n  version "2.1.3"\r\n'),
        (
            "yarn_dot_lock",
            (
                'ms@2.0.0, ms@^1.0.0:\n  version "2.0.0"\n\n"ms@^2.0.0", ms@^2.1.0:\n  version "2.1.3"\n'
                '  resolved "https://example.org"\n'
            ),
        ),
        (
            "yarn_dot_lock",
            (
                '"ms@npm:2.0.0":\n  version: 2.0.0\n  checksum: 1\n\n"ms@npm:^2.0.0, ms@npm:^2.1.0":\n'
                "  version: 2.1.3\n"
            ),
        ),
    ],
)
def test_versions_are_those_of_the_lock_file(lock, text):
    package = '{"dependencies": {"ms": "^2.1.0", "own": "workspace:*"}}'
    found = read_package(files(package_dot_json=package, **{lock: text}))
    assert found.requirements == ("ms@2.1.3",)


def test_what_a_package_is_developed_with_wins_over_what_its_users_may_have():
    package = (
        '{"peerDependencies": {"typescript": ">=5", "ms": "*"}, "devDependencies": {'
        '"typescript": "^5.0.0", "eslint": "^9.0.0"}}'
    )
    lock = '"typescript@npm:*, typescript@npm:^5.0.0":\n  version: 5.9.3\n'
    found = read_package(files(package_dot_json=package, yarn_dot_lock=lock))
    assert found.requirements == ("ms@*", "typescript@5.9.3")


def test_a_version_of_a_catalogue_stands_in_the_lock():
    package = '{"dependencies": {"ms": "catalog:", "gone": "catalog:old"}}'
    lock = "      ms:\n        specifier: 'catalog:'\n        version: 2.1.3\n"
    tree = files(package_dot_json=package, **{"pnpm-lock_dot_yaml": lock})
    assert read_package(tree).requirements == ("ms@2.1.3",)


@pytest.mark.parametrize(
    ("package", "test"),
    [
        ('{"engines": {"node": ">=22"}}', {"a_dot_test_dot_js": "import 'node:test'"}),
        ("{}", {"a_dot_test_dot_ts": "import test from 'node:test';\n"}),
    ],
)
def test_a_package_that_needs_a_newer_node_asks_for_it(package, test):
    tree = files(package_dot_json=package, **test)
    assert read_package(tree).requirements == ("node@24",)
    assert javascript_of(tree).runner == "node"
    assert JAVASCRIPT.refusal(tree, files(**test)) == ""


@pytest.mark.parametrize(
    ("runner", "scripts", "wanted"),
    [
        (
            "mocha",
            {"test": "nyc mocha --require should --reporter dot --recursive 'test/*.js'"},
            ("set -- 'test/*.js'\n", ' "$@" --require should --recursive'),
        ),
        ("vitest", {"test": "env TZ=Asia/Kolkata vitest"}, ("env TZ=Asia/Kolkata node ",)),
        (
            "jest",
            {"test": "cross-env NODE_OPTIONS='--experimental-vm-modules --trace' npx jest"},
            ("env NODE_OPTIONS='--experimental-vm-modules --trace' node /node_modules/jest/",),
        ),
        (
            "jest",
            {
                "test": "npm run unit && npm run lint",
                "lint": "eslint .",
                "unit": "node --experimental-vm-modules node_modules/jest/bin/jest.js --env node",
            },
            ("env node --experimental-vm-modules /node_modules/jest/", ' "$@" --env node'),
        ),
        # Files stand before options that take several words
        (
            "jest",
            {"test": "jest --coverage -t 'one test' --projects a 'b c' --forceExit"},
            ("json \"$@\" --projects a 'b c' --forceExit",),
        ),
        # What is run is the script that is named, with what is handed on, not its name
        (
            "mocha",
            {
                "test": "A=1  npm run -s test:mocha\n tests/src && npm run lint",
                "test:mocha": "cross-env B=2 nyc mocha --retries 3 -t 5000",
                "lint": "eslint --env=mocha x/y",
            },
            ("env A=1 B=2 node ", "set -- tests/src\n", ' "$@" -t 5000'),
        ),
        (
            "mocha",
            {
                "test": "run-s -l 'lint {@}' \"test:*\"",
                "test:node": "mocha --opts a/b.opts --compilers js:babel-register --ignore 'x/**' -R spec --globals a,b -u tdd spec",
                "test:more": "mocha more",
            },
            (
                "set -- spec\n",
                "\"$@\" --opts a/b.opts --compilers js:babel-register --ignore 'x/**' --globals a,b -u tdd",
            ),
        ),
        (
            "mocha",
            {
                "test": "mocha 'a|b/*.js' $(grep -lr 'it(' tests) --delay -n import=tsx > log 2>&1 | cat"
            },
            ("set -- 'a|b/*.js' $(grep -lr 'it(' tests)\n", '"$@" --delay -n import=tsx'),
        ),
        (
            "mocha",
            {"test": "node --loader x --experimental-specifier-resolution=node ./bin/mocha.js"},
            ("node --loader x --experimental-specifier-resolution=node $(ls",),
        ),
        ("react-scripts", {"test": "react-scripts test --env=a"}, (' "$@" --env=a',)),
        ("kcd-scripts", {"test": "kcd-scripts test"}, ("index.js test --no-watch --ci --json ",)),
        (
            "vitest",
            {"test": 'concurrently "npm:check" "yarn unit"', "unit": "vitest run --pool forks"},
            (' "$@" --pool forks',),
        ),
    ],
)
def test_what_a_test_script_says_of_its_runner_is_carried(runner, scripts, wanted):
    needs = {runner: "1", "should": "13", "eslint": "9"}
    package = json.dumps({"scripts": scripts, "devDependencies": needs})
    # A file may import of Node's runner what another one runs
    tree = files(package_dot_json=package, a_dot_test_dot_js="import 'node:test'")
    script = javascript_of(tree).command.script
    assert [part for part in wanted if part not in re.sub(" +", " ", script)] == []
    assert set(read_package(tree).requirements) == {f"{runner}@1", "should@13"}, "no tools"


def test_where_scripts_call_two_runners_it_is_the_one_of_most_tests():
    scripts = {"test": "borp && jest test/jest"}
    package = json.dumps({"scripts": scripts, "devDependencies": {"jest": "29"}})
    node, jest = "import { test } from 'node:test'; test()", "test()"
    tree = {"a_dot_test_dot_js": node, "b_dot_test_dot_js": node, "test__jest__c_dot_js": jest}
    assert javascript_of(files(package_dot_json=package, **tree)) is JAVASCRIPT
    tree["b_dot_test_dot_js"] = jest
    assert javascript_of(files(package_dot_json=package, **tree)).runner == "command"


def test_packages_of_a_workspace_are_linked_and_those_beside_it_are_not_needed():
    def told(name, **more):
        return json.dumps({"name": name, "dependencies": more})

    tree = files(
        package_dot_json='{"scripts": {"test": "jest"}, "devDependencies": {"jest": "29"}}',
        packages__core__package_dot_json=told("@acme/core", ms="2"),
        packages__shop__package_dot_json=told("shop", **{"@acme/core": "^1.0.0"}),
        packages__shop__a_dot_test_dot_js="require('@acme/core')",
        website__package_dot_json=told("site", docusaurus="3"),
    )
    assert read_package(tree).requirements == ("jest@29", "ms@2")
    script = javascript_of(tree).command.script
    assert "ln -sfn /repo/packages/core node_modules/@acme/core" in script
    assert "site" not in script


@pytest.mark.parametrize(
    ("package", "hidden", "words"),
    [
        ('{"scripts": {"test": "karma start"}}', {"a_dot_test_dot_js": "it()"}, "run by karma"),
        ('{"scripts": {"test": "nyc tape"}}', {"test__a_dot_js": "it()"}, "run by tape"),
        ("{}", {"a_dot_test_dot_js": ""}, "run by another runner"),
        ('{"scripts": {"test": "ava"}}', {"a_dot_test_dot_ts": "test()"}, "run by ava"),
        ("{}", {"test__data_dot_json": "{}"}, "no test file is left"),
    ],
)  # fmt: skip
def test_runners_that_cannot_be_driven_are_named(package, hidden, words):
    assert words in JAVASCRIPT.refusal(files(package_dot_json=package), files(**hidden))
    ours = files(test__b_dot_test_dot_js="import test from 'node:test'")
    assert JAVASCRIPT.refusal(files(package_dot_json=package), ours) == ""


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("test.js", "test"),
        ("src/date/tests.ts", "test"),
        ("lib/purse-test.js", "test"),
        ("lib/test-purse.mjs", "test"),
        ("lib/latest.js", "source"),
        ("lib/contest.js", "source"),
        ("cmd/contest_tool.go", "source"),
        ("internal/testutil.go", "source"),
        ("package.json", "other"),
        ("go.mod", "other"),
        ("vendor/github.com/a/b/c.go", "other"),
        ("sub/vendor/golang.org/x/sys/a_test.go", "other"),
        ("node_modules/a/test.js", "other"),
        ("shop/vendor/models.py", "source"),
        ("shop/vendor/test_models.py", "test"),
    ],
)
def test_purpose_of_a_path_in_other_languages(path, wanted):
    assert purpose(path) == wanted


def test_scripts_without_end_are_not_followed_for_ever():
    many = {f"s{n}": f"run-s s{n + 1}* && npm run s{n + 1}" for n in range(20_000)}
    scripts = {"test": f"run-s {' '.join(many)} && mocha", **many}
    package = json.dumps({"scripts": scripts, "devDependencies": {"mocha": "11"}})
    found = javascript_of(files(package_dot_json=package, a_dot_test_dot_js="test()"))
    assert found.runner == "command"
