"""The rules of CONTRIBUTING.md that a machine can hold."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from arena.records.container import AGENT_UID, LAYER, TESTER_UID, WORKDIR

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "arena"
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if "_data" not in p.parts)

# From the top down: a module imports its own package, or what stands in a line below.
LAYERS = [
    {"cli"},
    {"demo"},
    {"task/importing"},
    {"task/mining"},
    {"task/checking", "run"},
    {"report"},
    {"score"},
    {"agent", "gateway", "grading", "stats"},
    {"backend", "sandbox", "task"},
    {"config", "money", "rundir"},
    {"registry"},
    {"protocols"},
    {"git", "records", "resources"},
    {"serialize"},
    {"paths"},
    {"errors"},
]
PROCESS_OWNERS = {  # who starts programs of the host, and which
    "git": "git",
    "demo/probe/runs": "itself again, in the contestant's own container",
    "sandbox/image/build": "debootstrap: the engine's own script; pip and apt, for their settings",
    "sandbox/image/packages": "pip and npm, for packages",
}
STARTING = {"subprocess", "pty"}
STARTERS = re.compile(r"system|popen|exec[lv]\w*|spawn\w+|posix_spawn\w*|create_subprocess_\w+")
RANK = {name: rank for rank, layer in enumerate([{"__main__"}, *LAYERS]) for name in layer}
SDK_OWNERS = {
    "docker": "sandbox/docker",
    "urllib3": "sandbox/docker",  # how `docker` connects
    "openai": "backend/client",
    "httpx2": "backend/client",  # how `openai` connects
    "ray": "run/ray",
    "altair": "report/charts",
    "vl_convert": "report/charts",
    "jinja2": "report/site",
    "markupsafe": "report/site",
    "markdown_it": "report/site",
    "rich": ("cli/", "report/exports"),
    "pyarrow": ("report/interchange", "task/formats/instances"),
    "scipy": "stats/",
    "numpy": ("stats/", "score/", "report/", "run/race", "cli/report"),
    "any_llm": "gateway/from_messages",
    "agents": "gateway/from_responses",
    "starlette": "gateway/server",
    "uvicorn": "gateway/server",
    "xllamacpp": "demo/bakeoff",
    "pytest": "demo/",  # inside the contestant's container
    "typer": "cli/",
    "jsonlines": "serialize",
    "yaml": "serialize",
    "tomli_w": "serialize",
    "pydantic": "",
    "pydantic_core": "",
}
"""Who imports what is neither ours nor Python's own; whatever begins so."""


def parts(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            above = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join([*above, *filter(None, [node.module])])
            yield module, node.lineno
            if module == "arena" or not node.module:
                for name in node.names:
                    yield f"{module}.{name.name}", node.lineno


def layer(place: str) -> str | None:
    """The layer of a module, by the longest folder that has one; None outside this package."""
    pieces = place.split("/")
    return next(
        (name for n in (2, 1) if (name := "/".join(pieces[:n])) in RANK and len(pieces) >= n), None
    )


@pytest.mark.parametrize("path", MODULES, ids=parts)
def test_imports_point_down(path):
    if path == PACKAGE / "__init__.py":
        return
    me = layer(parts(path))
    assert me is not None, f"{parts(path)} has no place among the layers"
    for name, line in imports(path):
        first, _, rest = name.partition(".")
        other = layer(rest.replace(".", "/")) if first == "arena" else None
        if other is not None and other != me:
            assert RANK[other] > RANK[me], f"{path}:{line} imports {name}"


def test_contributing_draws_these_layers_and_all_packages():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    (drawn,) = re.findall(r"```\n(cli › .*?)```", text, re.DOTALL)
    told = [{one.strip().replace(".", "/") for one in row.split("|")} for row in drawn.split("›")]
    assert told == LAYERS
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}
    named = set(re.findall(r"(?:^|  )([a-z]+)(?:/|\.py)(?=  )", text, re.MULTILINE))
    assert {name for name in there if not name.startswith("_")} <= named
    for package, what in re.findall(r"^  ([a-z]+)/  +(.+)$", text, re.MULTILINE):
        for inner in re.findall(r"([a-z]+)/(?!\w)", what):
            assert (PACKAGE / package / inner).is_dir(), f"{package}/{inner}"


@pytest.mark.parametrize("path", MODULES, ids=parts)
def test_each_sdk_has_one_importer(path):
    for name, line in imports(path):
        top = name.split(".")[0]
        if top != "arena" and top not in sys.stdlib_module_names:
            assert parts(path).startswith(SDK_OWNERS[top]), f"{path}:{line} imports {name}"


def test_contributing_draws_these_layers_and_tells_of_all_there_is():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    drawn = text.partition("what stands below:\n\n```\n")[2].partition("```")[0]
    told = [tier.replace(".", "/").split("|") for tier in drawn.split("›")]
    assert [{name.strip() for name in tier} for tier in told] == LAYERS
    outline = text.partition("\narena/\n")[2].partition("```")[0]
    there = {f"{one.name}/" if one.is_dir() else one.name for one in PACKAGE.iterdir()}
    private = {name for name in there if name.startswith("_")} | {"py.typed"}
    assert there - private == set(
        re.findall(r"(?:^|  )([a-z]+(?:/|\.py))(?=\s)", outline, re.MULTILINE)
    )


@pytest.mark.parametrize("path", MODULES, ids=parts)
def test_programs_of_the_host_have_few_starters_and_git_one(path):
    tree = ast.parse(path.read_text())
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    starts = {name for name, _ in imports(path) if name.split(".")[0] in STARTING}
    starts |= {
        call.attr
        for call in calls
        if isinstance(call, ast.Attribute)
        and STARTERS.fullmatch(call.attr)
        and isinstance(call.value, ast.Name)
        and call.value.id in {"os", "asyncio"}
    }
    assert not starts or parts(path) in PROCESS_OWNERS, f"{path} starts programs: {starts}"
    if starts and parts(path) != "git":
        texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        assert "git" not in texts, f"{path} names git"


@pytest.mark.parametrize("path", MODULES, ids=parts)
def test_modules_and_functions_stay_small(path):
    text = path.read_text()
    assert text.count("\n") <= 400, "over 400 lines: is it still one subject?"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 60, f"{node.name} has over 60 lines"


@pytest.mark.parametrize("path", MODULES, ids=parts)
def test_public_names_have_docstrings_and_only_the_cli_prints(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "a module says what it is for"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"
    if not parts(path).startswith("cli/"):
        calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
        names = [c.func.id for c in calls if isinstance(c.func, ast.Name)]
        assert "print" not in names


def type_names(path: Path) -> Iterator[tuple[str, str]]:
    """Classes, private and nested ones too, by where they stand; names for a type, by that."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name, f"{path}:{node.lineno}"
    for node in tree.body:
        if isinstance(node, ast.Assign) and called(node.value) != "TypeVar":
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            types = (name for name in names if re.fullmatch(r"_?([A-Z]+[a-z0-9]+)+", name))
            yield from ((name, ast.unparse(node.value)) for name in types)


def called(node: ast.AST) -> str | None:
    return getattr(node.func, "id", None) if isinstance(node, ast.Call) else None


def test_no_name_of_a_type_stands_for_two_things():
    names = Counter(name for name, _ in {pair for path in MODULES for pair in type_names(path)})
    assert [name for name, count in names.items() if count > 1] == []


OLD_WORDS = {
    *("desk", "desks", "seat", "seats", "shelf", "shelves", "quiet", "letters", "door", "doors"),
    *("doorway", "doorways", "standing", "roster", "rosters", "outsider", "outsiders"),
}
"""Of a language that was this project's own; what they meant has the field's names now."""


@pytest.mark.parametrize("path", MODULES, ids=parts)
def test_no_name_is_of_the_old_private_language(path):
    tree = ast.parse(path.read_text())
    names = {parts(path).replace("/", "_")}
    for node in ast.walk(tree):
        found = (getattr(node, field, None) for field in ("name", "id", "attr", "arg", "asname"))
        names |= {name for name in found if isinstance(name, str)}
    names -= {"quiet"} if "rich" in path.read_text() else set()  # its console's own word
    words = {word.lower() for name in names for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)}
    assert not OLD_WORDS & words


IN_A_CONTAINER = re.compile(r"/(repo|opt/(trial|agent)|home/agent)(/.*)?|(10001|10002|65534)(:.*)?")


@pytest.mark.parametrize("path", MODULES, ids=parts)
def test_places_and_users_in_a_container_stand_in_one_module(path):
    if path.match("records/container.py"):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | int):
            assert not IN_A_CONTAINER.fullmatch(str(node.value)), f"{path}:{node.lineno}"


def test_what_is_no_python_agrees_with_that_module():
    for folder in ("python", "node", "go"):
        made = (ROOT / "sandboxes" / folder / "Dockerfile").read_text()
        assert re.findall(r"--uid (\d+)", made) == [str(AGENT_UID), str(TESTER_UID)]
        settings = tomllib.loads((ROOT / "sandboxes" / folder / "sandbox.toml").read_text())
        assert settings["workdir"] == WORKDIR
    layer = (PACKAGE / "sandbox/image/layer.sh").read_text()
    assert re.findall(r"^root=(.+)$", layer, re.MULTILINE) == [LAYER]
    for profile in (PACKAGE / "agent/profiles").glob("*.toml"):
        program, *_ = tomllib.loads(profile.read_text())["command"]
        assert program.startswith(f"{LAYER}/"), profile.name


def test_arena_is_the_only_import_package():
    assert [p.name for p in ROOT.glob("*/__init__.py")] == ["__init__.py"]


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("arena", {"pydantic", "docker", "httpx2", "openai", "rich"}),
        (
            "arena.cli; arena.cli.register()",
            {"docker", "httpx2", "openai", "scipy", "numpy", "altair", "jinja2"},
        ),
        (
            "arena.run.bakeoff, arena.cli.progress",
            {"scipy", "numpy", "altair", "jinja2", "ray", "starlette"},
        ),
        ("arena.report.site", {"docker", "httpx2", "openai", "ray"}),
        ("arena.score.leaderboard", {"docker", "httpx2", "openai", "ray"}),
        ("arena.run.preview; import arena.backend.checks", {"httpx2", "openai", "ray"}),
        ("arena.gateway.server", {"any_llm", "agents", "anthropic"}),
    ],
)
def test_imports_are_lazy(module, forbidden):
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not forbidden & set(loaded)


FILES_TOUCHED_BY = {
    "paths": "it is the way to all others",
    "serialize": "a file that a person names; one below a run or a pack comes as a SafePath",
    "resources": "what ships with Arena",
    "git": "repositories of its own, and the data files of a clone, through no link",
    "rundir/directory": "whether the folder of a run is new",
    "task/pack": "where the shipped packs are",
    "task/diff": "a scratch folder of its own",
    "task/formats/instances": "a data set that a person names",
    "task/mining/": "the folder that a person names for a new pack, and scripts for containers",
    "task/importing/": "the folder that a person names for a new pack, and scratch folders",
    "registry": "the source of an agent",
    "agent/": "profiles that a person names",
    "backend/": "profiles that a person names, and what was seen of endpoints",
    "gateway/tunnel": "its own source",
    "grading/node_runner": "the reporter beside it",
    "sandbox/": "what ships with Arena, scratch folders and the machine's own",
    "report/site": "templates that ship with Arena",
    "score/baseline": "a file that a person names",
    "run/node": "its own source, and scratch folders",
    "run/predictions": "the folder that a person names for an export",
    "cli/": "files that a person names",
    "demo/": "its own programs, and what runs in containers",
}
"""Modules that use the file system themselves, with what they touch: nothing below a run or a pack.
An entry that ends in `/` is a folder."""
TOUCHING = {
    *("read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "touch", "glob", "rglob"),
    *("iterdir", "rmtree", "copytree", "copyfile", "unlink", "symlink_to", "hardlink_to", "chmod"),
    *("is_file", "is_dir", "exists", "stat", "listdir", "scandir", "makedirs", "mkdtemp"),
}


@pytest.mark.parametrize("path", MODULES, ids=parts)
def test_what_is_below_a_run_or_a_pack_is_reached_by_one_module(path):
    """A module that is not listed opens nothing itself, joins nothing to the path of a run or a
    task, and calls methods of paths only where a `RunDir` or a `SafePath` gives them.
    """
    name, text = parts(path), path.read_text()
    if any(name.startswith(one) if one.endswith("/") else name == one for one in FILES_TOUCHED_BY):
        return
    given = any(word in text for word in ("SafePath", "safe(", "RunDir"))
    for node in ast.walk(ast.parse(text)):
        where = f"{path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            joined = node.left.attr if isinstance(node.left, ast.Attribute) else ""
            assert joined not in {"path", "root"}, f"{where} joins a name to a plain path"
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", "")
            assert getattr(node.func, "id", "") != "open", f"{where} opens a file"
            assert given or called not in TOUCHING, f"{where} calls {called}()"
