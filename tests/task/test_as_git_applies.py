"""What `git apply` takes, we take, with the same result; what it calls corrupt we do not take as
exact: real git beside ours over generated shapes.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from arena.grading.verify import APPLY, APPLY_FUZZY
from arena.task.diff import fitted
from arena.task.patch import PatchError, parse, render
from arena.task.policy import PatchRules, police

CLEAN = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "x",
    "GIT_AUTHOR_EMAIL": "x@x",
    "GIT_COMMITTER_NAME": "x",
    "GIT_COMMITTER_EMAIL": "x@x",
}


def git(folder: Path, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["git", *words], cwd=folder, env=CLEAN, input=stdin, capture_output=True, check=False
    )


def lay(folder: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    folder.mkdir(parents=True, exist_ok=True)


def tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), os.access(path, os.X_OK))
        for path in folder.rglob("*")
        if path.is_file()
    }


def coded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def applied(folder: Path, before: dict[str, bytes], patch: bytes, argv=APPLY):
    """The tree after `git apply`, or None where it refuses."""
    lay(folder, before)
    done = git(folder, *argv[1:], stdin=patch)
    return tree(folder) if done.returncode == 0 else None


def diff(folder: Path, before, after, *options: str) -> bytes:
    for name, files in (("old", before), ("new", after)):
        lay(folder / name, files)
    sides = ["--src-prefix=a/", "--dst-prefix=b/"]
    made = git(
        folder, "diff", "--no-index", "--no-color", "--binary", *sides, *options, "old", "new"
    ).stdout
    for mark in (b"a/old/", b"a/new/", b"b/old/", b"b/new/"):
        made = made.replace(mark, mark[:2])
    return made


LINES = st.lists(
    st.sampled_from(
        [b"a", b"bb", b"", b" x", b"--- a/x", b"+++ b/x", b"@@ -1 +1 @@", b"\xe9", b"-- ", b"\0"]
    )
    | st.binary(min_size=1, max_size=6).filter(lambda b: not {0, 10, 13} & set(b)),
    max_size=14,
)
ENDS = st.sampled_from([b"\n", b"\n", b"\n", b"\r\n"])


@st.composite
def contents(draw) -> bytes:
    end = draw(ENDS)
    whole = b"".join(line + end for line in draw(LINES))
    return whole.removesuffix(end) if draw(st.booleans()) and draw(st.booleans()) else whole


NAMES = ("x", "pkg/mod.py", "with blank.txt", "é.py", 'q"uote', "deep/er/file")
AROUND = (b"", b"\n", b"\n\n", b"Here is the fix:\n\n```diff\n", b"```\n", b"-- \n2.39.5\n\n", b"--\nbye\n",
          b"From 0123 Mon Sep 17\nSubject: [PATCH] x\n\n---\n x | 2 +-\n\n", b"index 1..2\n", b"done", b" ", b"+", b"-",
          b"old mode 100644\n", b"@@ -1 +1 @@\n", b"--- a/x\n+++ b/x\n")  # fmt: skip


@st.composite
def shapes(draw):
    """A tree, and a patch of it as somebody may send it."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    before = {name: draw(contents()) for name in names if draw(st.integers(0, 4))}
    after = {}
    for name in names:
        if draw(st.integers(0, 5)):
            data = draw(contents())
            if name in before and draw(st.booleans()):
                data = before[name].replace(b"a", b"c", 1) + draw(st.sampled_from([b"", b"z\n"]))
            after[name] = data
    style = draw(st.sampled_from(["git", "git", "plain", "i/w", "c/i", "none", "times"]))
    with_each = draw(st.sampled_from(["-U3", "-U1", "-U0"]))
    return (
        before,
        after,
        style,
        with_each,
        [draw(st.sampled_from(AROUND)) for _ in range(4)],
        draw(
            st.sampled_from(
                ["", "", "", "stripped", "crlf", "counts", "shifted", "no end", "again"]
            )
        ),
    )


def sent(patch: bytes, style: str, around, how: str) -> bytes:
    sections = [b"diff --git " + one for one in patch.split(b"diff --git ")[1:]]
    if len(b"".join(sections)) != len(patch):  # a name or a line that looks like a start
        sections = [patch]
    found = []
    for section in sections:
        head, at, body = section.partition(b"\n@@ ")
        if style in {"i/w", "c/i"}:
            one, _, two = style.encode().partition(b"/")
            for mark in (b" ", b'"'):
                head = head.replace(mark + b"a/", mark + one + b"/").replace(
                    mark + b"b/", mark + two + b"/"
                )
        elif style == "none":
            head = head.replace(b" a/", b" ").replace(b" b/", b" ")
        elif style in {"plain", "times"} and at:
            tail = b"\t2026-11-28 10:00:00.000000000 +0000" if style == "times" else b""
            names = [
                line.rstrip(b"\t") for line in head.split(b"\n") if line[:4] in {b"--- ", b"+++ "}
            ]
            head = b"\n".join(name + (b"" if b"/dev/null" in name else tail) for name in names)
        found.append(head + at + body)
    whole = around[0] + around[1].join(found) + around[2] + around[3]
    match how:
        case "stripped":
            whole = whole.strip()
        case "crlf":
            whole = whole.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        case "counts":
            whole = whole.replace(b"@@ -1,", b"@@ -1,1", 1)
        case "shifted":
            whole = whole.replace(b"@@ -1,", b"@@ -3,", 1)
        case "no end":
            whole = whole.removesuffix(b"\n")
    return whole


def check(tmp: Path, shape) -> None:
    before, after, style, context, around, how = shape
    patch = sent(diff(tmp / "diff", before, after, context), style, around, how)
    if how == "again":  # several changes of one file
        patch += diff(tmp / "diff", after, before, "-U1")
    wanted = applied(tmp / "git", before, patch)
    text = patch.decode("utf-8", "surrogateescape")
    try:
        ours = render(parse(text))
    except PatchError as error:
        assert wanted is None, (error, patch)  # noqa: PT017
        event("both refuse")
        return
    if "Binary files" in ours or not ours:
        return
    got = applied(tmp / "ours", before, coded(ours))
    assert got == wanted, (patch, ours)
    event("both apply" if got is not None else "neither applies")


QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@QUICK
@given(shape=shapes())
def test_what_git_applies_we_apply(tmp_path_factory, shape):
    check(tmp_path_factory.getbasetemp(), shape)


@pytest.mark.slow
@settings(QUICK, max_examples=2000, derandomize=False)
@given(shape=shapes())
def test_what_git_applies_we_apply_in_many_shapes(tmp_path_factory, shape):
    check(tmp_path_factory.getbasetemp(), shape)


FIX = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+c\n b\n"
OTHER = FIX.replace("/x", "/y")
NEW = "diff --git a/z b/z\nnew file mode {mode}\n--- /dev/null\n+++ b/z\n@@ -0,0 +1 @@\n+a\n"


@pytest.mark.parametrize(
    "text",
    [
        FIX + "\n",
        FIX + "-- \n2.39.5\n\n",
        f"Here it is:\n\n```diff\n{FIX}```\nThat is all.",
        f"{FIX}\n{OTHER}",
        f"From 01 Mon Sep 17\nSubject: x\n\n---\n x | 2 +-\n\n{FIX}",
        FIX.replace("a/x", "i/x").replace("b/x", "w/x"),
        FIX.replace("--- a/x", "--- a/x\t2026-01-01 00:00:00.0 +0000"),
        FIX.replace("diff --git a/x b/x\n", ""),
        "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n",
        FIX.replace("@@\n", "@@ def f():\n"),
        "diff --git a/x b/x\nold mode 100664\nnew mode 100775\n",
        *(NEW.format(mode=mode) for mode in ("100664", "100600", "100775", "0644", "755")),
    ],
)
def test_what_surrounds_a_right_fix_does_not_matter(tmp_path, text):
    before = {"x": b"a\nb\n", "y": b"a\nb\n"}
    found = police(text, PatchRules(tree=frozenset(before)))
    assert (found.refused, found.fuzzy) == (None, False)
    assert applied(tmp_path, before, found.text.encode()) == applied(
        tmp_path, before, text.encode()
    )


def graded(folder: Path, before: dict[str, bytes], text: str):
    """The tree as a verification leaves it, and how the patch was applied."""
    found = police(text, PatchRules(tree=frozenset(before)))
    if not found.fuzzy and (made := applied(folder, before, coded(found.text))) is not None:
        return made, "exact"
    found = police(text, PatchRules(tree=frozenset(before)), fuzzy=True)
    placed = fitted(found.kept, lambda path: before[path].decode("utf-8", "surrogateescape"))
    return placed and applied(folder, before, coded(render(placed)), APPLY_FUZZY), "fuzzy"


@pytest.mark.parametrize(
    "text",
    [
        FIX.strip(),
        FIX.replace("\n", "\r\n"),
        FIX.replace("-1,2 +1,2", "-1,3 +1,3"),
        FIX.replace("\n b", "\n other"),
        FIX.replace("-1,2 +1,2", "-1 +1").replace(" b\n", ""),
    ],
    ids=["end stripped", "crlf", "empty last line stripped", "another context", "no context"],
)
def test_what_patch_takes_after_git_has_refused_is_told_apart(tmp_path, text):
    before = {"x": b"a\nb\n\n"}
    assert applied(tmp_path, before, text.encode()) is None
    made, how = graded(tmp_path, before, text)
    assert how == "fuzzy"
    assert made["x"][0].startswith(b"c\nb\n")


@st.composite
def misfits(draw):
    """A patch, and a tree that is not quite the one that it was made for."""
    lines = draw(st.lists(st.sampled_from([b"a", b"b", b"c", b"d", b"e"]), min_size=1, max_size=14))
    after, other = list(lines), list(lines)
    for changed in (after, other, other):
        at = draw(st.integers(0, len(lines) - 1))
        changed[at : at + draw(st.integers(0, 1))] = draw(
            st.sampled_from([[], [b"x"], [b"y", b""]])
        )
    return lines, after, other, draw(st.sampled_from(["-U3", "-U1", "-U0", "-U6"]))


@pytest.mark.skipif(shutil.which("patch") is None, reason="GNU patch is not installed")
@QUICK
@given(misfit=misfits())
def test_what_patch_takes_with_fuzz_we_take(tmp_path_factory, misfit):
    tmp = tmp_path_factory.getbasetemp()
    *sides, context = misfit
    old, new, other = ({"x": b"".join(line + b"\n" for line in side)} for side in sides)
    made = diff(tmp / "diff", old, new, context)
    lay(tmp / "patch", other)
    argv = ["patch", "--batch", "--forward", "--fuzz=5", "-p1", "--no-backup-if-mismatch"]
    done = subprocess.run(argv, cwd=tmp / "patch", input=made, capture_output=True, check=False)
    if made and done.returncode == 0:
        found, how = graded(tmp / "ours", other, made.decode())
        assert found is not None, (made, other)
        assert how == "exact" or found == tree(tmp / "patch"), (made, other)
        event(how)
