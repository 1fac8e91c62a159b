"""What stands for the images of a stranger's Dockerfile, and what his scripts would fetch."""

import os
import subprocess

import pytest

from arena.records import File
from arena.resources import sandboxes_dir
from arena.task.importing.dockerfiles import on_what_there_is, with_needs
from arena.task.importing.environments import must_be_plain
from arena.task.importing.importer import NotImportableError, move, registry_of


def away(image):
    raise NotImportableError(f"no registry answers for {image}")


@pytest.mark.parametrize(
    ("image", "base", "language"),
    [
        ("python", "stand-ins/python", "python"),
        ("python:3.11-slim", "stand-ins/python", "python"),
        ("python:3.13-slim-bookworm", "stand-ins/python", "python"),
        ("docker.io/library/python:3", "stand-ins/python", "python"),
        ("public.ecr.aws/docker/library/python:3.12.7-slim", "stand-ins/python", "python"),
        ("ghcr.io/laude-institute/t-bench/python-3-13:20250620", "stand-ins/python", "python"),
        ("ghcr.io/laude-institute/t-bench/ubuntu-24-04:latest", "stand-ins/debian", "other"),
        ("ubuntu:22.04", "stand-ins/debian", "other"),
        ("debian:bookworm-slim", "stand-ins/debian", "other"),
        ("node:18-bookworm-slim", "stand-ins/node", "javascript"),
        ("gcc:14", "stand-ins/gcc", "other"),
        ("gcc:14-bookworm", "stand-ins/gcc", "other"),
        ("buildpack-deps:jammy", "stand-ins/gcc", "other"),
        ("golang:1.19-bookworm", "stand-ins/go", "go"),
    ],
)
def test_a_stand_in_says_what_it_stands_for(image, base, language):
    found = on_what_there_is(f"FROM --platform=linux/amd64 {image} AS x\nRUN true\n", away)
    assert (found.base, found.language, found.pull) == (base, language, None)
    work = "WORKDIR /app\n" if "t-bench" in image else ""
    assert found.dockerfile == f"ARG BASE\nFROM ${{BASE}} AS x\n{work}RUN true\n"
    assert found.notes[0].endswith(f"stands for {image}")


@pytest.mark.parametrize(
    "image", ["python:3.12-alpine", "python:2.7", "nvidia/cuda:12", "node:22", "golang:1.23"]
)
def test_what_nothing_of_ours_stands_for_is_named(image):
    with pytest.raises(NotImportableError, match=rf"none of ours stands for {image}.*no registry"):
        on_what_there_is(f"FROM {image}\n", away)


def test_several_stages_stand_on_one_image_that_holds_them_all():
    text = (
        "ARG V=3.12\nFROM gcc:14 AS builder\nRUN gcc -v\nFROM python:${V}-slim\n"
        "RUN --mount=type=cache,target=/x pip install y\nCOPY --from=builder /a /a\n"
    )
    found = on_what_there_is(text, away)
    assert (found.base, found.language) == ("stand-ins/gcc", "python")
    assert "FROM ${BASE} AS builder\n" in found.dockerfile
    assert "RUN pip install y\n" in found.dockerfile
    assert len(found.notes) == 2


def test_where_a_registry_answers_every_image_is_pulled_by_digest():
    found = on_what_there_is(
        "FROM gcc:14 AS builder\nFROM builder AS two\nFROM python:3.12\nCOPY --from=two /a /a\n",
        lambda image: f"{image}@sha256:{len(image)}",
    )
    assert (found.pull, found.base, found.notes) == ("python:3.12@sha256:11", None, ())
    assert (
        "FROM gcc:14@sha256:6 AS builder\nFROM builder AS two\nFROM ${BASE}\n" in found.dockerfile
    )


@pytest.mark.parametrize(
    ("step", "version", "then"),
    [
        ("RUN curl -LsSf https://astral.sh/uv/0.7.13/install.sh | sh", "==0.7.13", ".local/bin"),
        ("RUN wget -qO- https://astral.sh/uv/install.sh | sh && true", "", ".local/bin"),
        (
            'RUN curl -L https://astral.sh/uv/0.9.7/install.sh | env UV_INSTALL_DIR="$PWD/x" bash',
            "==0.9.7",
            "x",
        ),
        ("COPY --from=ghcr.io/astral-sh/uv:0.8.15 /uv /uvx ./bin/", "==0.8.15", "bin"),
        ("COPY --from=ghcr.io/astral-sh/uv:latest /uv bin/uv", "", "bin"),
        ("COPY --from=ghcr.io/astral-sh/uv:0.8-alpine@sha256:1 /uv bin/", "==0.8.*", "bin"),
    ],
)
def test_uv_comes_from_pypi_where_its_own_places_do_not_answer(tmp_path, step, version, then):
    text = f"FROM python:3.12 AS one\nCOPY --from=one a a\n{step}\nUSER x\n"
    lines = on_what_there_is(text, away).dockerfile.splitlines()
    assert [*lines[2:3], *lines[4:]] == ["COPY --from=one a a", "USER x"]
    pip = tmp_path / "programs/pip3"
    pip.parent.mkdir()
    made = f"{tmp_path}/uv/bin"
    pip.write_text(f'#!/bin/sh\necho "$@"\nmkdir -p {made}; touch {made}/uv {made}/uvx\n')
    pip.chmod(0o755)
    run = lines[3].removeprefix("RUN ").replace("/tmp/uv", f"{tmp_path}/uv")
    env = {"PATH": f"{pip.parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    words = ["sh", "-ec", run]
    done = subprocess.run(words, cwd=tmp_path, env=env, check=True, capture_output=True, text=True)
    assert done.stdout == f"install -q --no-cache-dir --target {tmp_path}/uv uv{version}\n"
    assert {path.name for path in (tmp_path / then).iterdir()} == {"uv", "uvx"}


def test_what_only_ubuntu_has_is_loosened_on_a_stand_in_alone_and_said():
    text = (
        "FROM ubuntu:24.04\nENV a=1.2-3\nRUN apt-get update && add-apt-repository -y ppa:dead/ppa "
        "&& apt-get install -y -o Dpkg::Use-Pty=0 \\\n  curl=8.5.0-2ubuntu10.6 \\\n  g++=4:13.2.0-7 "
        "jq && x=1 y install a=b\n"
    )
    found = on_what_there_is(text, away)
    assert found.dockerfile == (
        "ARG BASE\nFROM ${BASE}\nENV a=1.2-3\nRUN apt-get update && true && apt-get install -y -o "
        "Dpkg::Use-Pty=0 \\\n  curl \\\n  g++ jq && x=1 y install a=b\n"
    )
    assert found.notes == (
        "Debian 12 stands for ubuntu:24.04",
        "Debian 12 stands for ppa:dead/ppa",
        "Debian 12 stands for the versions named of curl, g++",
    )
    pulled = on_what_there_is(text, lambda image: f"{image}@b")
    assert "ppa:dead/ppa && apt-get" in pulled.dockerfile
    assert "curl=8.5.0" in pulled.dockerfile


@pytest.mark.parametrize(
    "word", ["apt ", "apt-get install ", "curl ", "COPY --a", "add-apt-repository "]
)
def test_no_dockerfile_takes_for_ever_to_read(word):
    on_what_there_is(f"FROM debian\n{word * 20_000}\n", away)


def script(text):
    return [File(path="test.sh", data=text.encode())]


def dockerfile(text):
    made = {file.path: file.data.decode() for file in with_needs("FROM x\n", script(text), "END\n")}
    assert made["Dockerfile"].endswith("\nEND\n")
    return made


@pytest.mark.parametrize(
    ("text", "installed"),
    [
        ("pip install --quiet pytest==8.4.1 2>/dev/null || true\n", "pytest==8.4.1"),
        ("pip3 install -q 'numpy>=1.2,<3' pandas && pytest\n", "'numpy>=1.2,<3' pandas"),
        ("uv pip install --system rich\nuv add httpx\n", "rich httpx"),
        (
            "uvx \\\n  -p 3.13 \\\n  -w pytest==8.4.1 -w x pytest /tests -rA\n",
            "pytest==8.4.1 x pytest",
        ),
        ("uvx --from tool-kit tool /tests\n", "tool-kit"),
        ("uvx --from 'tool-kit==0.1.*' tool /tests\n", "'tool-kit==0.1.*'"),
        ("uvx ruff@0.5.0 check\nuvx black@latest .\n", "ruff==0.5.0 black"),
        ("uv run --with pytest pytest /tests/test.py\n", "pytest"),
    ],
)
def test_what_a_test_script_installs_is_installed_when_the_image_is_built(text, installed):
    assert f"pip3 install --no-cache-dir {installed}\n" in dockerfile(text)["Dockerfile"]


@pytest.mark.parametrize("word", ["a" + "=" * 5000 + "$", "a" + "==1" * 5000 + "$"])
def test_no_script_takes_for_ever_to_read(word):
    assert dockerfile(f"pip install {word}\n") == {"Dockerfile": "FROM x\nEND\n"}
    with pytest.raises(NotImportableError, match="no plain requirement"):
        must_be_plain([word * 10])


@pytest.mark.parametrize(
    "one", ["a", "a.b-c >=1, <2", "a [x, y] ==1.*", "a[x]>=1; python_version<'4'"]
)
def test_a_plain_requirement_is_had(one):
    must_be_plain([one])


def test_addresses_paths_and_comments_are_not_installed():
    made = dockerfile("# pip install a\npip install -r x.txt ./b https://x.example/c.whl git+d\n")
    assert made == {"Dockerfile": "FROM x\nEND\n"}
    made = dockerfile("apt-get update && apt-get install -y --no-install-recommends curl jq\n")
    assert "for one in curl jq; do" in made["Dockerfile"]


def test_a_package_of_another_release_keeps_no_other_away(tmp_path):
    run = dockerfile("apt-get install -y curl=8.5-2+b1 gone g++\n")["Dockerfile"].splitlines()[2]
    apt = tmp_path / "apt-get"
    apt.write_text(
        "#!/bin/sh\nfor a; do case $a in *=*|gone) exit 100;; curl|g++) echo $a;; esac; done\n"
    )
    apt.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    words = ["sh", "-c", run.removeprefix("RUN ")]
    done = subprocess.run(words, env=env, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["curl", "g++"]


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("uvx", ["-p", "3.13", "--with", "x", "echo", "-n", "a"], "a"),
        ("uvx", ["--from", "kit", "echo", "a"], "a\n"),
        ("uv", ["run", "--with", "x", "echo", "a"], "a\n"),
        ("uv", ["run", "python", "-c", "print(1)"], "1\n"),
        ("uvx", ["echo@1.2", "a"], "a\n"),
        ("uv", ["init", "--no-workspace"], ""),
        ("uv", ["tool", "install", "echo"], ""),
    ],
)
def test_the_stand_in_for_uvx_runs_what_is_there(tmp_path, name, words, said):
    program = tmp_path / name
    program.write_bytes((sandboxes_dir() / "stand-ins/uvx.sh").read_bytes())
    program.chmod(0o755)
    done = subprocess.run([program, *words], check=True, capture_output=True, text=True)
    assert done.stdout == said


def test_an_environment_that_uv_would_make_sees_what_the_image_has(tmp_path):
    program = tmp_path / "uv"
    program.write_bytes((sandboxes_dir() / "stand-ins/uvx.sh").read_bytes())
    program.chmod(0o755)
    script = (
        "set -e; ./uv venv -p 3.13 .testing; . .testing/bin/activate; ./uv pip install rich\n"
        'test "$(command -v python3)" = "$PWD/.testing/bin/python3"\n'
        "./uv run python -c 'import sys; print(sys.prefix)'\n"
        "grep -x 'include-system-site-packages = true' .testing/pyvenv.cfg\n"
    )
    env = {"PATH": "/usr/bin:/bin"}
    words = ["bash", "-c", script]
    done = subprocess.run(words, cwd=tmp_path, env=env, check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[0] == f"{tmp_path}/.testing"


def test_the_work_folder_and_further_places_come_to_lie_in_the_tree(tmp_path):
    for path in ("app/a", "app/.git/HEAD", "output/b", "etc/c"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    steps = move([f"{tmp_path}/output", f"{tmp_path}/new", f"{tmp_path}/app"])
    run = next(line for line in steps.splitlines() if line.startswith("RUN "))
    uid = f"{os.getuid()}:{os.getgid()}"
    text = run[4:].replace("/repo", f"{tmp_path}/repo").replace("10001:10001", uid)
    subprocess.run(["sh", "-ec", text], cwd=tmp_path / "app", check=True)
    assert (tmp_path / "repo/a").read_text() == (tmp_path / "app/a").read_text() == "app/a"
    assert not (tmp_path / "repo/.git").exists()
    assert (tmp_path / "output").is_symlink()
    (tmp_path / "new/x").write_text("x")
    found = {path.name for path in (tmp_path / "repo/.places").rglob("*") if path.is_file()}
    assert found == {"b", "x"}


def test_stages_without_end_and_long_words_are_read_at_once():
    stages = "".join(f"FROM s{number} AS s{number + 1}\n" for number in range(3000))
    assert on_what_there_is(f"FROM python:3 AS s0\n{stages}", away).base == "stand-ins/python"
    copied = f"COPY --from=astral-sh/uv:{'1' * 200_000}\n"
    assert copied in on_what_there_is(f"FROM python:3\n{copied}", away).dockerfile


def test_a_line_that_goes_on_is_no_stage():
    step = 'RUN sqlite3 x "SELECT * \\\n FROM prices"\n'
    assert on_what_there_is(f"FROM python:3\n{step}", away).dockerfile.endswith(step)


@pytest.mark.parametrize("comment", ["# escape=\\", "# RUN apt-get install x \\"])
def test_a_comment_never_goes_on(comment):
    based = on_what_there_is(f"{comment}\nFROM python:3 AS a\n{comment}\nFROM a\n", away)
    assert based.dockerfile.split("FROM ")[1:] == ["${BASE} AS a\n", "a\n"]


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("python:3.11.2", ""),
        ("library/python:3.11.2", ""),
        ("ghcr.io/a/b", "ghcr.io"),
        ("localhost/a", "localhost"),
        ("mirror:5000/a/b:1.2", "mirror:5000"),
    ],
)
def test_a_registry_that_is_away_is_asked_once(image, host):
    assert registry_of(image) == host
