import random
import re
import subprocess
import sys

import pytest

from arena.grading.names import FEW, Names, Renaming
from arena.grading.python_canaries import in_file_order, inherited, plant, rename
from arena.records import File

SOURCE = '''\
"""Tests, "quoted" and {braced}."""
import unittest

import pytest


@pytest.fixture
def three():
    return 3


def test_plain(three):
    assert three == 3


def test_returns_early():
    if True:
        return
    assert False


def test_exits():
    with pytest.raises(SystemExit):
        raise SystemExit


@pytest.mark.parametrize("value", [1, 2], ids=["one", "t::w[o]"])
def test_many(value):
    """Docstring
    over two lines."""
    assert value


class TestGroup:
    @pytest.mark.parametrize("value", [1])
    def test_in_class(self, value):
        text = f"""
{value}"""
        assert text


class TestUnit(unittest.TestCase):
    def test_method(self):
        self.assertEqual(1, 1)
'''
FILE = File(path="tests/test_x.py", data=SOURCE.encode())
KNOWN = ("test_money_goes_round", "test_cents_of_a_sum", "test_nothing_is_lost")


def renaming(seed: int | None = None, **around: str) -> Renaming:
    files = {name: File(path=name, data=text.encode()) for name, text in around.items()}
    return Renaming(Names(random.Random(seed), KNOWN), files, {})


def outcomes(tmp_path, file: File, *ids: str) -> dict[str, str]:
    """What pytest itself makes of a file."""
    path = tmp_path / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.data)
    argv = [sys.executable, "-m", "pytest", "-rA", "-q", "--tb=no", "-p", "no:cacheprovider", *ids]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = [
        line.split(" - ")[0].split(" ", 1) for line in done.stdout.splitlines() if "::" in line
    ]
    return {name: outcome for outcome, name in lines}


@pytest.mark.parametrize(
    "test_id",
    [
        "test_plain",
        "test_returns_early",
        "test_exits",
        "test_many[one]",
        "test_many[t::w[o]]",
        "TestGroup::test_in_class[1]",
        "TestUnit::test_method",
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_a_copy_fails_beside_its_original(tmp_path, test_id, seed):
    target = f"tests/test_x.py::{test_id}"
    file, (canary,) = plant(FILE, [[target]], renaming(seed))
    assert (
        canary.rpartition("::")[0] == target.partition("[")[0].rpartition("::")[0] or "[" in canary
    )
    assert SOURCE.splitlines()[0].encode() in file.data
    found = outcomes(tmp_path, file, target, canary)
    assert found == {target: "PASSED", canary: "FAILED"}


def test_a_copy_of_a_unittest_fails_by_its_own_assertion():
    planted, (name,) = plant(FILE, [["tests/test_x.py::TestUnit::test_method"]], renaming(1))
    copied = planted.data.decode().split(f"def {name.rpartition('::')[2]}")[1]
    assert copied.count("self.assertEqual") == 2


@pytest.mark.parametrize(
    "text",
    ["async def test_a():\n    pass\n", "def test_a():\n    yield\n", "import x\n", "x = = y\n"],
)
def test_where_nothing_can_be_copied_a_plain_one_is_written(text):
    file = File(path="test_a.py", data=text.encode())
    planted, (canary,) = plant(file, [["test_a.py::test_a"]], renaming(0))
    assert planted.data.startswith(text.encode())
    name = canary.removeprefix("test_a.py::")
    assert f"def {name}():\n    assert " in planted.data.decode()


def test_names_differ_from_run_to_run_and_never_collide():
    ids = ["tests/test_x.py::test_plain"]
    names = {plant(FILE, [ids], renaming())[1][0] for _ in range(30)}
    assert len(names) > 20
    assert not any("canary" in name or "test_plain" in name for name in names)


def test_twins_get_new_names_and_still_run(tmp_path):
    ids = ["tests/test_x.py::test_plain", "tests/test_x.py::TestGroup::test_in_class[1]"]
    file, renamed = rename(FILE, ids, renaming(2))
    assert file.path != FILE.path
    assert list(renamed) == ids
    found = outcomes(tmp_path, file, *renamed.values())
    assert found == dict.fromkeys(renamed.values(), "PASSED")
    words = {word for name in KNOWN for word in name.split("_")} | {"test", *FEW}
    assert {w for name in found for w in name.rpartition("::")[2].split("[")[0].split("_")} <= words


def test_order_is_that_of_the_file():
    ids = [
        f"tests/test_x.py::{name}"
        for name in ("TestUnit::test_method", "test_many[one]", "test_plain")
    ]
    assert in_file_order(FILE, ids) == ids[::-1]


@pytest.mark.parametrize("seed", range(4))
def test_copies_stand_anywhere_between_tests_and_never_above_what_they_need(tmp_path, seed):
    text = (
        "import pytest\n\n\ndef values():\n    return [1]\n\n\ndef test_a():\n    pass\n\n\n"
        "@pytest.mark.parametrize('v', values())\ndef test_b(v):\n    pass\n"
    )
    file = File(path="test_c.py", data=text.encode())
    planted, (canary,) = plant(file, [["test_c.py::test_b[1]"]], renaming(seed))
    assert outcomes(tmp_path, planted, canary) == {canary: "FAILED"}


def test_copies_stand_at_every_place():
    text = "".join(f"def test_{letter}():\n    pass\n\n\n" for letter in "abc")
    file = File(path="test_c.py", data=text.encode())
    places = set()
    for seed in range(60):
        planted = plant(file, [["test_c.py::test_b"]], renaming(seed))[0]
        names = re.findall(r"def (\w+)", planted.data.decode())
        places.add([name in {"test_a", "test_b", "test_c"} for name in names].index(False))
    assert places == {0, 1, 2}


def test_a_copy_is_run_with_every_set_of_arguments_of_its_original():
    ids = [f"tests/test_x.py::test_many[{param}]" for param in ("one", "t::w[o]")]
    _, planted = plant(FILE, [ids], renaming(0))
    assert [name.partition("[")[2] for name in planted] == ["one]", "t::w[o]]"]


def test_inherited_tests_keep_their_name():
    text = "class TestA:\n    def test_x(self): ...\n\nclass TestB(Base):\n    pass\n"
    file = File(path="test_c.py", data=text.encode())
    ids = ["test_c.py::TestA::test_x", "test_c.py::TestB::test_x"]
    kept = sorted(inherited(file, ids))
    assert kept == ["TestB", "test_x"]
    _, renamed = rename(file, ids, renaming(0), kept)
    assert [i.split("::")[1:] for i in renamed.values()][1] == ["TestB", "test_x"]
    assert renamed[ids[0]].split("::")[2] == "test_x"


ODD = '''\
def test_line(): assert True; assert 1

class TestTabs:
	@staticmethod
	def test_tab(
		value=1,
	):
		"""Says
	so."""
		text = f"""
{value}
"""
		# it is not indented
# nor is this
		assert (text ==
"\\n1\\n")

	def test_inner(self): return None

def test_head(value={(1, 2): 3},
              ): assert value[(*[1], 2)] == 3  # an older Python cannot read `value[*[1], 2]`
'''


@pytest.mark.parametrize(
    "name", ["test_line", "TestTabs::test_tab", "TestTabs::test_inner", "test_head"]
)
def test_a_copy_keeps_the_text_of_its_original_whatever_its_shape(tmp_path, name):
    file = File(path="test_o.py", data=ODD.encode())
    planted, (canary,) = plant(file, [[f"test_o.py::{name}"]], renaming(1))
    found = outcomes(tmp_path, planted, f"test_o.py::{name}", canary)
    assert found == {f"test_o.py::{name}": "PASSED", canary: "FAILED"}
    assert planted.data.decode().count("value[(*[1], 2)] == 3") == 1 + (name == "test_head")
