import io
import json
import tomllib

import docker
import pytest

from arena.grading.job import Bench
from arena.records import SandboxLimits
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from arena.task import pack as packs
from arena.task.checking import suite
from arena.task.checking.leaks import Finding, audit
from tests.e2e.rig import arena
from tests.task import toy


@pytest.fixture(scope="module")
def engine():
    with DockerEngine() as opened:
        yield opened


@pytest.fixture(scope="module")
def removing():
    """Images to remove once every container is gone."""
    images: list[str] = []
    yield images
    client = docker.from_env()
    for image in images:
        client.images.remove(image, force=True)
    client.close()


def looks(engine, folder, *, repeat=1):
    tasks = packs.load(str(folder), base=folder)
    found = suite.check(tasks, Images(engine, packs.tree_files), engine, repeat=repeat)
    return tasks, list(found)


def failed(findings):
    return {one.look: one.detail for one in findings if not one.ok}


def test_a_sound_pack_is_sound(engine, tmp_path):
    _, found = looks(engine, toy.a_pack(tmp_path), repeat=2)
    assert failed(found) == {}
    assert {one.look for one in found} == {
        *("tree", "statement", "specified", "image", "nop", "oracle", "stability", "cheat", "cost"),
    }
    cost = next(one for one in found if one.look == "cost")
    assert cost.seconds > 0
    assert 1 < cost.peak_mb < 500


def wrong_fix(folder, text):
    return toy.diff("purse/__init__.py", toy.BEFORE, text, folder / "scratch2")


@pytest.mark.parametrize(
    ("look", "words", "changed"),
    [
        ("oracle", "not passed", {"halves__tests__tests__test_halves.py": toy.HIDDEN.replace("== 2", "== 5")}),
        ("nop", "passes", {"halves__tests__tests__test_halves.py": toy.HIDDEN.replace("== 2", "== 1")}),
        ("wrong", "wrong/1: it passes", {"halves__wrong__1.patch": "SAME"}),
        ("right", "right/1: failed", {"halves__right__1.patch": "LAZY"}),
        ("tree", "away from nought", {"halves__repo__notes.txt": "try return (cents + 1) // 2  # away from nought\n"}),
        ("statement", "test_half_of_odd_cents", {"halves__problem.md": "test_half_of_odd_cents fails.\n"}),
        ("statement", "https://", {"halves__problem.md": "See https://example.org/1 for more.\n"}),
    ],
)  # fmt: skip
def test_a_broken_pack_is_found_out(engine, tmp_path, look, words, changed):
    texts = {"SAME": wrong_fix(tmp_path, toy.AFTER), "LAZY": wrong_fix(tmp_path, toy.BEFORE + "\n")}
    made = toy.a_pack(tmp_path, **{name: texts.get(text, text) for name, text in changed.items()})
    _, found = looks(engine, made)
    assert words in failed(found)[look]


@pytest.mark.parametrize(
    ("words", "script"),
    [
        ("2 commits", "cd /repo && echo x >x && git add x && git commit -qm x && git reset -q --hard HEAD^"),
        ("objects that the commit does not reach", "cd /repo && echo lost | git hash-object -w --stdin"),
        ("FETCH_HEAD", "touch /repo/.git/FETCH_HEAD"),
        ("alternates", "touch /repo/.git/objects/info/alternates || mkdir -p /repo/.git/objects/info && touch /repo/.git/objects/info/alternates"),
        ("3 commits", "cd /repo && git config user.email a@b && echo y >>purse/__init__.py && git stash -q"),
        ("left over", "mkdir /repo/purse/__pycache__ && touch /repo/purse/__pycache__/a.pyc"),
        ("no part of the tree", "touch /repo/extra.txt"),
        ("holds the fix", "printf 'return (cents + 1) // 2  # away from nought\\n' >/var/tmp/fixed.py"),
        ("holds the name", "printf 'xx test_half_of_odd_cents' >/var/tmp/notes.bin"),
        ("layers", "true"),
    ],
)  # fmt: skip
def test_what_an_image_gives_away_is_found(removing, engine, tmp_path, words, script):
    (task,) = packs.load(str(toy.a_pack(tmp_path)), base=tmp_path)
    images = Images(engine, packs.tree_files)
    image = images.ensure([task])[task.id].id
    raw = engine.connection.raw
    dockerfile = f"FROM {image}\nUSER 10001\nRUN {script}\n"
    if words == "layers":
        dockerfile += "RUN echo two >/var/tmp/two\n"
    lines = list(
        raw.build(fileobj=io.BytesIO(dockerfile.encode()), decode=True, rm=True, forcerm=True)
    )
    built = next(line["aux"]["ID"] for line in lines if "aux" in line)
    removing.append(built)
    bench = Bench(engine=engine, image=built, limits=SandboxLimits(), labels={})
    finding = audit(task, bench, images.store)
    assert not finding.ok
    assert words in finding.detail


FLAKY = (
    "import random\n\nfrom purse import whole\n\n\ndef test_whole():\n    assert whole(3) == 3\n"
    "\n\ndef test_luck():\n    assert random.SystemRandom().random() < 0.5\n"
)


def test_an_unstable_test_is_quarantined_and_runs_respect_it(engine, tmp_path):
    both = toy.TASK.replace('test_whole"]', 'test_whole", "tests/test_whole.py::test_luck"]')
    made = toy.a_pack(
        tmp_path, **{"halves__task.toml": both, "halves__repo__tests__test_whole.py": FLAKY}
    )
    tasks, found = looks(engine, made, repeat=12)
    luck = "tests/test_whole.py::test_luck"
    assert luck in failed(found)["stability"]
    assert suite.keep_out(tasks, found) == [f"toys/halves: {luck}"]
    kept = tomllib.loads((made / "flaky.toml").read_text())
    assert list(kept["halves"]) == [luck]
    (task,) = packs.load(str(made), base=tmp_path)
    assert task.quarantined == (luck,)
    assert task.tests.pass_to_pass == ("tests/test_whole.py::test_whole",)
    assert task.digest != tasks[0].digest
    _, again = looks(engine, made)
    assert failed(again) == {}


def test_the_last_test_that_shows_the_fix_is_never_quarantined(tmp_path):
    (task,) = packs.load(str(toy.a_pack(tmp_path)), base=tmp_path)
    flaky = dict.fromkeys(task.tests.fail_to_pass, "1 failed, 1 passed")
    finding = Finding(task_id=task.id, look="stability", ok=False, flaky=flaky)
    assert suite.keep_out([task], [finding]) == []
    assert not (task.root.parent / "flaky.toml").exists()


def test_the_command_says_what_is_wrong_and_exits_with_1(tmp_path):
    toy.a_pack(tmp_path, **{"halves__problem.md": "See https://example.org/1 for more.\n"})
    done = arena("tasks", "check", "./toys", "--format", "json", cwd=tmp_path)
    assert done.code == 1
    assert "toys/halves: statement" in done.err
    findings = {one["look"]: one for one in json.loads(done.out)["findings"]}
    assert findings["statement"]["result"] == "FAILED"
    assert findings["oracle"]["result"] == "ok"
    assert findings["cost"]["peak_mb"] > 1
