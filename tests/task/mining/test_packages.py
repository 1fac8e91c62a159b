"""Packages for mined repositories, from registries on this machine that ask for a password."""

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from arena.errors import InputError
from arena.records import File, SandboxLimits
from arena.resources import sandboxes_dir
from arena.sandbox.image import packages, recipe
from arena.sandbox.image.images import Images
from arena.sandbox.owner import remove_image
from arena.task.mining.go_runner import GO
from arena.task.mining.node_runner import JAVASCRIPT
from arena.task.mining.projects import Project
from arena.task.mining.pytest_runner import PYTHON

SECRET = "sk-canary-5b1e"
WHEEL = "tiny-1.2-py3-none-any.whl"


def wheel():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("tiny.py", "VALUE = 1\n")
        for name, text in (
            ("METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.2\n"),
            ("WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            ("entry_points.txt", "[pytest11]\ntiny_plugin = tiny\n"),
            ("RECORD", ""),
        ):
            file.writestr(f"tiny-1.2.dist-info/{name}", text)
    return data.getvalue()


def package(told, files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in {"package.json": json.dumps(told), **files}.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return data.getvalue()


NPM = {
    "tiny": ({"version": "1.2.0", "main": "index.js"}, {"index.js": "exports.value = 1;\n"}),
    "modern": (
        {
            "version": "4.1.0",
            "engines": {"node": "^20.19.0 || >=22.12.0"},
            "optionalDependencies": {"gone": "1"},
        },
        {"index.js": "exports.value = 2;\n"},
    ),
    **{
        f"node-linux-{cpu}": (
            {"version": "24.2.0", "os": "linux", "cpu": cpu},
            {"bin/node": "#!/bin/sh\necho new\n", "include/node.h": "\n"},
        )
        for cpu in ("x64", "arm64")
    },
}


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Both kinds of registry at one address, known to pip and npm by their own settings."""
    served = wheel()
    tarballs = {name: package({"name": name, **told}, more) for name, (told, more) in NPM.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            host = f"http://{self.headers['Host']}"
            pages = {
                "/simple/tiny/": ("text/html", f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()),
                f"/{WHEEL}": ("application/octet-stream", served),
            }
            for name, (told, _) in NPM.items():
                sha512 = base64.b64encode(hashlib.sha512(tarballs[name]).digest()).decode()
                path, number = f"/{name}/-/{name}.tgz", told["version"]
                dist = {"tarball": f"{host}{path}", "integrity": f"sha512-{sha512}"}
                document = {
                    "name": name,
                    "dist-tags": {"latest": number},
                    "versions": {number: {"name": name, **told, "dist": dist}},
                }
                pages[f"/{name}"] = ("application/json", json.dumps(document).encode())
                pages[path] = ("application/octet-stream", tarballs[name])
            basic = base64.b64encode(f"me:{SECRET}".encode()).decode()
            known = self.headers.get("Authorization") in {f"Basic {basic}", f"Bearer {SECRET}"}
            kind, body = pages.get(self.path, ("text/plain", b""))
            status = 401 if not known else 200 if self.path in pages else 404
            self.send_response(status)
            if not known:
                self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body) if status == 200 else 0))
            self.end_headers()
            if status == 200:
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = f"127.0.0.1:{server.server_port}"
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:{SECRET}@{host}/simple")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    settings = tmp_path / "npmrc"
    settings.write_text(f"registry=http://{host}/\n//{host}/:_authToken={SECRET}\n")
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("npm_config_userconfig", str(settings))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    yield host
    server.shutdown()
    server.server_close()


def written(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def clean(host, datas):
    return all(SECRET.encode() not in data and host.encode() not in data for data in datas)


def test_packages_of_npm_are_pinned_without_a_word_of_where_from(registry, tmp_path):
    said: list[str] = []
    wanted = Project(name="purse", requirements=("absent@^2.0", "tiny@^1.0"))
    made = JAVASCRIPT.make(tmp_path / "ours", "purse", wanted, (), said.append)
    assert (made.image, made.left_out) == ("purse", ("absent",))
    assert said == ["left out: no package absent"]
    kept = written(tmp_path / "ours/images/purse")
    lock = json.loads(kept["package-lock.json"])
    assert lock["packages"]["node_modules/tiny"]["version"] == "1.2.0"
    assert clean(registry, kept.values())
    pinned = [File(path=name, data=kept[name]) for name in (packages.PACKAGE, packages.LOCK)]
    files = {file.path: file.data for file in packages.unpack_node(pinned)}
    assert set(files) == {"/node_modules/tiny/index.js", "/node_modules/tiny/package.json"}
    assert clean(registry, files.values())
    again = JAVASCRIPT.make(tmp_path / "ours", "purse", Project(), ("other",), said.append)
    assert again == made, "what is there is kept"


def test_a_package_that_asks_for_a_newer_node_gets_one(registry):
    pinned = packages.lock_node({"modern": "^4"})
    files = {file.path: file for file in packages.unpack_node(pinned)}
    modern = {f"/node_modules/modern/{name}" for name in ("index.js", "package.json")}
    assert set(files) == {*modern, "/usr/local/bin/node"}, "of Node the program alone"
    assert clean(registry, [file.data for file in (*pinned, *files.values())])
    asked = packages.lock_node({"tiny": "1", "node": "24"})
    assert "/usr/local/bin/node" in {file.path for file in packages.unpack_node(asked)}
    with pytest.raises(packages.NoPackageError, match="node"):
        packages.lock_node({"tiny": "1", "node": "99"})


def test_what_no_registry_has_of_a_newer_node_is_done_without(registry, monkeypatch):
    for name in [name for name in NPM if name.startswith("node-")]:
        monkeypatch.delitem(NPM, name)
    files = packages.unpack_node(packages.lock_node({"modern": "^4"}))
    assert {file.path.split("/")[2] for file in files} == {"modern"}


@pytest.mark.parametrize(
    ("engines", "newer"),
    [
        ({"node": "^20.19.0 || >=22.12.0"}, True),
        ({"node": ">=20"}, True),
        ({"node": "22.x"}, True),
        ({"node": "18 || 20"}, False),
        ({"node": ">= 0.6"}, False),
        ({"node": "<20"}, False),
        ({"node": "lts/*"}, False),
        ({"node": ""}, False),
        ({"npm": ">=20"}, False),
        (["node >= 20"], False),
        (None, False),
    ],
)
def test_whether_the_node_of_the_image_is_too_old(engines, newer):
    assert packages.needs_newer_node({"engines": engines}) is newer


def test_what_a_person_asks_for_must_be_had(registry, tmp_path):
    with pytest.raises(InputError, match="absent"):
        JAVASCRIPT.make(tmp_path, "purse", Project(), ("absent",), print)
    with pytest.raises(InputError, match="cannot be installed"):
        GO.make(tmp_path, "purse", Project(), ("example.org/x",), print)


def test_a_package_without_needs_runs_in_the_shipped_image(tmp_path):
    made = JAVASCRIPT.make(tmp_path, "purse", Project(name="purse"), (), print)
    assert made.image == "node"
    assert not (tmp_path / "images").exists()


def test_wheels_are_pinned_without_a_word_of_where_from(registry, tmp_path):
    said: list[str] = []
    wanted = Project(name="purse", version="3.1", requirements=("absent", "tiny"))
    made = PYTHON.make(tmp_path / "ours", "purse", wanted, (), said.append)
    assert (made.plugins, made.left_out) == (("tiny_plugin",), ("absent",))
    kept = written(tmp_path / "ours/images/purse")
    assert kept["requirements.txt"] == b"tiny==1.2\n"
    assert clean(registry, kept.values())
    files = {file.path: file.data for file in packages.unpack_python(["tiny==1.2"])}
    assert files[f"{packages.SITE}/tiny.py"] == b"VALUE = 1\n"
    assert clean(registry, files.values())


def test_nothing_of_the_folder_that_somebody_stands_in_runs(registry, tmp_path, monkeypatch):
    program = "import pathlib\npathlib.Path('started').touch()\n"
    for name in ("pip.py", "logging.py", "sitecustomize.py", "typing.py"):
        (tmp_path / name).write_text(program)
    monkeypatch.chdir(tmp_path)
    assert packages.resolve_python(["tiny"]) == ("tiny==1.2",)
    assert not (tmp_path / "started").exists()


def test_a_refusal_of_pip_names_no_password(registry, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:{SECRET}@127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(InputError) as caught:
        packages.resolve_python(["tiny", "what even is this"])
    assert SECRET not in str(caught.value)


def test_an_image_of_npm_packages_holds_them_and_nothing_of_the_machine(registry, engine, tmp_path):
    pack = tmp_path / "ours"
    JAVASCRIPT.make(pack, "purse", Project(name="purse"), ("tiny@1",), print)
    made = Images(engine, lambda _: ()).ensure_image(pack, "purse")
    try:
        with engine.open(
            made.id, limits=SandboxLimits(), labels={}, user="10001:10001", workdir="/repo"
        ) as box:
            done = box.exec(["node", "-p", "require('tiny').value"], timeout_s=30)
            assert done.text.strip() == "1", done.text
            words = ["grep", "-rlE", f"{SECRET}|{registry}", "/node_modules", "/etc", "/home"]
            assert box.exec(words, timeout_s=60, user="root").stdout == b""
        raw = engine.connection.raw
        told = json.dumps([raw.history(made.id), raw.inspect_image(made.id)])
        assert clean(registry, [told.encode()])
    finally:
        remove_image(engine.connection, made.id)


def asked(folder, base, **files):
    """The recipe of a pack's image."""
    image = folder / "images/purse"
    image.mkdir(parents=True)
    language = {"node": "javascript"}.get(base, base)
    spec = f'language = "{language}"\ndescription = "Theirs."\nbase = "{base}"\n'
    for name, text in {"sandbox.toml": spec, **files}.items():
        (image / name).write_text(text)
    ours = sandboxes_dir()
    return recipe.task_recipe(ours, folder / "images", "purse", recipe.base_recipes(ours)[0])


@pytest.mark.parametrize(
    "word",
    [
        "file://@",
        "@",
        "./theirs",
        "git+file://@",
        "tiny@file://@",
        "-r@/more.txt",
        "--no-binary=:all:",
        "--index-url=http://127.0.0.1:1/",
        "--log=@/log",
        "tiny",
        "tiny>=1",
        "tiny==1.2;python_version>'3'",
        "tiny-1.2.zip",
    ],
)
def test_a_packs_requirements_are_exact_versions_and_nothing_of_it_runs(registry, tmp_path, word):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "setup.py").write_text(f"open({str(tmp_path / 'started')!r}, 'w')\n")
    (theirs / "more.txt").write_text(f"{theirs}\n")
    words = word.replace("@", str(theirs)) if word != "tiny@file://@" else f"tiny@file://{theirs}"
    made = asked(tmp_path, "python", **{"requirements.txt": f"tiny==1.2\n{words}\n"})
    with pytest.raises(InputError, match="no exact version"):
        packages.files_of(made)
    if not word.startswith("tiny") or "file:" in word or word.endswith(".zip"):
        with pytest.raises(InputError, match="no requirement that an index answers"):
            packages.resolve_python([words])
    assert not (tmp_path / "started").exists()
    assert not (theirs / "log").exists()


def test_requirements_in_another_encoding_are_one_line(tmp_path):
    made = asked(tmp_path, "python", **{"requirements.txt": "tiny==1.2\n"})
    odd = File(path="requirements.txt", data="société==1\n".encode("latin-1"))
    with pytest.raises(InputError, match="no exact version"):
        packages.files_of(made.model_copy(update={"files": (odd,)}))


GIT = "git+file:///theirs"
ENTRY = {"version": "1.2.0"}


@pytest.mark.parametrize(
    ("needs", "entries"),
    [
        ({"tiny": GIT}, {"node_modules/tiny": ENTRY}),
        ({"tiny": "file:theirs"}, {"node_modules/tiny": ENTRY}),
        ({"tiny": "someone/tiny"}, {"node_modules/tiny": ENTRY}),
        ({"tiny": "npm:tiny@" + GIT}, {"node_modules/tiny": ENTRY}),
        ({"tiny": "1"}, {"node_modules/tiny": {"version": GIT}}),
        ({"tiny": "1"}, {"node_modules/tiny": {"link": True, "version": "1.2.0"}}),
        ({"tiny": "1"}, {"node_modules/tiny": ENTRY | {"dependencies": {"more": GIT}}}),
        ({"tiny": "1"}, {"node_modules/tiny": ENTRY, "../theirs": ENTRY}),
        ({"tiny": "1"}, {"node_modules/tiny": {}}),
        ({"tiny": 1}, {"node_modules/tiny": ENTRY}),
        ({"tiny": "1"}, ["node_modules/tiny"]),
    ],
)
def test_a_packs_lock_of_npm_names_versions_and_no_address(registry, tmp_path, needs, entries):
    package = {"private": True, "dependencies": needs}
    lock = {"lockfileVersion": 3, "packages": entries}
    if isinstance(entries, dict):
        lock["packages"] = {"": package, **entries}
    files = {"package.json": json.dumps(package), "package-lock.json": json.dumps(lock)}
    with pytest.raises(InputError, match=r"versions alone|as npm writes"):
        packages.files_of(asked(tmp_path, "node", **files))


def test_where_a_packs_lock_says_that_packages_are_from_does_not_count(registry, tmp_path):
    pinned = {file.path: json.loads(file.data) for file in packages.lock_node({"tiny": "1"})}
    for entry in pinned["package-lock.json"]["packages"].values():
        entry["resolved"] = "git+file:///theirs#1"
    pinned["package.json"]["scripts"] = {"prepare": f"touch {tmp_path}/started"}
    texts = {name: json.dumps(value) for name, value in pinned.items()}
    files = packages.files_of(asked(tmp_path, "node", **texts))
    assert {file.path for file in files} == {
        f"{packages.MODULES}/tiny/{name}" for name in ("index.js", "package.json")
    }
    assert not (tmp_path / "started").exists()
