from hypothesis import given
from hypothesis import strategies as st

from arena.report import site

PATCH = """\
diff --git a/pkg/core.py b/pkg/core.py
index 354c9b0..08686fc 100644
--- a/pkg/core.py
+++ b/pkg/core.py
@@ -10,3 +10,4 @@ def f():
 one
-two
+2
+++ three
 four
\\ No newline at end of file
diff --git a/new file.txt b/new file.txt
new file mode 100644
index 0000000..1111111
--- /dev/null
+++ b/new file.txt
@@ -0,0 +1 @@
+hello
diff --git a/gone.py b/gone.py
deleted file mode 100644
--- a/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-x = 1
"""


def test_lines_carry_kind_and_numbers():
    shown = site.parse_diff(PATCH)
    first, added, gone = shown.files
    assert (first.path, first.change) == ("pkg/core.py", "changed")
    assert [(line.kind, line.old, line.new, line.text) for line in first.lines] == [
        ("hunk", None, None, "@@ -10,3 +10,4 @@ def f():"),
        ("same", 10, 10, "one"),
        ("del", 11, None, "two"),
        ("add", None, 11, "2"),
        # A line that looks like a header is still a line of its hunk.
        ("add", None, 12, "++ three"),
        ("same", 12, 13, "four"),
        ("note", None, None, "No newline at end of file"),
    ]
    assert (added.path, added.change) == ("new file.txt", "added")
    assert (gone.path, gone.change) == ("gone.py", "deleted")
    assert [(line.kind, line.old) for line in gone.lines] == [("hunk", None), ("del", 1)]


def test_a_long_patch_is_cut_and_says_so():
    body = "".join(f"+line {i}\n" for i in range(site.MAX_LINES + 10))
    head = "--- /dev/null\n+++ b/new.py\n"
    shown = site.parse_diff(f"{head}@@ -0,0 +1,{site.MAX_LINES + 10} @@\n{body}")
    assert shown.dropped_lines == 11
    assert (
        site.parse_diff(f"{head}@@ -0,0 +1 @@\n+" + "x" * 9_000 + "\n")
        .files[0]
        .lines[1]
        .text.endswith("7000 more characters")
    )


def test_a_patch_without_its_last_newline_is_one():
    assert site.parse_diff(PATCH.rstrip("\n")) == site.parse_diff(PATCH)


def test_a_patch_that_is_too_long_ends_with_its_last_whole_file(tmp_path, monkeypatch):
    (tmp_path / "patch.diff").write_text(PATCH)
    monkeypatch.setattr(site, "MAX_PATCH_BYTES", len(PATCH) - 5)
    shown = site.parse_diff(site._patch(tmp_path / "patch.diff"))
    assert [file.path for file in shown.files] == ["pkg/core.py", "new file.txt"]


def test_text_that_is_no_patch_is_shown_as_it_is():
    text = "prose\n@@ -1 +1,2 @@\n-a\n"
    (shown,) = site.parse_diff(text).files
    assert [(line.kind, line.text) for line in shown.lines] == [
        ("note", line) for line in text.splitlines()
    ]


def test_nothing_is_no_file():
    assert site.parse_diff("") == site.Diff(())


@given(st.text(alphabet="+-@ \\ab\n0123,diff git/", max_size=300))
def test_whatever_is_written_is_shown(text):
    shown = site.parse_diff(text)
    assert shown.dropped_lines == 0
    total = sum(len(file.lines) for file in shown.files)
    assert total <= text.count("\n") + 1
