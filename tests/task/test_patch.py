import contextlib
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.task.patch import FilePatch, PatchError, parse, render

MODIFIED = """\
diff --git a/pkg/a.py b/pkg/a.py
index 1111111..2222222 100644
--- a/pkg/a.py
+++ b/pkg/a.py
@@ -1,2 +1,3 @@ def f():
 one
-two
+2
+3
"""


def test_a_modification():
    (file,) = parse("a note before\n" + MODIFIED)
    assert (file.old, file.new, file.path) == ("pkg/a.py", "pkg/a.py", "pkg/a.py")
    assert list(file.added_lines()) == ["2", "3"]
    assert parse(render([file])) == [file.model_copy(update={"old_mode": None, "new_mode": None})]


def git_diff(tmp_path, before: dict[str, bytes], after: dict[str, bytes]) -> str:
    """What git itself says about two trees."""

    def git(*args: str) -> bytes:
        out = subprocess.run(["git", "-C", str(tmp_path), *args], capture_output=True, check=True)
        return out.stdout

    def write(files: dict[str, bytes]) -> None:
        for path in tmp_path.iterdir():
            if path.name != ".git":
                path.unlink()
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)

    git("init", "-q")
    write(before)
    git("add", "-A")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x", "--allow-empty")
    write(after)
    git("add", "-A")
    return git("diff", "--cached").decode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"new.py": b"x\n"}),
        ({}, {"empty": b""}),
        ({"old.py": b"x\ny\n"}, {}),
        ({"a": b"1\n2\n3\n4\n5\n6\n"}, {"b": b"1\n2\n3\n4\n5\n6\n7\n"}),
        ({"a": b"x"}, {"a": b"x\n"}),
        ({"a": b"x\r\ny\r\n"}, {"a": b"x\r\nz\r\n"}),
        ({"a b c": b"x\n"}, {"a b c": b"y\n"}),
        ({"é \t\"'": b"x\n"}, {"é \t\"'": b"y\n"}),
        ({"a": b"\xff\xfe\n"}, {"a": b"\xff\xfd\n"}),
        ({"a": b"--- a/b\n+++ b/b\n"}, {"a": b"-- a/b\n++ b/b\n@@ -1 +1 @@\n"}),
    ],
)
def test_reads_and_writes_what_git_says_and_git_applies_it(tmp_path, before, after):
    text = git_diff(tmp_path, before, after)
    files = parse(text)
    assert {path for file in files for path in file.paths} == {*before, *after}
    ours = render(files)
    subprocess.run(["git", "-C", str(tmp_path), "reset", "-q", "--hard"], check=True)
    subprocess.run(
        ["git", "-C", str(tmp_path), "apply", "-"],
        input=ours.encode("utf-8", "surrogateescape"),
        check=True,
    )
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != ".git"}
    assert found == after


def test_a_plain_diff_without_the_git_line():
    (file,) = parse("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n")
    assert file.path == "x.py"
    (new,) = parse("--- /dev/null\n+++ b/x.py\n@@ -0,0 +1 @@\n+b\n")
    assert (new.old, new.new) == (None, "x.py")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MODIFIED.replace("+1,3 @@", "+1,9 @@"), "shorter"),
        (MODIFIED + "\n@@ -9 +9 @@\n-a\n+b\n", "belongs to no file"),
        (MODIFIED.replace("-1,2 +1,3", "-1,1 +1,3"), "longer"),
        (MODIFIED.replace("+++ b/pkg/a.py", "+++ b/pkg/z.py"), "two different names"),
        (MODIFIED.replace("+++ b/pkg/a.py", "+++ pkg/a.py"), "two different names"),
        (MODIFIED.replace("+++ b/pkg/a.py", "+++ a.py"), "without a folder"),
        ('diff --git "a/\\q" "b/\\q"\nnew file mode 100644\n', "git would not write"),
        ("diff --git a/x b/y\nnew file mode 100644\n", "no file is named"),
        (MODIFIED.replace("--- a/", "new file mode 100644\n--- a/"), "two names"),
    ],
)
def test_anything_else_is_refused(text, words):
    with pytest.raises(PatchError, match=words):
        parse(text)


def test_modes_and_binaries_are_seen():
    link = "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/\n"
    assert parse(link)[0].new_mode == "120000"
    assert (
        parse("diff --git a/l b/l\nindex 1..2 160000\n--- a/l\n+++ b/l\n")[0].new_mode == "160000"
    )
    binary = "diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 1\nIcmZ\n\n"
    files = parse(binary + MODIFIED)
    assert [file.binary for file in files] == [True, False]
    assert "Binary files" in render(files)


NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
LINES = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])))


@given(NAMES, LINES)
def test_what_is_written_is_read_back(name, lines):
    body = "".join(f"+{line}\n" for line in lines)
    hunks = f"@@ -0,0 +1,{len(lines)} @@\n{body}" if lines else ""
    file = FilePatch(old=None, new=name, new_mode="100644", hunks=hunks)
    assert parse(render([file])) == [file]


@given(st.text())
def test_no_text_breaks_the_parser(text):
    with contextlib.suppress(PatchError):
        parse("diff --git a/x b/x\n" + text)
