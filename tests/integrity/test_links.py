"""A run directory and a task pack of somebody else's: links, pipes, devices and endless files in it.

Nothing outside is shown, changed or made, no command waits for ever, and what is refused is one
line and exit code 2.
"""

import os
import shutil
import signal
import socket
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from arena import resources
from arena.cli import main
from arena.errors import InputError
from arena.paths import SafePath
from arena.report import view
from arena.run.node import packed
from arena.rundir.directory import RunDir
from arena.sandbox.image import recipe
from arena.task import pack, plan_ids
from tests.report.cast import cast
from tests.report.make_run import make_run
from tests.report.test_view import get
from tests.task.test_pack import a_pack

SECRET = "kaleidoscope-of-the-host"
TRIAL = "core.interval-merge--summit-mini--1"
KINDS = (
    *("file", "folder", "pipe", "endless"),
    *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("dangling", "socket", "device")),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("links") / "run", tasks=2, attempts=1, actors=cast()[:5])
    assert (run / "trials" / TRIAL).is_dir()
    return run


@pytest.fixture
def host(tmp_path):
    """What is the user's own, outside of any run: it must stay as it is."""
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "secret").write_text(SECRET)
    return folder


@pytest.fixture
def arena(monkeypatch, capfd, tmp_path):
    """The command line, in this process; a command that waits is ended by a signal."""

    def waited(*_):
        raise AssertionError("the command waits for ever")

    def call(*args):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["arena", *map(str, args)])
        signal.alarm(60)
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        finally:
            signal.alarm(0)
        said = capfd.readouterr()
        return code, said.out, said.err

    before = signal.signal(signal.SIGALRM, waited)
    yield call
    signal.signal(signal.SIGALRM, before)


def lay(path: Path, kind: str, host: Path) -> None:
    """Put something that is no regular file in a place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "file":
            path.symlink_to(host / "secret")
        case "folder":
            path.symlink_to(host)
        case "dangling":
            path.symlink_to(host / "new")
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listening:
                here = Path.cwd()
                os.chdir(path.parent)  # a socket's path is short
                try:
                    listening.bind(path.name)
                finally:
                    os.chdir(here)
        case "device":
            try:
                os.mknod(path, 0o20666, os.makedev(1, 5))
            except PermissionError:
                pytest.skip("only root makes devices")
        case "endless":
            with path.open("wb") as out:
                out.truncate(1 << 40)


def unharmed(host: Path) -> bool:
    return [p.name for p in host.iterdir()] == ["secret"] and (
        host / "secret"
    ).read_text() == SECRET


def told_nothing(run: Path, *texts: str) -> bool:
    kept = (p for p in run.rglob("*") if p.is_file() and not p.is_symlink())
    small = (p.read_bytes() for p in kept if p.stat().st_size < 1 << 24)
    return not any(SECRET in text for text in texts) and SECRET.encode() not in b"".join(small)


READ_BY = {
    "manifest.json": ("report", "compare", "gate", "reprice", "recommend"),
    "ledger.jsonl": ("report", "compare", "gate", "reprice", "recommend", "trajectories"),
    "ledger.index": (),
    "trials": ("html", "predictions", "trajectories"),
    f"trials/{TRIAL}": ("html", "predictions", "trajectories"),
    f"trials/{TRIAL}/patch.diff": ("html", "predictions"),
    f"trials/{TRIAL}/transcript.jsonl": ("html", "trajectories"),
    f"trials/{TRIAL}/verify.log": ("html",),
    "report": ("html",),
    "report/index.html": ("html",),
    "report/index.html.new": (),
    "report/trials": ("html",),
    "report/trials/old.html": ("html",),
    f"report/trials/{TRIAL}.html": ("html",),
    "trajectories": ("trajectories",),
    f"trajectories/{TRIAL}.json": ("trajectories",),
    "trend.html": ("trend",),
}
COMMANDS = {
    "report": ("report", "run"),
    "html": ("report", "run", "--format", "html"),
    "predictions": ("report", "run", "--format", "predictions"),
    "csv": ("report", "run", "--format", "csv", "--table", "calls"),
    "compare": ("compare", "run", *(actor.spec.name for actor in cast()[:2])),
    "gate": ("gate", "run", "--baseline", "run"),
    "reprice": ("reprice", "run"),
    "recommend": ("recommend", "run"),
    "trajectories": ("agents", "trajectories", "run"),
    "trend": ("trend", "run", "--format", "html"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READ_BY)
def test_no_command_leaves_the_run(made, tmp_path, host, arena, name, kind):
    run = shutil.copytree(made, tmp_path / "run")
    lay(run / name, kind, host)
    refused = set()
    for command in READ_BY[name] or ("html",):
        code, out, err = arena(*COMMANDS[command])
        assert code in {0, 1, 2, 4}, err
        assert unharmed(host)
        assert told_nothing(run, out, err)
        if code == 2:
            refused.add(command)
            assert err.count("\n") == 1
            assert str(Path("run") / name) in err
    if kind != "endless":
        assert refused >= set(READ_BY[name])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("manifest.json", "report/index.html"),
        ("ledger.jsonl", "report/index.html"),
        (f"trials/{TRIAL}", f"trials/{TRIAL}/patch.diff"),
        (f"trials/{TRIAL}/patch.diff", f"trials/{TRIAL}/patch.diff"),
        (f"trials/{TRIAL}/transcript.jsonl", f"report/trials/{TRIAL}.html"),
    ],
)
def test_the_viewer_serves_nothing_else(made, tmp_path, host, name, asked, kind):
    run = shutil.copytree(made, tmp_path / "run")
    lay(run / name, kind, host)
    with ThreadingHTTPServer((view.HOST, 0), view.handler(view.Viewer(run))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        reply, body = get(server.server_port, f"/{asked}")
        server.shutdown()
    assert reply.status in {404, 503}
    assert body.count("\n") == 0
    assert told_nothing(run, body)
    assert unharmed(host)


@pytest.mark.parametrize("kind", ["file", "folder", "pipe", "dangling"])
@pytest.mark.parametrize(
    "name", ["run.lock", "ledger.jsonl", "ledger.index", "trials/x/patch.diff", "manifest.json"]
)
def test_nothing_is_written_where_a_link_is(tmp_path, host, name, kind):
    run = tmp_path / "run"
    lay(run / name, kind, host)
    rundir = RunDir(run)
    with pytest.raises(InputError, match="it is a "), rundir.lock():
        pass
    with pytest.raises(InputError, match="it is a "):
        (rundir.inside / name).write("ours")
    with pytest.raises(InputError, match="it is a "):
        (rundir.inside / name).open("ab")
    assert unharmed(host)


def test_the_run_itself_may_be_reached_through_a_link(made, tmp_path, arena):
    (tmp_path / "link").symlink_to(made)
    assert arena("report", "link")[0] == 0


def test_hard_links_are_read_and_never_written_through(tmp_path, host):
    run = tmp_path / "run"
    run.mkdir()
    os.link(host / "secret", run / "ledger.jsonl")
    path = SafePath(run) / "ledger.jsonl"
    assert path.read_text() == SECRET  # whoever made it could read it
    with pytest.raises(InputError, match="hard link"):
        path.open("ab")
    path.write("ours")
    assert unharmed(host)
    if os.geteuid() == 0:
        os.link(host / "secret", run / "other")
        os.chown(host / "secret", 12345, -1)
        with pytest.raises(InputError, match="hard link"):
            (SafePath(run) / "other").read_bytes()


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc/passwd", "a//b", ".", "a\0b", ""])
def test_no_name_leads_out(tmp_path, path):
    with pytest.raises(InputError, match="leads out"):
        SafePath(tmp_path) / path


def test_folders_without_end_are_refused(tmp_path):
    folder = SafePath(tmp_path)
    for _ in range(100):
        folder /= "x"
    folder.mkdir()
    with pytest.raises(InputError, match="nested"):
        list(SafePath(tmp_path).files())
    SafePath(tmp_path / "x").rmtree()


# ── task packs ─────────────────────────────────────────────────────────────────────────────────

IN_A_PACK = (
    *("pack.toml", "flaky.toml", "halves", "halves/task.toml", "halves/problem.md"),
    *("halves/gold.patch", "halves/repo", "halves/repo/pkg", "halves/repo/pkg/__init__.py"),
    *("halves/tests", "halves/tests/tests/test_hidden.py", "halves/twin/tests/test_twin.py"),
    *("halves/right", "halves/right/1.patch", "halves/wrong", "halves/wrong/1.patch"),
    *("images", "images/own", "images/own/sandbox.toml", "images/own/Dockerfile"),
    *("images/own/context/data", "halves/blackbox.json"),
)


def read_all(folder: Path) -> str:
    """Everything that anything reads of a pack."""
    (task,) = pack.load(str(folder), base=folder)
    base = recipe.BaseRecipe(mode="pull", source="x", digest="x")
    image = recipe.task_recipe(resources.sandboxes_dir(), folder / "images", "own", base)
    texts = [task.problem_statement, pack.gold_patch(task), *pack.right_patches(task)]
    if (folder / "halves/blackbox.json").is_symlink() or (folder / "halves/blackbox.json").exists():
        texts.append(str(pack.black_box(task)))
    files = [*pack.tree_files(task), *pack.hidden_files(task), *pack.twin_files(task)]
    files += [*image.files, *packed([task])]
    return f"{texts}{pack.wrong_patches(task)}{files}{plan_ids.read(folder)}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", IN_A_PACK)
def test_nothing_outside_is_part_of_a_pack(tmp_path, host, name, kind):
    folder = a_pack(tmp_path)
    own = folder / "images/own"
    own.mkdir(parents=True)
    (own / "sandbox.toml").write_text(
        f'language = "python"\ndescription = "own"\npull = "x@sha256:{"0" * 64}"\n'
    )
    (own / "Dockerfile").write_text("FROM x\n")
    assert SECRET not in read_all(folder)
    lay(folder / name, kind, host)
    if kind == "endless" and name in {"halves/right", "halves/wrong", "images", "halves/twin"}:
        return  # a file where a folder may be: nothing is there
    with pytest.raises(InputError) as refused:
        read_all(folder)
    assert SECRET not in str(refused.value)
    assert unharmed(host)
