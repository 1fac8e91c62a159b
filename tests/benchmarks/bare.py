"""The same trials by a bare docker-py script: the least that a forge-proof trial needs.

    .venv/bin/python tests/benchmarks/bare.py BASE_URL CONCURRENCY IMAGE...

A hardened container driven down one shell, its diff; a second hardened container, the patch and the
hidden tests with a canary and a twin, pytest, and its JUnit file read after the kill. No ledger,
no budgets, no metering, no patch policy, no retries, no transcript, no report. `throughput.py` runs
it beside `arena run`. It takes the container settings from the package, so that they are the same.
"""

import http.client
import io
import json
import socket
import sys
import tarfile
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import docker
import job

from arena.records import SandboxLimits
from arena.sandbox.limits import host_config

ATTEMPTS = 2
AGENT, TESTER = "10001:10001", "10002:10002"
CANARY = (
    "from calc import add\n\n\ndef test_add_canary():\n    assert add(2, 3) == 5\n    assert 0\n"
)
FILES = {
    "tests/test_add.py": job.HIDDEN,
    "tests/test_double.py": job.VISIBLE,
    "tests/test_canary.py": CANARY,
    "tests/test_twin.py": job.TWIN,
}
IDS = [f"{path}::test_{path[11:-3]}" for path in list(FILES)[:2]]
MUST_FAIL = ["tests/test_canary.py::test_add_canary", "tests/test_twin.py::test_add_twin"]
PYTEST = [
    *("env", "-i", "PATH=/usr/bin:/bin", "PYTHONPATH=/repo", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1"),
    *("PYTHONDONTWRITEBYTECODE=1", "python3", "-P", "-m", "pytest", "-q", "-c", "/opt/trial/i.ini"),
    *("--rootdir=/repo", "--confcutdir=/repo", "-p", "no:cacheprovider"),
    "--junitxml=/opt/trial/r.xml",
]


class Container:
    """One hardened container, removed at the end."""

    def __init__(self, api: docker.APIClient, image: str) -> None:
        made = api.create_container(
            image,
            entrypoint=["sleep", "2147483647"],
            command=[],
            user="65534:65534",
            working_dir="/repo",
            network_disabled=True,
            volumes=["/repo", "/opt/trial"],
            host_config=host_config(SandboxLimits(memory_mb=256)),
        )
        self.api, self.ident = api, made["Id"]
        api.start(self.ident)

    def shell(self) -> socket.socket:
        """An attached shell of the agent's."""
        made = self.api.exec_create(self.ident, ["sh"], stdin=True, user=AGENT)
        raw = self.api.exec_start(made["Id"], socket=True)
        self._response = raw._response
        return raw._sock

    def run(self, words: list[str], user: str) -> int:
        """One command as an exec of its own."""
        made = self.api.exec_create(self.ident, words, user=user)
        self.api.exec_start(made["Id"])
        return int(self.api.exec_inspect(made["Id"])["ExitCode"])

    def put(self, folder: str, files: dict[str, str], owner: int = 0) -> None:
        """Text files, below a folder."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, text in files.items():
                info = tarfile.TarInfo(name)
                info.size, info.uid, info.gid = len(text), owner, owner
                tar.addfile(info, io.BytesIO(text.encode()))
        self.api.put_archive(self.ident, folder, buffer.getvalue())

    def get(self, path: str) -> bytes:
        """One file."""
        chunks, _ = self.api.get_archive(self.ident, path)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            return tar.extractfile(tar.getmembers()[0]).read()  # type: ignore[union-attr]

    def remove(self) -> None:
        """End it."""
        self.api.remove_container(self.ident, force=True, v=True)


def command(sock: socket.socket, text: str) -> str:
    """One command down the shell, stdout and stderr together."""
    sock.sendall(f"({text}) 2>&1; echo; echo END-OF-COMMAND\n".encode())
    data = b""
    while b"END-OF-COMMAND\n" not in data:
        data += sock.recv(1 << 16)
    out = b""
    while data:
        size = int.from_bytes(data[4:8], "big")
        out, data = out + data[8 : 8 + size], data[8 + size :]
    return out.decode().rpartition("\nEND-OF-COMMAND")[0]


def solve(api: docker.APIClient, image: str, base_url: str) -> str:
    """Let the endpoint drive a container; what it changed."""
    box = Container(api, image)
    address = urlsplit(base_url)
    http_ = http.client.HTTPConnection(address.netloc)
    try:
        sock = box.shell()
        messages = [{"role": "user", "content": "Fix it."}]
        while True:
            body = json.dumps({"model": "m", "messages": messages})
            headers = {"Content-Type": "application/json"}
            http_.request("POST", f"{address.path}/chat/completions", body, headers)
            reply = json.load(http_.getresponse())["choices"][0]["message"]
            messages.append(reply)
            (one,) = reply["tool_calls"]
            if one["function"]["name"] == "submit":
                break
            out = command(sock, json.loads(one["function"]["arguments"])["command"])
            messages.append({"role": "tool", "tool_call_id": one["id"], "content": out})
        return command(sock, "git add -A '*.py' && git diff --cached HEAD")
    finally:
        http_.close()
        box.remove()


def passes(api: docker.APIClient, image: str, patch: str) -> bool:
    """Whether the hidden tests pass in a container of their own, and canary and twin fail."""
    box = Container(api, image)
    try:
        box.put("/opt/trial", {"i.ini": "[pytest]\n", "fix.diff": f"{patch.strip()}\n"})
        box.put("/opt/trial", {"r.xml": ""}, owner=10002)
        if box.run(["git", "apply", "/opt/trial/fix.diff"], AGENT):
            return False
        box.put("/repo", FILES)
        code = box.run([*PYTEST, *IDS, *MUST_FAIL], TESTER)
        api.kill(box.ident)
        cases = ET.fromstring(box.get("/opt/trial/r.xml")).iter("testcase")
        failed = {case.get("name"): case.find("failure") is not None for case in cases}
    finally:
        box.remove()
    expected = {name.split("::")[1]: name in MUST_FAIL for name in (*IDS, *MUST_FAIL)}
    return code == 1 and failed == expected


def main() -> None:
    base_url, concurrency, images = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    api = docker.APIClient(version="auto", num_pools=2 * concurrency)

    def trial(image: str) -> bool:
        return passes(api, image, solve(api, image, base_url))

    with ThreadPoolExecutor(concurrency) as pool:
        passed = list(pool.map(trial, images * ATTEMPTS))
    if not all(passed):
        raise SystemExit(f"{passed.count(False)} trials failed")


if __name__ == "__main__":
    main()
