"""The run directory: what a start that fails leaves of it, and who may write it."""

import os
import threading
from contextlib import suppress

import pytest

from arena.errors import InputError
from arena.rundir.directory import RunDir
from tests.e2e.rig import arena, bakeoff, control


def refuse():
    raise InputError("no good")


def fail(rundir):
    with pytest.raises(InputError, match="no good"), rundir.lock():
        refuse()


def test_a_start_that_fails_leaves_nothing(tmp_path):
    bakeoff(tmp_path, [control("nop")], tasks=["controls"])
    before = sorted(tmp_path.rglob("*"))
    ended = arena("run", "bakeoff.toml", cwd=tmp_path, DOCKER_HOST="unix:///nowhere")
    assert ended.code == 2
    assert "no container engine" in ended.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("there", [(), ("notes.txt",), ("ledger.jsonl", "manifest.json")])
def test_what_was_there_stays(tmp_path, there):
    folder = tmp_path / "runs" / "test"
    folder.mkdir(parents=True)
    for name in there:
        (folder / name).write_text(name)
    fail(RunDir(folder))
    assert sorted(path.name for path in folder.iterdir()) == sorted(there)
    assert all((folder / name).read_text() == name for name in there)


def test_a_lock_that_was_there_stays(tmp_path):
    with RunDir(tmp_path).lock():
        pass
    fail(RunDir(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]


def test_what_was_written_meanwhile_stays(tmp_path):
    rundir = RunDir(tmp_path / "runs" / "test")
    with suppress(InputError), rundir.lock():
        rundir.ledger_path.write("{}\n")
        refuse()
    assert [path.name for path in rundir.path.iterdir()] == ["ledger.jsonl"]


def test_whoever_is_refused_takes_nothing_away(tmp_path):
    rundir = RunDir(tmp_path / "run")
    with rundir.lock():
        with pytest.raises(InputError, match=r"process .* is writing this run"), rundir.lock():
            pass
        assert rundir.lock_path.exists()


def test_one_holder_at_a_time_though_locks_come_and_go(tmp_path):
    """Each holder fails and takes its lock file away, which another may just have opened."""
    inside, most, errors = [], [], []

    def start():
        for _ in range(200):
            try:
                with RunDir(tmp_path / "run").lock():
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()
                    refuse()
            except InputError:
                pass
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert set(most) == {1}


def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path):
    (tmp_path / "run").symlink_to("run")
    for path in (tmp_path / "run", tmp_path / ("n" * 300)):
        with pytest.raises(InputError, match="cannot be read") as caught:
            RunDir(path).read_manifest()
        assert caught.value.where == str(path)
        with pytest.raises(InputError, match="cannot be read"), RunDir(path).lock():
            pass


def test_a_full_disk_keeps_nobody_from_the_lock(tmp_path, monkeypatch):
    def full(fd, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with RunDir(tmp_path / "run").lock():
        assert RunDir(tmp_path / "run").lock_path.exists()
