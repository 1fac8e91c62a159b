import pytest

from arena.task.patch import render
from arena.task.policy import MAX_BYTES, PatchRules, Policed, acts_unasked, police

RULES = PatchRules(
    graded=frozenset({"checks/graded.py"}),
    tree=frozenset({"src/pkg/a.py", "src/types.py", "README.md", "setup.cfg"}),
)


def new(path: str, mode: str = "100644", body: str = "+x = 1\n") -> str:
    count = body.count("\n")
    return (
        f"diff --git a/{path} b/{path}\nnew file mode {mode}\n"
        f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n{body}"
    )


def edit(path: str) -> str:
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n"


def kept(result: Policed) -> list[str]:
    return [file.path for file in result.kept]


def stripped(result: Policed) -> list[str]:
    return [file.path for file in result.stripped]


def test_sources_are_kept_as_they_are():
    text = edit("src/pkg/a.py") + new("src/pkg/b.py") + new("docs/notes.txt")
    result = police(text, RULES)
    assert result.refused is None
    assert result.text == text
    assert result.text == render(result.kept)
    assert result.stripped == ()


@pytest.mark.parametrize(
    "path",
    [
        *("tests/test_a.py", "tests/data/fixture.json", "tests/random.py", "src/pkg/tests/x.py"),
        *(
            "checks/graded.py",
            "checks/graded.py/x",
            "checks",
            "conftest.py",
            "src/conftest.py",
            "test_fix.py",
            "test.py",
        ),
        *("pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml", ".coveragerc"),
        *("ring/ring_test.go", "ring/testdata/x.txt", "go.mod"),
        *("lib/x.test.js", "test/x.mjs", "package.json", "node_modules/assert/index.js"),
    ],
)
def test_what_belongs_to_the_tests_is_stripped_and_recorded(path):
    result = police(edit("src/pkg/a.py") + new(path), RULES)
    assert result.refused is None
    assert (kept(result), stripped(result)) == (["src/pkg/a.py"], [path])


def test_what_a_module_of_go_vendors_is_stripped():
    path = "vendor/example.com/a/b.go"
    module = RULES.model_copy(update={"tree": RULES.tree | {"go.mod"}})
    assert stripped(police(new(path), module)) == [path]
    assert kept(police(new(path), RULES)) == [path]


def test_a_rename_out_of_the_tests_is_stripped():
    text = (
        "diff --git a/src/pkg/a.py b/tests/a.py\nrename from src/pkg/a.py\nrename to tests/a.py\n"
    )
    result = police(text, RULES)
    assert (kept(result), stripped(result)) == ([], ["tests/a.py"])


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../../etc/x", "leaves its folder"),
        ("/etc/x", "absolute"),
        ("a//b", "leaves its folder"),
        ("src/./x.py", "leaves its folder"),
        (".git/hooks/post-checkout", "into .git"),
        ("src/.GIT/config", "into .git"),
        ("sitecustomize.py", "every start"),
        ("src/usercustomize.py", "every start"),
        ("src/x.pth", "every start"),
        (".gitmodules", "every start"),
        ("evil-1.0.dist-info/entry_points.txt", "installed package"),
        ("src/evil.egg-info/entry_points.txt", "installed package"),
        ("sitecustomize/__init__.py", "every start"),
        ("src/UserCustomize/__init__.py", "every start"),
        ("src/sitecustomize.pyi", "every start"),
        ("pyvenv.cfg", "every start"),
        ("src/evil.DIST-INFO/entry_points.txt", "installed package"),
        ("src/evil.Egg-Info/entry_points.txt", "installed package"),
        ("src/evil.egg/EGG-INFO/entry_points.txt", "installed package"),
        ("pytest.py", "'pytest'"),
        ("_pytest/__init__.py", "'_pytest'"),
        ("json.py", "'json'"),
        ("src/random.py", "'random'"),
        ("src/json/decoder.py", "'json'"),
    ],
)
def test_dangerous_paths_are_refused_with_the_reason(path, words):
    result = police(edit("src/pkg/a.py") + new(path), RULES)
    assert words in result.refused
    assert path.rpartition("/")[2] in result.refused


def test_quoted_names_hide_nothing():
    for name in ("a\\\\b", "a\\000b", "..\\057x", "a\\tb"):
        text = f'diff --git "a/{name}" "b/{name}"\nnew file mode 100644\n'
        assert police(text, RULES).refused


def test_library_names_are_free_inside_packages_and_where_they_stand_already():
    text = new("src/pkg/json.py") + edit("src/types.py") + new("src/json/notes.txt")
    assert police(text, RULES).refused is None


def test_modes_and_binaries_are_refused():
    assert "symbolic link" in police(new("d", "120000", "+/\n"), RULES).refused
    assert "submodule" in police(new("sub", "160000"), RULES).refused
    assert "file mode 010000" in police(new("pipe", "010000"), RULES).refused
    assert "binary" in police(new("src/x.dat", body="+a\0b\n"), RULES).refused
    binary = "diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 1\nIcmZ\n\n"
    assert "binary" in police(binary, RULES).refused
    whole = binary.replace("1..2", f"{'1' * 40}..{'2' * 40}").replace("IcmZ", "IcmZPo")
    assert police(whole, RULES).refused is None
    assert "GIT binary patch" in police(whole, RULES).text
    assert "too large" in police(whole.replace("literal 1", "literal 9999999"), RULES).refused
    modified_link = "diff --git a/l b/l\nindex 1..2 120000\n--- a/l\n+++ b/l\n@@ -1 +1 @@\n-a\n+b\n"
    assert "symbolic link" in police(modified_link, RULES).refused
    assert police(new("run.sh", "100755"), RULES).refused is None


def test_no_patch_takes_for_ever_to_judge():
    blank = new("pkg/a_test.go", body="+\n" * 300_000 + "+func TestMain(m *testing.M) {\n")
    assert acts_unasked(police(blank, RULES).stripped[0])
    spaces = f"--- a.py{' ' * 300_000}x\n+++ a.py\n@@ -1 +1 @@\n-a\n+b\n"
    assert police(spaces, RULES, fuzzy=True).refused is None


def test_sizes_are_bounded():
    assert "bytes" in police(new("a", body="+x\n" * MAX_BYTES), RULES).refused
    assert "line has" in police(new("a", body="+" + "x" * 1_010_000 + "\n"), RULES).refused
    many = "".join(new(f"src/f{number}.py") for number in range(201))
    assert "changes 201 files" in police(many, RULES).refused


def test_paths_may_not_collide():
    assert "only in case" in police(new("readme.MD"), RULES).refused
    assert "only in case" in police(new("src/New.py") + new("src/new.py"), RULES).refused
    assert police(edit("src/pkg/a.py") * 2, RULES).refused is None, "git applies one after another"
    renamed = "diff --git a/README.md b/readme.md\nrename from README.md\nrename to readme.md\n"
    assert police(renamed, RULES).refused is None


def test_a_task_may_allow_protected_paths():
    rules = RULES.model_copy(update={"allow": ("pyproject.toml", "src/*.pth")})
    result = police(new("pyproject.toml") + new("src/x.pth") + new("setup.cfg"), rules)
    assert result.refused is None
    assert (kept(result), stripped(result)) == (["pyproject.toml", "src/x.pth"], ["setup.cfg"])


def test_what_is_no_diff_is_refused_and_nothing_is_nothing():
    assert police("", RULES) == Policed()
    assert police("\n", RULES) == Policed()
    assert "not a diff" in police("I fixed it.", RULES).refused
    assert police(edit("a") + "garbage\n", RULES) == police(edit("a"), RULES)
