"""A container engine of a test's own, which may be stopped, killed and starved of room."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker

from arena.records import Task
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from arena.sandbox.image.store import Image


class OwnEngine:
    """A dockerd beside the machine's, with a folder, a socket and containers of its own."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.data = root / "data"
        self.host = f"unix://{root}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        return {"DOCKER_HOST": self.host}

    def start(self) -> None:
        root = self._root
        with (root / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    # A daemon without a bridge removes docker0, which is the other engine's:
                    # in a network of its own it finds none
                    *("unshare", "--net"),
                    "dockerd",
                    f"--host={self.host}",
                    f"--data-root={self.data}",
                    f"--exec-root={root}/exec",
                    f"--pidfile={root}/pid",
                    "--bridge=none",
                    "--iptables=false",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 120
        while not self.answers():
            assert self._process.poll() is None, (root / "log").read_text()
            assert time.monotonic() < deadline, (root / "log").read_text()
            time.sleep(0.2)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(timeout=90)
        self._process = None

    def answers(self) -> bool:
        engine = DockerEngine(self.host)
        try:
            engine.check()
        except Exception:
            return False
        else:
            return True
        finally:
            with suppress(Exception):
                engine.close()

    def close(self) -> None:
        if self._process is None:
            (self._root / "pid").unlink(missing_ok=True)
            self.start()  # an engine that was killed leaves processes that only it can end
        client = docker.DockerClient(base_url=self.host)
        for box in client.containers.list(all=True, ignore_removed=True):
            box.remove(force=True, v=True)
        client.close()
        self.stop()


@contextmanager
def own_engine(task: Task, engine: DockerEngine, *, room: str | None = None) -> Iterator[OwnEngine]:
    """An engine that has the base and language images; with `room`, on a disk of that size."""
    root = Path(tempfile.mkdtemp(prefix="arena-engine-"))
    own = OwnEngine(root)
    own.data.mkdir()
    if room:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(own.data)]
        subprocess.run(mount, check=True)
    try:
        own.start()
        try:
            _carry_over(task, engine, own)
            yield own
        finally:
            own.close()
    finally:
        # By us, or by an engine that was killed: it binds its folder to itself.
        while f" {own.data} " in Path("/proc/self/mounts").read_text():
            subprocess.run(["umount", str(own.data)], check=True)
        shutil.rmtree(root)


def _carry_over(task: Task, engine: DockerEngine, own: OwnEngine) -> None:
    images = Images(engine, lambda _: ())
    made = images.ensure([task])[task.id].id
    held = [one.what for one in images.store.all()]
    recipes = {image.recipe: image for image in held if isinstance(image, Image)}
    image = next(i for i in recipes.values() if i.id == made)
    theirs = docker.DockerClient(base_url=engine.connection.where)
    mine = docker.DockerClient(base_url=own.host, timeout=300)
    while image.parent:
        image = recipes[image.parent]
        mine.images.load(theirs.api.get_image(theirs.images.get(image.id).tags[0]))
    theirs.close()
    mine.close()
