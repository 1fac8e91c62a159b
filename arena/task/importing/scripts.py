"""Tasks that a script grades, on an image built from their own Dockerfile without its base.

The work folder becomes `/repo` with a link where it was, so that patches are taken and applied as
anywhere else; the solution is run once, without network, and its change is the gold patch.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from arena.errors import EngineError, InputError
from arena.grading.script_runner import EXIT, REWARD
from arena.records import Difficulty, File, Language, TestPlan
from arena.records.container import AGENT_USER
from arena.sandbox.image.images import Images
from arena.task import diff
from arena.task.files import Draft, write_task
from arena.task.formats.harbor import Scripts, read_scripts
from arena.task.formats.predictions import slug
from arena.task.importing.importer import (
    LIMITS,
    MOVE,
    Imported,
    Importer,
    NotImportableError,
    Source,
    must_be_sound,
    work_tree,
)
from arena.task.mining.runner import image_of, write_image

_BASES: tuple[tuple[str, str, Language], ...] = (
    (r"(.*/)?python:3(\.11(\.\d+)?)?(-(slim|bookworm|slim-bookworm))?", "python", "python"),
    (r"(.*/)?debian:(12(\.\d+)?|bookworm|stable)(-slim)?", "python", "python"),
    (r"(.*/)?node:18(\.\d+)*(-(slim|bookworm|bookworm-slim))?", "node", "javascript"),
    (r"(.*/)?golang:1\.19(\.\d+)?(-bookworm)?", "go", "go"),
)
_DIFFICULTIES: dict[str, Difficulty] = {"easy": "easy", "medium": "medium", "hard": "hard"}
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(\s+AS\s+\S+)?\s*$", re.IGNORECASE | re.MULTILINE)


def import_scripts(thing: Scripts, source: Source) -> Imported:
    """Make one task directory a task, and run its solution and nothing against it.

    Raises:
        NotImportableError: with the reason.
        EngineError: the engine broke.
    """
    name = slug(thing.instance_id)
    language = _write_image(thing, name, source)
    images = Images(source.engine, lambda _: ())
    try:
        image = images.ensure_image(source.out, name)
    except (InputError, EngineError) as error:
        raise NotImportableError(f"its image cannot be built: {error}") from None
    with source.engine.open(image.id, limits=LIMITS, labels={}, user=AGENT_USER) as box:
        tree = work_tree(box)
    if not tree:
        raise NotImportableError("nothing lies in its work folder, so no patch could be taken")
    if not thing.solution:
        raise NotImportableError("it has no solution to prove it with")
    gold = _solved(thing, name, tree, source)
    plan = TestPlan(
        runner="script",
        fail_to_pass=(EXIT if thing.assurance == "exit_code" else REWARD,),
        command=thing.test_command,
        timeout_s=thing.timeout_s,
    )
    draft = Draft(
        name=name,
        title=thing.title,
        language=language,
        difficulty=_DIFFICULTIES.get(thing.difficulty.lower(), "unknown"),
        image=name,
        tags=("imported",),
        instance_id=thing.instance_id,
        assurance=thing.assurance,
        statement=thing.statement,
        tests=plan,
        tree=tree,
        hidden=thing.tests,
        gold=gold,
    )
    must_be_sound(write_task(source.out, draft), source)
    return Imported(instance_id=thing.instance_id, task=name, assurance=thing.assurance)


def _write_image(thing: Scripts, name: str, source: Source) -> Language:
    """Write the image's folder: the build context on one of our images."""
    text = next(file for file in thing.build if file.path == "Dockerfile").data.decode()
    found = _FROM.findall(text)
    if len(found) != 1:
        raise NotImportableError(f"its Dockerfile has {len(found)} stages")
    wanted = found[0][0]
    base = next((entry for entry in _BASES if re.fullmatch(entry[0], wanted)), None)
    dockerfile = _FROM.sub("ARG BASE\nFROM ${BASE}", text).rstrip() + "\n" + MOVE
    files = [file for file in thing.build if file.path != "Dockerfile"]
    files.append(File(path="Dockerfile", data=dockerfile.encode()))
    if base is None:
        try:
            pinned = source.pulls.pin(wanted)
        except NotImportableError as error:
            what = f"base image: none of ours stands for {wanted}, and {error}"
            raise NotImportableError(what) from None
        write_image(source.out, name, files, "other", thing.title, pull=pinned)
        return "other"
    _, below, language = base
    write_image(source.out, name, files, language, thing.title, base=below)
    return language


def _solved(thing: Scripts, name: str, tree: Sequence[File], source: Source) -> str:
    """What the solution changes in the work folder, as a patch."""
    image = image_of(source.engine, source.out / name, "other", name, tree)
    solution = [
        file.model_copy(update={"path": f"/solution/{file.path}"}) for file in thing.solution
    ]
    engine = source.engine
    with (
        engine.open(image, limits=LIMITS, labels={}, user=AGENT_USER, volumes=["/solution"]) as box,
        engine.open(image, limits=LIMITS, labels={}, user=AGENT_USER) as fresh,
    ):
        box.put(solution)
        done = box.exec(thing.solve_command, timeout_s=thing.timeout_s)
        box.kill()
        patch = diff.capture(box, fresh)
    if done.exit_code != 0:
        said = " ".join(done.text.split())[-200:]
        raise NotImportableError(f"its solution ends with {done.exit_code} here: {said}")
    if not patch.strip():
        raise NotImportableError("its solution changes nothing in the work folder")
    return patch


IMPORTER = Importer(takes=Path.is_dir, read=read_scripts, make=import_scripts)
