"""What tests need and nobody tells: found where it is so, and nowhere else."""

import json

import pytest

from arena.records import File
from arena.task import pack as packs
from arena.task.checking import specified
from arena.task.checking.specified import unsaid
from tests.e2e.rig import arena
from tests.task import toy

SAID = "Amounts should come out rounded.\n"


def needed(folder, path, before, after, test, statement=SAID, ids=(), test_path="tests/test_a.py"):
    gold = toy.diff(path, before, after, folder)
    files = [File(path=name, data=text.encode()) for name, text in ((path, before), ("README", ""))]
    hidden = [File(path=test_path, data=test.encode())]
    return unsaid(statement, gold, files, hidden, ids)


BEFORE = (
    "import argparse\n\n\ndef run(argv):\n    parser = argparse.ArgumentParser()\n"
    "    parser.add_argument('--quiet')\n    return parser.parse_args(argv)\n"
)
FLAG = BEFORE.replace(
    "    return", "    parser.add_argument('--round-up', help='away from nought')\n    return"
)
CALL = "from purse import run\n\n\ndef test_run():\n    assert run({})\n"


@pytest.mark.parametrize(
    ("after", "test", "found"),
    [
        (FLAG, CALL.format("['--round-up', '1']"), ("--round-up",)),
        (FLAG, CALL.format("'purse --quiet --round-up=1'.split()"), ("--round-up",)),
        (FLAG, CALL.format("['--quiet', '1']"), ()),
        (BEFORE + "\n\ndef rounded(amount):\n    return amount\n", "import purse\n\n\ndef test_a():\n    purse.rounded(1)\n", ()),
        (BEFORE + "\n\ndef halved(amount):\n    return amount\n", "import purse\n\n\ndef test_a():\n    purse.halved(1)\n", ("halved",)),
        (BEFORE.replace("(argv)", "(argv, places=0)", 1), CALL.format("[], places=2"), ("places",)),
        (BEFORE.replace("(argv)", "(argv, places)", 1), CALL.format("[], 2"), ()),
        (BEFORE + "\n\nclass Purse:\n    def __init__(self):\n        self.owed = 1\n", CALL.format("[]).owed and (1"), ("owed",)),
        (BEFORE.replace("    return", "    if not argv:\n        raise ValueError('nothing to be rounded here')\n    return"), "import pytest\nfrom purse import run\n\n\ndef test_a():\n    with pytest.raises(ValueError, match='nothing to be rounded'):\n        run([])\n", ("nothing to be rounded",)),
        (BEFORE + "\n\nimport os\nLEVEL = os.environ.get('PURSE_LEVEL')\n", "def test_a(monkeypatch):\n    monkeypatch.setenv('PURSE_LEVEL', '1')\n", ("PURSE_LEVEL",)),
        (BEFORE + "\n\ndef load(table):\n    return table['precision']\n", CALL.format("'''\nprecision = 2\n'''"), ("precision",)),
        (BEFORE + "\n\ndef load():\n    '''Takes precision.'''\n", CALL.format("'precision'"), ()),
        (BEFORE + "\n\nif __name__ == '__main__':\n    run([])\n", "import runpy\n\n\ndef test_a():\n    runpy.run_path('purse.py', run_name='__main__')\n", ()),
        (BEFORE + "\n\ndef load():\n    spare = 1\n    return spare\n", CALL.format("[]).spare and (1"), ()),
    ],
)  # fmt: skip
def test_what_python_tests_need(tmp_path, after, test, found):
    assert needed(tmp_path, "purse.py", BEFORE, after, test) == found


@pytest.mark.parametrize(
    "said", ["`--round-up` rounds.", "A flag round-up.", "The round-up option."]
)
def test_a_flag_that_the_statement_names_is_told(tmp_path, said):
    test = CALL.format("['--round-up', '1']")
    assert needed(tmp_path, "purse.py", BEFORE, FLAG, test, said) == ()


def test_only_tests_that_decide_count(tmp_path):
    test = CALL.format("['--round-up', '1']") + "\n\ndef test_other():\n    assert run([])\n"
    for name, found in (("test_run", ("--round-up",)), ("test_other", ())):
        ids = (f"tests/test_a.py::{name}[x]",)
        assert needed(tmp_path, "purse.py", BEFORE, FLAG, test, ids=ids) == found


SCRIPT = "export function half(cents) {\n  return cents / 2;\n}\n"
GO = "package purse\n\nfunc Half(cents int) int {\n\treturn cents / 2\n}\n"


@pytest.mark.parametrize(
    ("path", "before", "after", "test", "found"),
    [
        ("purse.ts", SCRIPT, SCRIPT + "\n// halfUp\nexport function halfUp(c: number) {\n  return c;\n}\n", "import { halfUp } from '../purse';\ntest('a', () => { halfUp(3); });\n", ("halfUp",)),
        ("purse.js", SCRIPT, SCRIPT + "// halfUp is better\n", "const p = require('../purse');\np.halfUp(3);\n", ()),
        ("purse.js", SCRIPT, SCRIPT + "program.option('--round-up', 'away');\n", "run(['--round-up']);\n", ("--round-up",)),
        ("purse.js", SCRIPT, SCRIPT + "if (!cents) throw new Error(`no cents were given to ${name}`);\n", "assert.throws(() => half(), /x/, 'no cents were given to half');\n", ("no cents were given to",)),
        ("purse.js", SCRIPT, SCRIPT + "const list = cents.toSorted();\n", "const list = cents.toSorted();\n", ()),
        ("purse.go", GO, GO + "\nfunc HalfUp(cents int) int {\n\treturn cents\n}\n", "package purse\n\nfunc TestHalf(t *testing.T) {\n\tif HalfUp(3) != 2 {\n\t\tt.Fatal()\n\t}\n}\n", ("HalfUp",)),
        ("purse.go", GO, GO + "\ntype Options struct {\n\tRounding bool\n}\n", "package purse\n\nfunc TestHalf(t *testing.T) {\n\tx := Options{Rounding: true}\n}\n", ("Rounding",)),
        ("purse.go", GO, GO + "\nfunc halve(c int) int { return c }\n", "package purse\n\nfunc halve(c int) int { return c }\nfunc TestHalf(t *testing.T) {\n\thalve(1)\n}\n", ()),
    ],
)  # fmt: skip
def test_what_tests_of_other_languages_need(tmp_path, path, before, after, test, found):
    suffix = path.rpartition(".")[2]
    assert needed(tmp_path, path, before, after, test, test_path=f"a.test.{suffix}") == found


def test_no_shipped_task_is_underspecified():
    tasks = [task for name in packs.shipped_packs() for task in packs.load(name, base=toy.Path())]
    assert {task.id: one.detail for task in tasks if not (one := specified.look(task)).ok} == {}
    assert {task.provenance for task in tasks} == {"A"}


def test_a_task_that_says_so_is_listed_and_no_fault(tmp_path):
    after = toy.AFTER + "\n\ndef owed(cents):\n    return cents\n"
    gold = toy.diff("purse/__init__.py", toy.BEFORE, after, tmp_path / "more")
    hidden = toy.HIDDEN.replace("import half_up", "import half_up, owed") + "    assert owed(1)\n"
    made = toy.a_pack(
        tmp_path, **{"halves__gold.patch": gold, "halves__tests__tests__test_halves.py": hidden}
    )
    (task,) = packs.load(str(made), base=tmp_path)
    finding = specified.look(task)
    assert (finding.ok, finding.look) == (False, "specified")
    assert finding.detail == "underspecified: its tests need 'owed'"
    digest = task.digest
    marks = 'provenance = "B"\nunderspecified = ["owed"]\n[tests]'
    (made / "halves/task.toml").write_text(toy.TASK.replace("[tests]", marks))
    (task,) = packs.load(str(made), base=tmp_path)
    assert specified.look(task).ok
    assert "as the task says" in specified.look(task).detail
    assert task.digest == digest
    done = arena("tasks", "list", "./toys", "--format", "json", cwd=tmp_path)
    (row,) = json.loads(done.out)["tasks"]
    assert (row["provenance"], row["underspecified"]) == ("B", ["owed"])


@pytest.mark.timeout(60)
def test_text_made_to_hold_it_up_does_not(tmp_path):
    endless = ["/* " * 100_000, "'\\" * 100_000, '"a' * 100_001, "`a\\" * 100_001, "\n" * 100_000]
    for text in endless:
        before = {"a.js": f"// b\n{text}\n"}
        gold = toy.diff("a.js", before["a.js"], f"// c\n{text}\n", tmp_path / str(hash(text)))
        tree = [File(path="a.js", data=before["a.js"].encode())]
        hidden = [File(path="a.test.js", data=text.encode())]
        assert unsaid("a-" * 100_000, gold, tree, hidden, ["a.test.js"]) == ()


def test_hunks_that_go_back_are_not_followed():
    tree = [File(path="a.js", data=b"x\n" * 10_000)]
    hunk = "@@ -10000 +10000 @@\n-x\n+y\n@@ -1 +1 @@\n-x\n+z\n"
    gold = f"diff --git a/a.js b/a.js\n--- a/a.js\n+++ b/a.js\n{hunk * 1000}"
    assert unsaid("", gold, tree, [File(path="b.js", data=b"z")], ["b.js"]) == ()


def test_texts_without_end_are_not_all_compared():
    many = 100_000
    lines = "".join(f'+m{at} = "no cents of {at}"\n' for at in range(many))
    head = "diff --git a/m.py b/m.py\nnew file mode 100644\n--- /dev/null\n+++ b/m.py\n"
    gold = f"{head}@@ -0,0 +1,{many} @@\n{lines}"
    test = "".join(f'x{at} = "all cents of {at}"\n' for at in range(many))
    assert unsaid("", gold, [], [File(path="test_m.py", data=test.encode())], []) == ()
