"""Tars in and out: what is in them, and what hostile ones cannot do."""

import io
import tarfile

import pytest

from arena.errors import HarnessError
from arena.records import File
from arena.sandbox import files as tars
from arena.sandbox.files import WorkTree


def listed(tar):
    with tarfile.open(fileobj=io.BytesIO(tar)) as opened:
        return {info.name: info for info in opened}


def made(*members):
    """A tar of (name, type, content or target, mode)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, content, mode in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.linkname = content
                tar.addfile(info)
    return buffer.getvalue()


def chunks(data, size=1000):
    return (data[at : at + size] for at in range(0, len(data), size))


def test_every_parent_is_named_so_that_no_link_can_stand_in_for_it():
    members = listed(tars.pack([File(path="a/b/c", data=b"1")], owner=7, workdir="/repo"))
    assert list(members) == ["a", "a/b", "a/b/c"]
    assert all(info.isdir() and info.uid == 7 for name, info in members.items() if name != "a/b/c")


def test_outside_a_work_tree_folders_of_the_system_keep_their_modes():
    files = [File(path="/out/y", data=b""), File(path="/tmp/z", data=b"")]
    members = listed(tars.pack(files, owner=0))
    assert sorted(members) == ["out", "out/y", "tmp", "tmp/z"]
    assert members["tmp"].mode == 0o1777


def test_the_same_files_make_the_same_bytes():
    files = [File(path="b", data=b"1"), File(path="a/c", data=b"2", mode=0o755)]
    assert tars.pack(files, owner=1) == tars.pack(files[::-1], owner=1)


@pytest.mark.parametrize(
    ("path", "full"),
    [("a", "/repo/a"), ("/x//y/./z", "/x/y/z"), ("./a", "/repo/a"), ("..a/b..", "/repo/..a/b..")],
)
def test_paths_are_made_normal(path, full):
    assert tars.inside(path, "/repo") == full


@pytest.mark.parametrize("path", ["", "/", ".", "a/", "..", "a/..", "/a/../b", "a\0"])
def test_paths_that_name_no_file_inside_are_refused(path):
    with pytest.raises(HarnessError):
        tars.inside(path, "/repo")


def test_a_tar_is_read_in_a_stream_up_to_its_limit():
    data = made(*((f"repo/f{n}", tarfile.REGTYPE, bytes([n]) * 5000, 0o644) for n in range(20)))
    read = [file.read() for _, file in tars.members(chunks(data), limit=len(data))]
    assert read == [bytes([n]) * 5000 for n in range(20)]
    with pytest.raises(tars.TooMuchError):
        list(tars.members(chunks(data), limit=50_000))


@pytest.mark.parametrize("at", [512, 700, 1024, 3000])
def test_a_tar_that_stops_early_is_noticed(at):
    data = made(*((f"repo/f{n}", tarfile.REGTYPE, b"x" * 600, 0o644) for n in range(3)))
    read = (file.read() for _, file in tars.members(chunks(data[:at]), limit=1 << 20))
    with pytest.raises((tars.CutShortError, tarfile.TarError)):
        list(read)


def test_members_can_be_left_out_of_a_tar():
    data = made(
        ("etc", tarfile.DIRTYPE, "", 0o755),
        ("etc/secret", tarfile.REGTYPE, b"canary", 0o600),
        ("etc/big", tarfile.REGTYPE, b"y" * 3_000_000, 0o644),
        ("etc/link", tarfile.SYMTYPE, "big", 0o777),
        ("etc/hard", tarfile.LNKTYPE, "etc/big", 0o644),
    )
    out = b"".join(tars.without(chunks(data, 70_000), frozenset({"/etc/secret"})))
    members = listed(out)
    assert list(members) == ["etc", "etc/big", "etc/link", "etc/hard"]
    assert (members["etc/link"].linkname, members["etc/hard"].linkname) == ("big", "etc/big")
    assert members["etc/big"].size == 3_000_000
    assert b"canary" not in out


def test_a_tree_that_is_too_large_is_known_in_part_and_deletions_are_not():
    pristine = WorkTree(chunks(made(("repo/a", tarfile.REGTYPE, b"1", 0o644))), limit=1 << 20)
    grown = made(*((f"repo/g{n}", tarfile.REGTYPE, b"z" * 9000, 0o644) for n in range(9)))
    tree = WorkTree(chunks(grown), pristine, limit=50_000)
    assert tree.cut
    changes = tree.changes(limit=100)
    assert changes
    assert {change.kind for change in changes} == {"added"}


def test_contents_beyond_the_cap_are_not_kept_in_memory():
    pristine = WorkTree(chunks(made()), limit=1 << 20)
    big = made(
        *((f"repo/b{n:02}", tarfile.REGTYPE, bytes([n]) * (3 << 20), 0o644) for n in range(14))
    )
    tree = WorkTree(chunks(big, 1 << 20), pristine, limit=1 << 30)
    kept = [n for n in range(14) if tree.get(f"b{n:02}")]
    assert kept == list(range(10))
    assert len(tree.changes(limit=100)) == 14


def test_paths_beyond_the_cap_are_not_kept_in_memory(monkeypatch):
    monkeypatch.setattr(tars, "_NAMES_CHARS", 10_000)
    pristine = WorkTree(chunks(made()), limit=1 << 20)
    deep = "/".join(["a" * 90] * 10)
    grown = made(*((f"repo/{deep}/{n}", tarfile.REGTYPE, b"", 0o644) for n in range(50)))
    tree = WorkTree(chunks(grown), pristine, limit=1 << 30)
    assert tree.cut
    assert [change.path for change in tree.changes(limit=100)] == [f"{deep}/{n}" for n in range(10)]
