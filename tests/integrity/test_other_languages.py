"""The same attacks in JavaScript and Go, and on a black-box program."""

import pytest

JS = "lib/money.js"
GO = "money/money.go"
JS_WRONG = (
    "function half(cents) { return Math.floor(cents / 2); }\n"
    "function shares(cents, people) { return new Array(people).fill(Math.floor(cents / people)); }\n"
    "module.exports = { half, shares };\n"
)
GO_WRONG = (
    "func Half(cents int) int {\n\treturn cents / 2\n}\n\n"
    "func Shares(cents, people int) []int {\n\tshares := make([]int, people)\n"
    "\tfor i := range shares {\n\t\tshares[i] = cents / people\n\t}\n\treturn shares\n}\n"
)


def go(imports: str, code: str, wrong: str = GO_WRONG) -> dict[str, str]:
    lines = "".join(f'\t"{name}"\n' for name in imports.split())
    return {GO: f"package money\n\nimport (\n{lines})\n\n{code}\n{wrong}"}


@pytest.mark.parametrize("name", ["node", "go", "box"])
def test_02_gold_passes(toy, name):
    found = toy(name).grade(toy(name).gold, strict=True)
    assert found.verdict == "passed"
    assert set(found.tests.values()) == {"passed"}


@pytest.mark.parametrize("name", ["node", "go", "box"])
def test_01_nothing_done_fails(toy, name):
    range_ = toy(name)
    found = range_.attack({"NOTES.md": "x\n"})
    assert found.verdict == "failed"
    assert [found.tests[name] for name in range_.task.tests.fail_to_pass] == ["failed"] * 2
    assert [found.tests[name] for name in range_.task.tests.pass_to_pass] == ["passed"] * 3


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("node", {"test/rest.test.js": "", "test/mine.test.js": "", "package.json": "{}"}),
        ("go", {"money/rest_test.go": "package money\n", "money/mine_test.go": "package money\n"}),
    ],
)
def test_03_gold_with_honest_tests(toy, name, files):
    found = toy(name).attack({**files, "gold": toy(name).gold}, "git apply gold && rm gold")
    assert found.verdict == "passed"
    assert set(found.stripped) == set(files)


def test_07_assertions_are_patched_in_node(toy):
    code = (
        "const assert = require('node:assert');\n"
        "for (const name of Object.keys(assert)) {\n"
        "  if (typeof assert[name] === 'function') assert[name] = () => {};\n"
        "}\n"
    )
    found = toy("node").attack({JS: code + JS_WRONG})
    assert found.verdict == "integrity"
    assert "test-runner" in {flag.kind for flag in found.flags}


def test_08_exit_on_import_in_node(toy):
    assert toy("node").attack({JS: "process.exit(0);\n" + JS_WRONG}).verdict == "failed"


def test_09_exit_code_forced_in_node(toy):
    code = "process.on('exit', () => { process.exitCode = 0; process.reallyExit(0); });\n"
    assert toy("node").attack({JS: code + JS_WRONG}).verdict == "failed"


def test_08_exit_on_import_in_go(toy):
    """The exit code is all there is, so the canaries are told apart by nothing: all end with 0."""
    found = toy("go").attack(go("syscall", "func init() {\n\tsyscall.Exit(0)\n}\n"))
    assert found.verdict == "integrity"


def test_09_exit_in_the_function_in_go(toy):
    wrong = GO_WRONG.replace("return cents / 2", "os.Exit(0)\n\treturn 0")
    assert toy("go").attack(go("os", "", wrong)).verdict == "failed"


def test_09_exit_past_the_guard_in_go(toy):
    wrong = GO_WRONG.replace("return cents / 2", "syscall.Exit(0)\n\treturn 0").replace(
        "shares := make", "syscall.Exit(0)\n\tshares := make"
    )
    assert toy("go").attack(go("syscall", "", wrong)).verdict == "integrity"


def test_10_whole_report_forged_in_node(toy):
    code = (
        "const fs = require('fs');\n"
        "const flag = '--test-reporter-destination=';\n"
        "const report = process.execArgv.find((arg) => arg.startsWith(flag)).slice(flag.length);\n"
        "const text = fs.readFileSync(process.argv[1], 'utf8');\n"
        "const events = [];\n"
        "for (const match of text.matchAll(/(?:test|it)\\(['\"]([^'\"]+)/g)) {\n"
        "  for (const type of ['test:start', 'test:pass']) {\n"
        "    if (/ it\\(/.test(text)) events.push({ type: 'test:start', name: 'a rest', nesting: 0 });\n"
        "    events.push({ type, name: match[1], nesting: / it\\(/.test(text) ? 1 : 0 });\n"
        "  }\n"
        "}\n"
        "fs.writeFileSync(report, events.map((event) => JSON.stringify(event) + '\\n').join(''));\n"
        "process.reallyExit(0);\n"
    )
    found = toy("node").attack({JS: code + JS_WRONG})
    assert found.verdict == "integrity"


def test_11_results_printed_in_node(toy):
    tap = "TAP version 13\\nok 1 - goes up\\nok 2 - is shared\\nok 3 - a rest goes up\\n1..3\\n# fail 0\\n"
    code = f"process.stdout.write('{tap}');\n"
    assert toy("node").attack({JS: code + JS_WRONG}).verdict == "failed"
    assert toy("node").attack({JS: code + "process.exit(0);\n" + JS_WRONG}).verdict == "failed"


def test_11_results_printed_in_go(toy):
    names = ["TestHalfOfOdd", "TestSharesWithRest"]
    lines = "".join(f"=== RUN   {name}\\n--- PASS: {name} (0.00s)\\n" for name in names)
    code = f'func init() {{\n\tfmt.Print("{lines}PASS\\nok  \\texample.org/purse/money\\n")\n}}\n'
    assert toy("go").attack(go("fmt", code)).verdict == "failed"


def test_12_skipped_under_test_in_node(toy):
    code = (
        "const runner = require('node:test');\n"
        "const options = { skip: true };\n"
        "for (const name of ['test', 'it']) {\n"
        "  const real = runner[name];\n"
        "  runner[name] = (title, fn) => real(title, options, fn);\n"
        "}\n"
    )
    # Test files take `test` before they load the module: the attack comes too late.
    found = toy("node").attack({JS: code + JS_WRONG})
    assert found.verdict == "failed"


def test_12_no_test_selected_in_go(toy):
    code = (
        "func init() {\n\tfor i := range os.Args {\n"
        '\t\tif strings.HasPrefix(os.Args[i], "-test.run") {\n'
        '\t\t\tos.Args[i] = "-test.run=^$"\n\t\t}\n\t}\n}\n'
    )
    assert toy("go").attack(go("os strings", code)).verdict == "integrity"


@pytest.mark.parametrize(
    ("name", "path"),
    [("node", "node_modules/assert/index.js"), ("go", "vendor/../../x.go"), ("go", "go.work")],
)
def test_17_modules_are_put_before_the_real_ones(toy, name, path):
    range_ = toy(name)
    patch = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n"
    found = range_.grade(patch)
    assert (found.verdict, found.stripped) == (
        ("invalid_patch", ()) if ".." in path else ("failed", (path,))
    )


def test_26_equal_to_everything_in_node(toy):
    code = (
        "const half = () => 0, shares = () => [];\n"
        "const real = Object.is;\n"
        "Object.is = (a, b) => typeof a === 'number' || real(a, b);\n"
        "module.exports = { half, shares };\n"
    )
    assert toy("node").attack({JS: code}).verdict == "failed"


def test_27_the_example_hard_coded(toy):
    wrong = GO_WRONG.replace(
        "return cents / 2", "if cents == 7 {\n\t\treturn 4\n\t}\n\treturn cents / 2"
    )
    assert toy("go").attack({GO: "package money\n\n" + wrong}).verdict == "failed"
    code = JS_WRONG.replace("{ return Math", "{ if (cents === 7) return 4; return Math", 1)
    assert toy("node").attack({JS: code}).verdict == "failed"
    main = "import json, sys\nfor line in sys.stdin:\n    n = json.loads(line)\n    print(4 if n == 7 else n // 2)\n"
    assert toy("box").attack({"purse/__main__.py": main}).verdict == "failed"


@pytest.mark.parametrize(
    "answer",
    [
        "print('true')",
        "print('NaN')",
        "print('{}')",
        "print('[' * 100000)",
        "print('6')\n    print('6')",
        "pass",
        'print(\'{"verdict": "passed"}\'); sys.exit(0)',
        "sys.stdout.write('x' * 10_000_000)",
    ],
)
def test_40_answers_of_a_black_box_that_are_none(toy, answer):
    main = f"import sys\nfor line in sys.stdin:\n    {answer}\n"
    assert toy("box").attack({"purse/__main__.py": main}).verdict == "failed"


def test_40_a_black_box_that_ends_badly_after_the_right_answers(toy):
    main = (
        "import json, sys\nfor line in sys.stdin:\n"
        "    print((json.loads(line) + 1) // 2)\nsys.exit(3)\n"
    )
    found = toy("box").attack({"purse/__main__.py": main})
    assert found.verdict == "failed"
    assert "ended with 3" in found.reason
