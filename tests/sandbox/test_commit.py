"""The commit that holds a task's tree: the same everywhere, whatever git is told elsewhere."""

import os
import subprocess

import pytest

from arena.records import File
from arena.sandbox.image import recipe

ATTRIBUTES = b"* text eol=crlf ident filter=evil diff=evil merge=evil export-subst\n"
TREE = (
    File(path=".gitattributes", data=ATTRIBUTES),
    File(path=".gitconfig", data=b'[filter "evil"]\n\tclean = touch evil\n'),
    File(path=".gitmodules", data=b'[submodule "a"]\n\tpath = a\n\turl = --upload-pack=x\n'),
    File(path='a b\\"c\n.txt', data=b"$Id$\r\nand\n"),
    File(path="bin/run", data=b"#!/bin/sh\n", mode=0o755),
)
COMMIT = b"5081a66922570342e067e2ddb7a4a61d7b02f6ff"


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """What is touched when anything of a user's, a machine's or a repository's git is run."""
    ran = tmp_path / "ran"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    hooks = tmp_path / "template/hooks"
    hooks.mkdir(parents=True)
    for hook in ("reference-transaction", "post-index-change", "pre-commit", "post-checkout"):
        (hooks / hook).write_text(script.read_text())
    for file in (script, *hooks.iterdir()):
        file.chmod(0o755)
    config = tmp_path / ".gitconfig"
    config.write_text(
        f"""
        [core]
            hooksPath = {hooks}
            fsmonitor = {script}
            attributesFile = {tmp_path}/attributes
            autocrlf = true
            compression = 0
        [filter "evil"]
            clean = {script}
            process = {script}
            required = true
        [init]
            templateDir = {hooks.parent}
            defaultBranch = other
        [gpg]
            program = {script}
        [commit]
            gpgSign = true
        [extensions]
            objectFormat = sha256
        """
    )
    (tmp_path / "attributes").write_bytes(ATTRIBUTES)
    here = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", here], check=True)
    (here / ".git/config").write_bytes(config.read_bytes())
    monkeypatch.chdir(here)
    monkeypatch.setattr("tempfile.tempdir", str(here))
    for name, value in {
        "HOME": tmp_path,
        "XDG_CONFIG_HOME": tmp_path,
        "GIT_CONFIG_GLOBAL": config,
        "GIT_CONFIG_SYSTEM": config,
        "GIT_CONFIG_COUNT": 1,
        "GIT_CONFIG_KEY_0": "core.hooksPath",
        "GIT_CONFIG_VALUE_0": hooks,
        "GIT_TEMPLATE_DIR": hooks.parent,
        "GIT_DIR": here / ".git",
        "GIT_DEFAULT_HASH": "sha256",
        "GIT_TRACE": tmp_path / "trace",
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
    }.items():
        monkeypatch.setenv(name, str(value))
    (tmp_path / "git").write_text(f'#!/bin/sh\ntouch {ran}\nexec /usr/bin/git "$@"\n')
    (tmp_path / "git").chmod(0o755)
    return ran


def commit_of(files):
    return next(file.data.strip() for file in files if file.path == ".git/refs/heads/main")


def test_a_commit_is_the_same_whatever_git_is_configured_to_do(request):
    plain = recipe.git_folder(TREE)
    evil = request.getfixturevalue("evil")
    assert recipe.git_folder(TREE) == plain
    assert not evil.exists()
    assert commit_of(plain) == COMMIT


def test_nothing_but_the_commit_is_in_its_folder():
    names = {file.path.split("/")[1] for file in recipe.git_folder(TREE)}
    assert names == {"HEAD", "config", "index", "objects", "refs"}
