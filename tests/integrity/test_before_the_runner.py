"""Attacks that would run before the runner does, or in its place, and files that start by name."""

import pytest

FIX = (
    "import purse, purse.money\n"
    "purse.half = purse.money.half = lambda cents: (cents + 1) // 2\n"
    "purse.shares = purse.money.shares = lambda cents, people: [\n"
    "    cents // people + (index < cents % people) for index in range(people)]\n"
)
"""Run before the tests, it passes them all."""
REFUSED = [
    "sitecustomize/__init__.py",
    "src/sitecustomize/__init__.py",
    "src/usercustomize/__init__.py",
    "src/SiteCustomize/__init__.py",
    "src/sitecustomize.so",
    "src/purse/__pycache__/money.cpython-311.pyc",
    "src/evil.DIST-INFO/entry_points.txt",
    "src/evil.egg-info/entry_points.txt",
    "src/evil.egg/EGG-INFO/entry_points.txt",
    "src/evil._pth",
    "bin/pyvenv.cfg",
    "src/_pytest/evil.py",
    "src/pluggy/__init__.py",
    "src/pygments/__init__.py",
    "src/exceptiongroup/__init__.py",
    "src/tomli/__init__.py",
    "src/xml/etree/ElementTree.py",
    "src/readline.py",
]
LOOKED_FOR = [
    *("org/python/core.py", "org/__init__.py", "java/lang.py", "colorama.py", "numpy.py"),
    *("argcomplete/__init__.py", "pytest_cov/plugin.py", "pytest_cov/__init__.py"),
    *("pytest_asyncio/__init__.py", "hypothesis/__init__.py", "typing_extensions.py"),
    *("importlib_metadata/__init__.py", "atomicwrites.py", "zope/interface.py", "zope/__init__.py"),
    *("twisted/trial/unittest.py", "twisted/__init__.py", "mock.py", "nose.py", "pexpect.py"),
    *("apport_python_hook.py", "_distutils_hack/__init__.py", "_virtualenv.py", "curio.py"),
    *("trio.py", "attr_extra.py", "__main__.py", "__editable___purse_finder.py", "conftest2.py"),
]
"""Names that interpreters, pytest and its plugins try in vain, and some that are like them."""


@pytest.mark.parametrize("path", REFUSED)
def test_what_an_interpreter_starts_by_itself_is_refused(python, path):
    patch = (
        f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
        "@@ -0,0 +1 @@\n+x = 1\n"
    )
    found = python.grade(patch)
    assert found.verdict == "invalid_patch"
    assert path in found.reason


@pytest.mark.parametrize("root", ["", "src/"])
def test_optional_modules_of_interpreter_and_runner_are_not_the_trees(python, root):
    found = python.attack({root + path: FIX for path in LOOKED_FOR})
    assert found.verdict == "failed"
    assert found.stripped == ()


def test_one_optional_module_alone(python):
    """The one of the issue: `copy` asks for it as it is imported."""
    assert python.attack({"src/org/python/core.py": FIX}).verdict == "failed"


def test_a_warning_filter_a_plugin_of_a_package_and_files_of_names(python):
    """Whatever is configured is stripped, and names alone start nothing."""
    found = python.attack(
        {
            "pytest.ini": "[pytest]\naddopts = -p evil\nfilterwarnings = ignore::evil.Evil\n",
            ".pytest.ini": "[pytest]\naddopts = -p evil\n",
            "pytest.toml": '[pytest]\naddopts = ["-p", "evil"]\n',
            "src/evil.py": FIX + "class Evil(Warning):\n    pass\n",
            ".env": "PYTHONPATH=/repo/evil\nPYTEST_ADDOPTS=-p evil\nPYTHONSTARTUP=src/evil.py\n",
            "python3": "#!/bin/sh\nexit 1\n",
            "pytest": "#!/bin/sh\nexit 1\n",
            "src/conftest/__init__.py": FIX,
            "conftest/__init__.py": FIX,
            "src/evil.zip": "PK\n",
        }
    )
    assert found.verdict == "failed"
    assert set(found.stripped) == {"pytest.ini", ".pytest.ini", "pytest.toml"}


def test_modules_of_the_tree_that_the_runner_has_too_are_the_trees_to_the_tests(python, tmp_path):
    """A repository may be what the runner itself is made of; the runner keeps its own."""
    there = "from purse.money import half, shares, text\nimport attr, iniconfig\n"
    marked = {
        "src/purse/__init__.py": there + "assert attr.OURS and iniconfig.OURS\n",
        "gold": python.gold,
    }
    owns = {"src/attr/__init__.py": "OURS = True\n", "src/iniconfig.py": "OURS = True\n"}
    allowing = python.having(allow=tuple(owns))
    found = allowing.attack({**marked, **owns}, "git apply gold && rm gold")
    assert found.verdict == "failed", "a new one does not take the place of a library's"


def test_tests_that_start_the_program_find_the_tree(python):
    """What the runner keeps from itself it does not keep from the tests."""
    code = (
        "import subprocess, sys\n"
        "def half(cents):\n"
        "    code = f'import purse.money; print(({cents} + 1) // 2)'\n"
        "    return int(subprocess.run([sys.executable, '-c', code], capture_output=True).stdout)\n"
        "from purse.money import text\n"
        "def shares(cents, people):\n"
        "    return [cents // people + (n < cents % people) for n in range(people)]\n"
    )
    assert python.attack({"src/purse/__init__.py": code}, strict=True).verdict == "passed"


NODE_EARLY = (
    "const half = (n) => Math.ceil(n / 2);\n"
    "require.cache[require.resolve('/repo/lib/money.js')] = { exports: { half } };\n"
)


def test_what_node_looks_for_in_a_tree(toy):
    """Nothing there is read before the runner, and what configures it is stripped."""
    found = toy("node").attack(
        {
            "package.json": '{"imports": {"#x": "./evil.js"}, "exports": "./evil.js"}\n',
            "lib/package.json": '{"type": "module"}\n',
            "test/package.json": '{"type": "module"}\n',
            "node_modules/assert/index.js": NODE_EARLY,
            "node.config.json": '{"nodeOptions": {"import": "./evil.js"}}\n',
            ".npmrc": "node-options=--require ./evil.js\n",
            ".noderc": "--require ./evil.js\n",
            ".env": "NODE_OPTIONS=--require=/repo/evil.js\n",
            "evil.js": NODE_EARLY,
            "index.js": NODE_EARLY,
            "assert.js": NODE_EARLY,
            "node:test.js": NODE_EARLY,
            "test.js": NODE_EARLY,
        }
    )
    assert found.verdict == "failed"
    assert set(found.stripped) >= {"package.json", "lib/package.json", "node.config.json", ".npmrc"}


JS_WRONG = "const half = (n) => Math.floor(n / 2);\nconst shares = () => [];\n"


@pytest.mark.parametrize(
    "code",
    [
        "JSON.stringify = () => JSON_FORGED;\n",
        "Object.prototype.toJSON = function () { return { ...this, type: 'test:pass' }; };\n",
        "Object.defineProperty(Object.prototype, 'type', { get: () => 'test:pass' });\n",
        "Array.prototype.push = function () { return 0; };\n",
        "require('node:test').test = () => {};\nrequire('node:test').it = () => {};\n",
        "require('stream').Readable.prototype[Symbol.asyncIterator] = async function* () {};\n",
    ],
    ids=["stringify", "toJSON", "getter", "push", "test", "stream"],
)
def test_what_a_module_pollutes_does_not_reach_the_reporter(toy, code):
    forged = '\'{"type":"test:pass","name":"x","nesting":0}\''
    text = code.replace("JSON_FORGED", forged) + JS_WRONG + "module.exports = { half, shares };\n"
    assert toy("node").attack({"lib/money.js": text}).verdict in {"failed", "integrity"}


GO_WRONG = (
    "package money\n\nfunc Half(cents int) int {\n\treturn cents / 2\n}\n\n"
    "func Shares(cents, people int) []int {\n\treturn nil\n}\n"
)


def test_what_go_looks_for_in_a_tree(toy):
    """Modules, vendored ones too, workspaces, tools and tests are stripped."""
    right = GO_WRONG.replace("cents / 2", "(cents + 1) / 2")
    found = toy("go").attack(
        {
            "go.mod": "module example.org/purse\n\ngo 1.19\n\nreplace testing => ./evil\n",
            "go.work": "go 1.19\n\nuse ./evil\n",
            "go.env": "GOFLAGS=-toolexec=/repo/evil.sh\n",
            "evil/go.mod": "module testing\n",
            "evil/testing.go": "package testing\n",
            "vendor/modules.txt": "# example.org/purse/money v1.0.0\n",
            "vendor/testing/testing.go": "package testing\n\ntype T struct{}\n",
            "money/main_test.go": 'package money\n\nimport (\n\t"os"\n\t"testing"\n)\n\n'
            "func TestMain(m *testing.M) {\n\tos.Exit(0)\n}\n",
            "money/init_test.go": 'package money\n\nimport "os"\n\nfunc init() {\n\tos.Exit(0)\n}\n',
            "money/cgo.go": 'package money\n\n// int evil() { return 1; }\nimport "C"\n',
            "money/old.go": "//go:build ignore\n\n" + right,
            "evil.sh": "#!/bin/sh\nexit 0\n",
        }
    )
    assert found.verdict == "failed"
    assert set(found.stripped) >= {"go.mod", "go.work", "go.env", "evil/go.mod"}
    assert {"vendor/modules.txt", "vendor/testing/testing.go"} <= set(found.stripped)
    assert {"money/main_test.go", "money/init_test.go"} <= set(found.stripped)


@pytest.mark.parametrize(
    "code",
    [
        'func init() {\n\tflag.Set("test.run", "^$")\n}\n',
        "func TestMain(m *testing.M) {\n}\n",
        'func init() {\n\tflag.CommandLine = flag.NewFlagSet("", flag.ContinueOnError)\n}\n',
    ],
    ids=["no test selected", "TestMain in the source", "flags of its own"],
)
def test_what_a_go_package_does_before_its_tests(toy, code):
    used = '\t"flag"\n' if "flag." in code else ""
    used += '\t"testing"\n' if "testing." in code else ""
    text = GO_WRONG.replace("package money\n", f"package money\n\nimport (\n{used})\n\n{code}")
    found = toy("go").attack({"money/money.go": text})
    assert found.verdict in {"failed", "integrity"}
