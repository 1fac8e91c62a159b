"""Diffs of trees that only a broken or hostile container would tell of, without one."""

import pytest

from arena.records import Change, Entry
from arena.records.container import WORKDIR
from arena.task.diff import Remains, _nearest, capture, fitted
from arena.task.patch import FilePatch

SAME, OTHER = (Entry(kind="file", data=data, mode=0o644) for data in (b"a\n", b"b\n"))
OPEN = SAME.model_copy(update={"mode": 0o755})
BLOB = Entry(kind="file", data=b"\0", mode=0o644)
LARGE = Entry(kind="file", too_large=True)


class Tree:
    def __init__(self, **files):
        self._files = {f"{WORKDIR}/{name}": entry for name, entry in files.items()}

    def changes(self, *, limit):
        names = sorted(path.removeprefix(f"{WORKDIR}/") for path in self._files)
        return [Change(path=name, kind="modified") for name in names]

    def get(self, path, *, limit):
        return self._files.get(path, Entry(kind="absent"))


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"x": SAME}, []),  # a second name of a file below .git, say
        ({"x": OPEN}, ["old mode 100644", "new mode 100755"]),
        ({"x": SAME, "y": OTHER}, ["--- a/y", "+++ b/y", "@@ -1 +1 @@", "-a", "+b"]),
        ({"x": LARGE}, ["Binary files a/x and b/x differ"]),
        ({"z": BLOB.model_copy(update={"mode": 0o755})}, ["old mode 100644", "new mode 100755"]),
    ],
)
def test_what_is_the_same_is_not_told_and_a_mode_alone_is(now, told):
    patch = capture(Remains(Tree(**now)), Tree(x=SAME, y=SAME, z=BLOB), binaries=False)
    assert [line for line in patch.splitlines() if not line.startswith("diff ")] == told
    assert bool(patch) == bool(told)


@pytest.mark.parametrize(("guess", "first", "last"), [(5, 0, 9), (0, 3, 7), (20, 3, 7), (3, 3, 2)])
def test_places_are_tried_from_where_a_hunk_is_expected(guess, first, last):
    nearest = sorted(range(first, last + 1), key=lambda at: (abs(at - guess), at < guess))
    assert list(_nearest(guess, first, last)) == nearest


def test_a_long_patch_that_fits_where_it_says_is_placed_at_once():
    many = 8_000
    lines = "".join(f"-{at}\n" for at in range(many)) + "".join(
        f"+{at + 1}\n" for at in range(many)
    )
    change = FilePatch(old="a", new="a", hunks=f"@@ -1,{many} +1,{many} @@\n{lines}")
    assert fitted([change], lambda _: "".join(f"{at}\n" for at in range(many))) == (change,)


def test_no_patch_is_fitted_for_ever(monkeypatch):
    """Each hunk far from where it says, so that every line of the file is looked at for it."""
    monkeypatch.setattr("arena.task.diff._MOST_LOOKS", 500_000)
    many = 20_000
    hunks = "".join(f"@@ -{at * many} +1 @@\n-{at}\n+x\n" for at in range(1, many))
    change = FilePatch(old="a", new="a", hunks=hunks)
    assert fitted([change], lambda _: "".join(f"{at}\n" for at in range(1, many))) is None
