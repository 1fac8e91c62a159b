"""Tasks that a script grades, on an image built from their own Dockerfile without its base.

The work folder becomes `/repo` with a link where it was, so that patches are taken and applied as
anywhere else; the solution is run once, without network, and its change is the gold patch.
"""

import io
import re
import tarfile
from collections.abc import Sequence

from arena.errors import EngineError, InputError
from arena.grading.script_runner import EXIT, REWARD
from arena.importer.report import Imported, NotImportableError
from arena.importer.rows import Source, must_be_sound
from arena.records import Difficulty, File, Language, SandboxLimits, Task, TestPlan
from arena.sandbox.image import Images
from arena.task import diff
from arena.task.formats.harbor import Scripts
from arena.task.formats.predictions import slug
from arena.task.toml import write_table
from arena.task.write import Draft, write_files, write_task

_BASES: tuple[tuple[str, str, Language], ...] = (
    (r"(.*/)?python:3(\.11(\.\d+)?)?(-(slim|bookworm|slim-bookworm))?", "python", "python"),
    (r"(.*/)?debian:(12(\.\d+)?|bookworm|stable)(-slim)?", "python", "python"),
    (r"(.*/)?node:18(\.\d+)*(-(slim|bookworm|bookworm-slim))?", "node", "javascript"),
    (r"(.*/)?golang:1\.19(\.\d+)?(-bookworm)?", "go", "go"),
)
_FROM = re.compile(r"^\s*FROM\s+(?:--\S+\s+)*(\S+)(\s+AS\s+\S+)?\s*$", re.IGNORECASE | re.MULTILINE)
_MOVE = """
USER root
RUN from="$PWD" && if [ "$from" != / ] && [ "$from" != /repo ]; then \\
        cd / && rm -rf /repo && mv "$from" /repo && ln -s /repo "$from"; fi \\
 && mkdir -p /repo && chown -R 10001:10001 /repo
WORKDIR /repo
"""
_OWNER = "10001:10001"
_TREE_LIMIT = 256 << 20
_PLACEHOLDER = TestPlan(runner="script", fail_to_pass=(REWARD,))
_LIMITS = SandboxLimits(memory_mb=2048)


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
    tree = _work_tree(image.id, source)
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
        difficulty=_difficulty(thing.difficulty),
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
    if base is None:
        raise NotImportableError(f"base image: none of ours stands for {wanted}")
    _, below, language = base
    dockerfile = _FROM.sub("ARG BASE\nFROM ${BASE}", text).rstrip() + "\n" + _MOVE
    toml = write_table({"language": language, "description": thing.title, "base": below})
    others = [file for file in thing.build if file.path != "Dockerfile"]
    files = [
        *others,
        File(path="Dockerfile", data=dockerfile.encode()),
        File(path="sandbox.toml", data=toml.encode()),
    ]
    write_files(source.out / "images" / name, files)
    return language


def _work_tree(image: str, source: Source) -> tuple[File, ...]:
    """Regular files of the image's work folder."""
    with source.engine.open(image, limits=_LIMITS, labels={}, user=_OWNER) as box:
        done = box.exec(["tar", "-C", "/repo", "-c", "."], timeout_s=120, output_limit=_TREE_LIMIT)
    if done.truncated_bytes:
        raise NotImportableError("its work folder is too large")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        return tuple(
            File(
                path=member.name.removeprefix("./"),
                data=data.read(),
                mode=0o755 if member.mode & 0o100 else 0o644,
            )
            for member in tar
            if member.isfile() and not member.name.startswith("./.git/")
            for data in [tar.extractfile(member)]
            if data
        )


def _solved(thing: Scripts, name: str, tree: Sequence[File], source: Source) -> str:
    """What the solution changes in the work folder, as a patch."""
    task = Task(
        id=f"{source.pack}/{name}",
        pack=source.pack,
        title=name,
        language="other",
        image=name,
        problem_statement="",
        tests=_PLACEHOLDER,
        digest="",
        root=source.out / name,
    )
    image = Images(source.engine, lambda _: tree).ensure([task])[task.id].id
    solution = [
        file.model_copy(update={"path": f"/solution/{file.path}"}) for file in thing.solution
    ]
    engine = source.engine
    with (
        engine.open(image, limits=_LIMITS, labels={}, user=_OWNER, volumes=["/solution"]) as box,
        engine.open(image, limits=_LIMITS, labels={}, user=_OWNER) as fresh,
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


def _difficulty(text: str) -> Difficulty:
    match text.lower():
        case "easy":
            return "easy"
        case "medium":
            return "medium"
        case "hard":
            return "hard"
        case _:
            return "unknown"
