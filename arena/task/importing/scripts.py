"""Tasks that a script grades, on an image built from their own Dockerfile without its base.

The work folder becomes `/repo` with a link where it was, so that patches are taken and applied as
anywhere else; the solution is run once, without network, and its change is the gold patch.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from arena.grading.script_runner import EXIT, REWARD
from arena.paths import SafePath
from arena.records import Composition, Difficulty, File, TestPlan
from arena.task import diff
from arena.task.files import Draft
from arena.task.formats.compose import variables
from arena.task.formats.harbor import Scripts, read_scripts
from arena.task.formats.predictions import slug
from arena.task.importing.dockerfiles import Based, on_what_there_is, with_needs
from arena.task.importing.importer import (
    LOGS,
    Imported,
    Importer,
    NotImportableError,
    Source,
    move,
    work_tree,
    write_proved,
)
from arena.task.mining.runner import image_of, write_image

_LOG = 1 << 20
_PLACE = re.compile(
    r"(?<![\w./~}$-])(/(?:(?:opt|srv|home|mnt)/)?[a-z][\w-]*)(?=/[\w.*$\"'-]|/?[\s`\"')])"
)
_OF_THE_SYSTEM = frozenset(
    {"bin", "boot", "dev", "etc", "lib", "lib64", "logs", "media", "oracle", "proc", "root", "run"}
    | {"sbin", "solution", "sys", "tests", "tmp", "usr", "var", "repo"}
    | {"opt", "srv", "home", "mnt"}
)
_DIFFICULTIES: dict[str, Difficulty] = {"easy": "easy", "medium": "medium", "hard": "hard"}


def import_scripts(thing: Scripts, source: Source) -> Imported:
    """Make one task directory a task, and run its solution and nothing against it."""
    if not thing.solution:
        raise NotImportableError("it has no solution to prove it with")
    name = slug(thing.instance_id)
    composition, based = _write_images(thing, name, source)
    try:
        image = source.image(name)
        for service in composition.services if composition else ():
            source.image(service.image)
    except NotImportableError as error:
        raise NotImportableError("; ".join([str(error), *based.notes])) from None
    with source.opened(image.id) as box:
        tree = work_tree(box)
    plan = TestPlan(
        runner="script",
        fail_to_pass=(EXIT if thing.assurance == "exit_code" else REWARD,),
        command=thing.test_command,
        timeout_s=thing.timeout_s,
    )
    draft = Draft(
        name=name,
        title=thing.title,
        language=based.language,
        difficulty=_DIFFICULTIES.get(thing.difficulty.lower(), "unknown"),
        image=name,
        tags=("imported",),
        instance_id=thing.instance_id,
        assurance=thing.assurance,
        statement=thing.statement,
        tests=plan,
        tree=tree,
        hidden=thing.tests,
        gold="",
        composition=composition,
    )
    draft = draft.model_copy(update={"gold": _solved(thing, draft, source)})
    more = write_proved(draft, source)
    return Imported(
        instance_id=thing.instance_id,
        task=name,
        assurance=thing.assurance,
        notes=(*based.notes, *more),
        image_mb=image.size_mb,
    )


def _write_images(thing: Scripts, name: str, source: Source) -> tuple[Composition | None, Based]:
    """Write the folders of its images, and name those of the services; the notes are of all."""
    end = move(_places(thing)) + "\n".join(variables(thing.composed.environment))
    based = _write_image(thing.build, name, thing.tests, end, source)
    composition = thing.composed.composition
    if composition is None:
        return None, based
    services, notes = [], list(based.notes)
    for one in composition.services:
        image = f"{name}.{slug(one.name)}"
        build = thing.composed.builds[one.name]
        notes += _write_image(build, image, (), "", source, serves=True).notes
        services.append(one.model_copy(update={"image": image}))
    composition = composition.model_copy(update={"services": tuple(services)})
    return composition, replace(based, notes=tuple(dict.fromkeys(notes)))


def _write_image(
    build: Sequence[File],
    name: str,
    scripts: Sequence[File],
    end: str,
    source: Source,
    *,
    serves: bool = False,
) -> Based:
    """Write an image's folder: a build context on what its Dockerfile names, or on ours."""
    dockerfile = next(file for file in build if file.path == "Dockerfile").data
    text = dockerfile.decode("utf-8-sig", "surrogateescape")
    based = on_what_there_is(text, source.pulls.pin)
    files = [file for file in build if file.path != "Dockerfile"]
    files += with_needs(based.dockerfile, scripts, end)
    under = {"base": based.base, "pull": based.pull}
    write_image(source.out, name, files, based.language, name, **under, serves=serves)
    return based


def _places(thing: Scripts) -> list[str]:
    """Folders outside of any system's that the instruction or the solution names."""
    texts = [thing.statement, *(file.data.decode("utf-8", "replace") for file in thing.solution)]
    found = {match[1] for text in texts for match in _PLACE.finditer(text)}
    return sorted(place for place in found if place.lstrip("/") not in _OF_THE_SYSTEM)


def _solved(thing: Scripts, draft: Draft, source: Source) -> str:
    """What the solution changes in the work folder, as a patch, however it ends."""
    root = source.out / draft.name
    image = image_of(
        source.engine, root, draft.language, draft.image, draft.tree, draft.composition
    ).id
    solution = [
        file.model_copy(update={"path": f"/solution/{file.path}"}) for file in thing.solution
    ]
    with source.opened(image, ["/solution"]) as box, source.opened(image) as fresh:
        box.put(solution)
        done = box.exec(
            thing.solve_command, timeout_s=thing.timeout_s, env=thing.environment, output_limit=_LOG
        )
        box.kill()
        patch = diff.capture(diff.Remains(box), fresh, binaries=True)
    log = f"{LOGS}/{draft.name}.log"
    if done.exit_code != 0 or not patch.strip():
        (SafePath(source.out) / log).write(done.text.encode("utf-8", "replace"))
    if not patch.strip():
        what = f"its solution ends with {done.exit_code}" if done.exit_code else "its solution"
        said = " ".join(done.text.split())[-200:]
        raise NotImportableError(f"{what} and changes nothing in the work folder: {said} ({log})")
    return patch


IMPORTER = Importer(takes=Path.is_dir, read=read_scripts, make=import_scripts)
