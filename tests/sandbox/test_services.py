"""Services beside a sandbox: each has its own, by their names, and nothing else is in reach."""

import os
import secrets
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from arena.records import Composition, SandboxLimits, Service, digest_of
from arena.sandbox.engine import DockerEngine, ServiceError
from arena.sandbox.image import build
from arena.sandbox.image.store import UNFINISHED, Naming
from arena.sandbox.owner import remove_image

LIMITS = SandboxLimits(memory_mb=128, disk_mb=64)
USER = "10001:10001"
COUNT = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
seen = []
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        seen.append(self.path)
        self.send_response(200); self.end_headers()
        self.wfile.write(f"{os.environ['GREETING']} {len(seen)} {os.getuid()}".encode())
HTTPServer(("", 8000), Handler).serve_forever()
"""
ASK = """
import urllib.request
print(urllib.request.urlopen('http://counter:8000/', timeout=5).read().decode())
"""
REACH = """
import socket, sys
for host in sys.argv[2:]:
    try:
        socket.create_connection((host, int(sys.argv[1])), 1)
        print("reached", host)
    except OSError:
        pass
try:
    socket.getaddrinfo("example.org", 80)
    print("resolved")
except OSError:
    print("no names")
"""
HEALTH = ["CMD", "python3", "-c", "import socket; socket.create_connection(('127.0.0.1', 8000))"]
COUNTER = ("python3", "-c", COUNT)


@pytest.fixture
def beside(image):
    """An engine, and what makes an image of which every sandbox has services.

    Each service is a name, what it runs, and more of it.
    """
    with DockerEngine() as engine:
        made = []

        def put(*services, mounts=()):
            told = [service(engine, image, *one) for one in services]
            made.extend(one.image for one in told)
            return engine, with_services(engine, image, told, mounts)

        yield put
        assert left(engine) == []
        for one in made:
            remove_image(engine.connection, one)


def service(engine, image, name, command, more=None, health=None, workdir="/"):
    starts = {"Cmd": list(command), "Env": ["GREETING=hello"], "Healthcheck": {"Test": health}}
    tag = f"{UNFINISHED}:{secrets.token_hex(8)}"
    with build.container(engine.connection, image) as ident:
        build.commit(engine.connection, ident, tag, workdir, starts)
    return Service(name=name, image=tag, **(more or {}))


def with_services(engine, image, services, mounts=()):
    composition = Composition(services=tuple(services), mounts=mounts)
    digest = digest_of([image, composition.model_dump(mode="json")])
    naming = Naming(
        kind="task", name="beside", recipe=digest, content=digest, composition=composition
    )
    build.add_files(engine.connection, image, [], 0, naming, "/repo")
    return naming.tag


def left(engine):
    only = {"label": [f"arena.engine={engine.ident}"]}
    raw = engine.connection.raw
    there = raw.volumes(filters=only)["Volumes"] or []
    return [*raw.containers(all=True, filters=only), *raw.networks(filters=only), *there]


def ask(box, script=ASK, *words):
    return box.exec(["python3", "-c", script, *words], timeout_s=30).text.strip()


def test_each_sandbox_has_services_of_its_own(beside):
    engine, image = beside(("counter", COUNTER, None, HEALTH))
    with engine.open(image, limits=LIMITS, labels={}, user=USER) as box:
        first, again = ask(box), ask(box)
        assert (first.split()[:2], again.split()[:2]) == (["hello", "1"], ["hello", "2"])
        with engine.open(image, limits=LIMITS, labels={}, user=USER) as other:
            assert ask(other) == first
        assert ask(box).split()[1] == "3"
    assert left(engine) == []


def test_no_way_leads_out_nor_to_the_host(beside):
    engine, image = beside(("counter", COUNTER, None, HEALTH))
    with (
        socket.create_server(("0.0.0.0", 0)) as server,
        engine.open(image, limits=LIMITS, labels={"arena.test": "out"}, user=USER) as box,
    ):
        raw = engine.connection.raw
        (network,) = raw.networks(filters={"label": [f"arena.engine={engine.ident}"]})
        gateway = network["IPAM"]["Config"][0]["Gateway"]
        port = str(server.getsockname()[1])
        assert ask(box, REACH, port, gateway, "172.17.0.1", "192.0.2.1") == "no names"
        (service,) = raw.containers(filters={"name": ["-counter"], "label": ["arena.test=out"]})
        words = ["python3", "-c", REACH, port, gateway, "172.17.0.1"]
        made = raw.exec_create(service["Id"], words)
        assert raw.exec_start(made["Id"]).strip() == b"no names"


def test_a_service_has_the_limits_of_a_sandbox_and_nothing_of_the_host(beside):
    engine, image = beside(("counter", COUNTER, None, HEALTH))
    with engine.open(image, limits=LIMITS, labels={}, user=USER) as box:
        raw = engine.connection.raw
        (ident,) = box.where.services
        its, ours = (raw.inspect_container(one)["HostConfig"] for one in (ident, box.where.ident))
        for key in ("Memory", "MemorySwap", "NanoCpus", "PidsLimit", "Ulimits", "CapDrop"):
            assert its[key] == ours[key] != None  # noqa: E711
        assert "no-new-privileges" in its["SecurityOpt"]
        for key in ("Privileged", "Binds", "PortBindings", "Devices"):
            assert not its[key]
        assert raw.inspect_container(ident)["Mounts"] == []


def test_a_service_that_fills_the_disk_ends_its_sandbox(beside):
    engine, image = beside(("full", ("sh", "-c", "sleep 1; yes >/full; sleep 99")))
    with engine.open(image, limits=LIMITS, labels={}, user=USER) as box:
        assert box.exec(["sleep", "60"], timeout_s=60).ended == "container_ended"
        assert box.resource_ended == "disk"


def test_one_that_ends_comes_before_the_next_and_leaves_what_others_read(beside):
    """The sandbox can read what it sees of theirs, and not write."""
    seed = ("sh", "-c", "sleep 1; echo seeded >/to/word")
    show = ("sh", "-c", "[ ! -e word ] || exec python3 -m http.server")
    engine, image = beside(
        ("seed", seed, {"mounts": ("words:/to",), "ends": True}),
        ("counter", show, {"mounts": ("words:/from:ro",)}, HEALTH, "/from"),
        mounts=("words:/seen:ro",),
    )
    with engine.open(image, limits=LIMITS, labels={}, user=USER) as box:
        assert ask(box, ASK.replace("8000/", "8000/word")) == "seeded"
        assert box.exec(["cat", "/seen/word"], timeout_s=9).text == "seeded\n"
        assert box.exec(["touch", "/seen/mine"], timeout_s=9, user="root").exit_code == 1


@pytest.mark.parametrize(
    ("command", "more", "words"),
    [
        (("sh", "-c", "echo no room; exit 3"), None, "ended with 3: no room"),
        (("false",), {"ends": True}, "ended with 1: it printed nothing"),
    ],
)
def test_a_service_that_is_not_ready_is_named_with_what_it_said(beside, command, more, words):
    engine, image = beside(("counter", command, more, HEALTH))
    with (
        pytest.raises(ServiceError, match=f"the service counter {words}"),
        engine.open(image, limits=LIMITS, labels={}, user=USER),
    ):
        pass
    assert left(engine) == []


def test_the_reaper_removes_the_services_of_a_dead_process(image, engine):
    label = f"services-{os.getpid()}"
    waiting = service(engine, image, "waiting", ("sleep", "99"), {"mounts": ("a:/a",)})
    beside = with_services(engine, image, [waiting])
    script = f"""
        import threading
        from arena.records import SandboxLimits
        from arena.sandbox.engine import DockerEngine
        engine = DockerEngine()
        limits = SandboxLimits(memory_mb=128, disk_mb=64)
        labels = {{"arena.test": {label!r}}}
        with engine.open({beside!r}, limits=limits, labels=labels, user="10001:10001"):
            print("open", flush=True)
            threading.Event().wait()
    """
    words = [sys.executable, "-c", textwrap.dedent(script)]
    cwd = Path(__file__).parents[2]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=cwd) as process:
        assert process.stdout.readline() == "open\n"
        process.kill()
    raw, only = engine.connection.raw, {"label": [f"arena.test={label}"]}

    def there():
        volumes = raw.volumes(filters=only)["Volumes"] or []
        found = raw.containers(all=True, filters=only), raw.networks(filters=only), volumes
        return [len(some) for some in found]

    assert there() == [2, 1, 1]
    engine.reap()
    assert there() == [0, 0, 0]
    remove_image(engine.connection, waiting.image)
