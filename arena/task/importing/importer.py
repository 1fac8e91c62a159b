"""What an importer is, the images it may pull, and what became of each thing imported."""

import io
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter

from arena.errors import InputError
from arena.grading.job import Bench
from arena.protocols import Sandbox
from arena.records import Assurance, File, Record, SandboxLimits
from arena.records.container import AGENT_USER, WORKDIR
from arena.resources import sandboxes_dir
from arena.sandbox import docker
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.build import DockerfileError
from arena.sandbox.image.images import Images
from arena.sandbox.image.store import Image
from arena.task import pack as packs
from arena.task.checking.specified import told, unsaid
from arena.task.checking.suite import runs
from arena.task.files import Draft, is_cache, leads_out, write_pack, write_task
from arena.task.formats.instances import Thing, Wish
from arena.task.mining.candidate import Attempt, YieldLine
from arena.task.mining.pytest_runner import NOT_LOADED
from arena.task.mining.runner import Environment, write_image


class Imported(Attempt):
    """One instance or task directory."""

    instance_id: str
    assurance: Assurance | None = None
    disagrees: tuple[str, ...] = ()
    """What the suite says and running gold and nop did not show; those ids decide nothing."""
    reasons: dict[str, str] = Field(default_factory=dict)
    """FAIL_TO_PASS to why it fails without gold: assertion, exception, import, timeout, missing."""
    notes: tuple[str, ...] = ()
    """What is not as the suite has it: its environment, or tests that do not hold here."""
    fault: bool = False
    """The machinery broke: the next import tries it again."""
    given: str = ""
    """Digest of what it was made from."""


class NotImportableError(Exception):
    """A thing of a suite can be no task, whoever finds that out; the message is the reason."""


class Report(Record):
    """A whole import."""

    source: str
    tasks: tuple[Imported, ...] = ()
    refused: tuple[Imported, ...] = ()
    reasons: dict[str, int] = Field(default_factory=dict)
    yields: tuple[YieldLine, ...] = ()


LOGS = "logs"
"""Folder of the pack with what failed solutions printed."""
PLACES = ".places"
"""Folder of the work tree that holds what lies elsewhere in the original."""

_LIMITS = SandboxLimits(memory_mb=2048)
_TREE_LIMIT = 256 << 20
_SECONDS = 120.0
TEXTS = TypeAdapter(tuple[str, ...])


def shipped(name: str) -> bytes:
    """A file that helps to build images of others."""
    return (sandboxes_dir() / "stand-ins" / name).read_bytes()


def move(places: Sequence[str] = ()) -> str:
    """Steps that make the work folder `/repo`, with a link where it was and without its history.

    Further places that a solution writes to come to lie in the work tree, with links as well.
    """
    carry = f'cd / && rm -rf {WORKDIR} && mv "$from" {WORKDIR} && ln -s {WORKDIR} "$from"'
    steps = [
        'from="$PWD"',
        f'if [ "$from" != / ] && [ "$from" != {WORKDIR} ]; then {carry}; fi',
        f"mkdir -p {WORKDIR} && rm -rf {WORKDIR}/.git",
    ]
    for place in places:
        inside = f"{WORKDIR}/{PLACES}{place}"
        steps.append(
            f'case "$from/" in {place}/*) ;; *) mkdir -p {place} $(dirname {inside}) '
            f"&& mv {place} {inside} && ln -s {inside} {place} ;; esac"
        )
    steps.append(f"chown -R {AGENT_USER} {WORKDIR}")
    return f"\nUSER root\nRUN {' && '.join(steps)}\nWORKDIR {WORKDIR}\n"


@dataclass(frozen=True)
class Made:
    """An environment, and the files that the repository's build left in its work folder."""

    environment: Environment
    generated: tuple[File, ...]
    image_mb: int


def registry_of(image: str) -> str:
    """The host that an image's name begins with, as Docker reads it; empty for Docker's own."""
    host, slash, _ = image.partition("/")
    return host if slash and (host == "localhost" or "." in host or ":" in host) else ""


class Pulls:
    """Asks registries for images, those that do not answer only once; for several threads."""

    def __init__(self, engine: DockerEngine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._away: dict[str, str] = {}

    def pin(self, image: str) -> str:
        """An image with its digest, where a registry gives it."""
        host = registry_of(image)
        with self._lock:
            if host in self._away:
                raise NotImportableError(self._away[host])
            try:
                return docker.pin(self._engine.connection, image)
            except InputError as error:
                if not docker.is_missing(error):
                    self._away[host] = f"no registry answers for {image}"
                raise NotImportableError(error.what) from None


def plugins_of(box: Sandbox) -> tuple[str, ...]:
    """Plugins of the image's pytest."""
    words = ["sh", "-c", 'git --version >&2 && exec python3 -I -c "$1"', "sh"]
    words.append(shipped("plugins.py").decode())
    done = box.exec(words, timeout_s=_SECONDS)
    if done.exit_code != 0:
        said = " ".join(done.text.split())[-160:]
        raise NotImportableError(f"its image has not git, Python and pytest: {said}")
    try:
        names = TEXTS.validate_json(done.stdout)
    except ValueError:
        raise NotImportableError("its Python does not tell pytest's plugins") from None
    return tuple(name for name in names if name not in NOT_LOADED)


def work_tree(box: Sandbox) -> tuple[File, ...]:
    """Regular files of the work folder, without its history."""
    words = ["tar", "-C", WORKDIR, "--exclude=./.git", "-c", "."]
    done = box.exec(words, timeout_s=_SECONDS, output_limit=_TREE_LIMIT)
    if done.truncated_bytes:
        raise NotImportableError("its work folder is too large")
    return read_tar(done.stdout)


def read_tar(data: bytes) -> tuple[File, ...]:
    """Regular files of an archive that a stranger's `tar` wrote.

    Raises:
        NotImportableError: it is torn, unpacks to too much, or leads out of the folder.
    """
    found, left_bytes = [], _TREE_LIMIT - len(data)
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:  # never unpacked
            for member in tar:
                path = member.name.removeprefix("./")
                if not member.isfile() or is_cache(path):
                    continue
                left_bytes -= member.size if member.issparse() else 0
                file = tar.extractfile(member) if min(left_bytes, member.size) >= 0 else None
                if file is None or leads_out(path):
                    raise NotImportableError(f"its work folder cannot be read: {path!r}")
                mode = 0o755 if member.mode & 0o100 else 0o644
                found.append(File(path=path, data=file.read(), mode=mode))
    except (tarfile.TarError, OSError, ValueError) as error:
        raise NotImportableError(f"its work folder cannot be read: {error}") from None
    return tuple(found)


class Once:
    """Makes each environment of an import once, however many rows share it; for several threads."""

    def __init__(self) -> None:
        self._made: dict[str, Made | NotImportableError] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, name: str, make: Callable[[], Made]) -> Made:
        """The environment of a name; what `make` could not do is not tried again."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._made:
                try:
                    self._made[name] = make()
                except NotImportableError as error:
                    self._made[name] = error
            made = self._made[name]
        if isinstance(made, NotImportableError):
            raise NotImportableError(str(made))
        return made


@dataclass(frozen=True)
class ImportRequest:
    """What to import."""

    path: Path
    out: Path
    repos: Path | None = None
    """Folder of local clones."""
    env: Path | None = None
    limit: int | None = None
    """Most things to import."""
    jobs: int = 2
    test_seconds: float = 120.0
    """Longest that a single test may take; one that takes longer does not end."""
    run_seconds: float = 900.0
    """Longest that the tests of a row may take together."""


def find_mirror(mirrors: Path, repo: str) -> Path | None:
    """The clone of `owner/name` in a folder of clones, however they are called."""
    if leads_out(repo):
        return None
    owner, _, name = repo.partition("/")
    for form in (f"{owner}__{name}", f"{owner}+{name}", f"{owner}/{name}", f"{owner}-{name}", name):
        for path in (mirrors / form, mirrors / f"{form}.git", mirrors / form / "repo"):
            if (path / "HEAD").is_file() or (path / ".git").exists():
                return path
    return None


@dataclass(frozen=True)
class Source:
    """Where tasks are built from, and what is known beside them."""

    request: ImportRequest
    pack: str
    wishes: Mapping[str, Wish]
    engine: DockerEngine
    pulls: Pulls
    environments: Once

    @property
    def out(self) -> Path:
        """The pack's folder."""
        return self.request.out

    def image(self, name: str, what: str = "image") -> Image:
        """An image of the pack, built where it is missing."""
        try:
            return Images(self.engine, lambda _: ()).ensure_image(self.out, name)
        except (InputError, DockerfileError) as error:
            raise NotImportableError(f"its {what} cannot be built: {error}") from None

    def opened(self, image: str, volumes: Sequence[str] = ()) -> AbstractContextManager[Sandbox]:
        """A container of an image, with somebody in it who may write to its work folder."""
        return self.engine.open(image, limits=_LIMITS, labels={}, user=AGENT_USER, volumes=volumes)

    def pulled(self, image: str, name: str) -> Made:
        """An instance's own image as an environment, and the tree in its work folder."""
        pinned = self.pulls.pin(image)
        dockerfile = shipped("pulled.Dockerfile") + move().encode()
        given = [File(path="Dockerfile", data=dockerfile)]
        write_image(self.out, name, given, "python", image, pull=pinned)
        made = self.image(name)
        with self.opened(made.id) as box:
            environment = Environment(image=name, plugins=plugins_of(box))
            return Made(environment, work_tree(box), made.size_mb)


@dataclass(frozen=True)
class Importer:
    """One family of suites: a module that has one of these, and a line in `suite.py`."""

    takes: Callable[[Path], bool]
    """Whether a path may be a suite of it."""
    read: Callable[[Path], Iterator[Thing]]
    make: Callable[[Any, Source], Imported]
    """Proves and writes the task of a thing that is not `Unreadable`, with `write_proved`."""


def write_proved(draft: Draft, source: Source) -> tuple[str, ...]:
    """Run gold and nop of a task under the verification of a run, and write it into the pack.

    It is proved in a pack of its own: what nothing has confirmed is never offered. A suite's
    statement is a report; what it does not tell is marked, and is what is returned as notes.
    """
    parts = draft.gold, draft.tree, draft.hidden, draft.tests.fail_to_pass
    needed = unsaid(draft.statement, *parts)
    draft = draft.model_copy(update={"provenance": "A", "underspecified": needed})
    with tempfile.TemporaryDirectory(prefix="arena-import-") as scratch:
        aside = Path(scratch, source.out.name)
        write_pack(aside, source.pack, draft.title, private=False, description="")
        services = draft.composition.services if draft.composition else ()
        for name in {draft.image, *(service.image for service in services)}:
            if (image := source.out / "images" / name).is_dir():
                shutil.copytree(image, aside / "images" / name, dirs_exist_ok=True)
        root = write_task(aside, draft)
        try:
            (task,) = packs.load(str(root.resolve()), base=source.out)
        except InputError as error:
            raise NotImportableError(f"no sound task: {error.what}") from None
        images = Images(source.engine, packs.tree_files)
        bench = Bench(
            engine=source.engine,
            image=images.ensure([task])[task.id].id,
            limits=SandboxLimits(),
            labels={"arena.import": task.id},
        )
        wrong = [f"{one.look}: {one.detail}" for one in runs(task, bench, 1) if not one.ok]
    if wrong:
        raise NotImportableError("; ".join(wrong))
    write_task(source.out, draft)
    return (told(needed),) if needed else ()
