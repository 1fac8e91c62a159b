"""Packs arrive whole, and anything of another digest is refused."""

import pickle
from pathlib import Path

import pytest

from arena.errors import HarnessError, InputError
from arena.records import File
from arena.run.node import packed, source_digest, unpacked
from arena.run.ray_host import keep
from arena.sandbox.docker import EngineRefusedError
from arena.task import pack

TASKS = pack.load("core/keyed-pool", base=Path()) + pack.load("controls", base=Path())
DIGESTS = {task.id: task.digest for task in TASKS}


def test_tasks_of_several_packs_arrive_as_they_were(tmp_path):
    arrived = unpacked(packed(TASKS), tmp_path, DIGESTS)
    assert {task.id: task.digest for task in arrived} == DIGESTS
    for here, there in zip(arrived, TASKS, strict=True):
        assert here.root != there.root
        assert pack.tree_files(here) == pack.tree_files(there)
        assert pack.hidden_files(here) == pack.hidden_files(there)
        assert pack.gold_patch(here) == pack.gold_patch(there)


@pytest.mark.parametrize("digests", [{TASKS[0].id: "other"}, {**DIGESTS, "core/none": "any"}])
def test_another_digest_or_a_missing_task_is_refused(tmp_path, digests):
    with pytest.raises(InputError, match="another digest than the run's"):
        unpacked(packed(TASKS), tmp_path, digests)


def test_a_copy_of_arena_is_known_by_all_of_it(tmp_path):
    assert source_digest() == source_digest()
    assert len(source_digest()) == 64


def test_a_refusal_of_a_nodes_engine_travels_home():
    there = EngineRefusedError("the container engine refused: no such image", 404)
    here = pickle.loads(pickle.dumps(there))
    assert (str(here), here.status) == (str(there), 404)


def test_a_trials_files_come_home_or_their_loss_is_a_fault(tmp_path):
    keep(
        [File(path="patch.diff", data=b"a"), File(path="try-1/notes", data=b"b")],
        tmp_path / "trial",
    )
    assert (tmp_path / "trial/try-1/notes").read_bytes() == b"b"
    with pytest.raises(HarnessError, match="cannot be written"):
        keep([File(path="patch.diff/notes", data=b"c")], tmp_path / "trial")
