"""What of the machine's own settings is laid on an image while it is built."""

import shutil

import pytest

from arena.sandbox.image import build


def test_no_tool_is_pointed_at_a_bundle_that_is_not_laid(monkeypatch, tmp_path):
    for name in build._CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(build, "_LOCAL_CA", tmp_path)
    monkeypatch.setattr(build, "_SYSTEM_CA", tmp_path / "bundle")
    (tmp_path / "own.crt").write_text("one\n")

    def pointed():
        return [one.path for one in build.host_settings() if build._CA.encode() in one.data]

    assert pointed() == [], "the system has no bundle"
    (tmp_path / "bundle").write_text("all\n")
    assert pointed() == [build._APT_FILE, build._PIP_FILE, *build._NPM_FILES]


def test_a_bundle_in_another_encoding_is_laid(monkeypatch, tmp_path):
    for name in build._CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(build, "_LOCAL_CA", tmp_path)
    monkeypatch.setattr(build, "_SYSTEM_CA", tmp_path / "bundle")
    (tmp_path / "own.crt").write_text("one\n")
    (tmp_path / "bundle").write_bytes("# société\n".encode("latin-1") + b"key\n")
    (laid,) = [one for one in build.host_settings() if one.path == build._CA]
    assert laid.data.endswith(b"key\n")


def release(lists, archive: str, suite: str, origin: str) -> None:
    """What apt holds of an archive that it has fetched."""
    name = f"{archive.replace('/', '_')}_dists_{suite}"
    fields = {"Origin": origin, "Suite": suite, "Codename": suite, "Architectures": "amd64"}
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    fields |= {"Components": "main", "SHA256": f"\n {empty} 0 main/binary-amd64/Packages"}
    text = "".join(f"{key}: {value}\n" for key, value in fields.items())
    (lists / f"{name}_Release").write_text(text)
    (lists / f"{name}_main_binary-amd64_Packages").write_text("")


@pytest.fixture
def debian(monkeypatch, tmp_path):
    """Makes this a Debian whose apt has fetched some archives: address, suite and origin."""
    if not shutil.which("apt-get"):
        pytest.skip("no apt here")

    def make(archives):
        (tmp_path / "lists/partial").mkdir(parents=True)
        rows = [f"deb [trusted=yes] http://{place} {suite} main\n" for place, suite, _ in archives]
        (tmp_path / "sources.list").write_text("".join(rows))
        for archive in archives:
            release(tmp_path / "lists", *archive)
        folder = {"Dir::Etc::sourcelist": "sources.list", "Dir::State::lists": "lists"}
        lines = [f'{key} "{tmp_path / name}";\n' for key, name in folder.items()]
        lines += ['Dir::Etc::sourceparts "/dev/null";\n', 'APT::Architectures "amd64";\n']
        (tmp_path / "apt.conf").write_text("".join(lines))
        monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
        monkeypatch.delenv("ARENA_DEBIAN_MIRROR", raising=False)
        (tmp_path / "os-release").write_text("ID=debian\n")
        monkeypatch.setattr(build, "_OS", tmp_path / "os-release")

    return make


@pytest.mark.parametrize(
    ("archives", "sources"),
    [
        ([("deb.debian.org/debian", "bookworm", "Debian")], []),
        ([("deb.debian.org/debian", "bookworm", "Debian"), ("tool.example", "stable", "Tool")], []),
        (
            [
                ("tool.example", "stable", "Tool Inc"),
                ("mirror.example/debian", "trixie", "Debian"),
                ("mirror.example/debian", "trixie-backports", "Debian Backports"),
            ],
            [
                "deb http://mirror.example/debian/ bookworm main",
                "deb http://mirror.example/debian/ bookworm-backports main",
            ],
        ),
        (
            [("mirror.example/own", "bookworm", ". bookworm")],
            ["deb http://mirror.example/own/ bookworm main"],
        ),
    ],
)
def test_only_archives_of_debian_are_its_mirrors(debian, archives, sources):
    """Other projects' archives have no release of that name, and one that is asked for it fails."""
    debian(archives)
    assert build._sources() == sources


def test_the_base_system_comes_from_debians_archive_whatever_stands_first(debian, tmp_path):
    mirror = "http://mirror.example/debian/"
    debian([("tool.example", "stable", "Tool"), ("mirror.example/debian", "trixie", "Debian")])
    script = tmp_path / "base.sh"
    script.write_text('#!/bin/sh\nprintf %s "$ARENA_DEBIAN_MIRROR"\n')
    script.chmod(0o755)
    assert b"".join(build.bootstrap(script)).decode() == mirror
