"""Git on clones that somebody made: nothing of them runs, nothing beyond them is read."""

import os
import shutil
import sys
import zlib
from hashlib import sha1
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.git import BorrowedClone, GitError, GitLimitError, make_repository, run_git
from arena.task.mining.history import GitHistory
from tests.e2e.rig import arena
from tests.task import toy
from tests.task.importing import rig

PROGRAM_SETTINGS = {
    "log.showSignature": "true",
    "gpg.program": "{program}",
    "gpg.ssh.program": "{program}",
    "gpg.x509.program": "{program}",
    "gpg.ssh.defaultKeyCommand": "{program}",
    "core.fsmonitor": "{program}",
    "core.hooksPath": "{folder}",
    "core.sshCommand": "{program}",
    "core.pager": "{program}",
    "core.editor": "{program}",
    "core.askPass": "{program}",
    "core.gitProxy": "{program}",
    "core.alternateRefsCommand": "{program}",
    "core.worktree": "{folder}",
    "core.attributesFile": "{attributes}",
    "pager.log": "{program}",
    "pager.diff": "{program}",
    "diff.external": "{program}",
    "diff.x.command": "{program}",
    "diff.x.textconv": "{program}",
    "filter.x.clean": "{program}",
    "filter.x.smudge": "{program}",
    "filter.x.process": "{program}",
    "filter.x.required": "true",
    "merge.x.driver": "{program}",
    "trailer.x.command": "{program}",
    "interactive.diffFilter": "{program}",
    "sequence.editor": "{program}",
    "credential.helper": "!{program}",
    "uploadpack.packObjectsHook": "{program}",
    "remote.origin.url": "ext::{program}",
    "remote.origin.promisor": "true",
    "remote.origin.partialCloneFilter": "blob:none",
    "remote.origin.uploadpack": "{program}",
    "protocol.ext.allow": "always",
    "alias.log": "!{program}",
    "alias.ls-tree": "!{program}",
    "include.path": "{more}",
    "includeIf.gitdir:/**.path": "{more}",
}


@pytest.fixture
def hostile(tmp_path):
    """A clone whose signed last commit and settings name a program, and what the program leaves."""
    mark, program = tmp_path / "started", tmp_path / "programs" / "pre-commit"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    for name in ("post-index-change", "reference-transaction", "query-watchman", "git-log"):
        (program.parent / name).symlink_to(program)
    repo, base, fix = rig.a_repository(tmp_path)
    (repo / ".gitattributes").write_text("* diff=x filter=x merge=x -text\n")
    rig.git(repo, "add", ".gitattributes")
    rig.git(
        repo, "-c", f"gpg.program={_signing(tmp_path)}", "commit", "-q", "-S", "-m", "Fix", "-a"
    )
    attributes = repo / ".git/info/attributes"
    attributes.write_text("* diff=x filter=x merge=x\n")
    more = tmp_path / "more"
    more.write_text(f"[gpg]\n\tprogram = {program}\n[core]\n\tfsmonitor = {program}\n")
    names = {"program": program, "folder": program.parent, "more": more, "attributes": attributes}
    settings = {key: text.format(**names) for key, text in PROGRAM_SETTINGS.items()}
    return repo, base, fix, settings, mark


def _signing(folder):
    """A program that signs whatever it is given."""
    program = folder / "sign"
    program.write_text(
        "#!/bin/sh\ncat >/dev/null\necho '[GNUPG:] SIG_CREATED ' >&2\n"
        "echo '-----BEGIN PGP SIGNATURE-----'\necho\necho x\n"
        "echo '-----END PGP SIGNATURE-----'\n"
    )
    program.chmod(0o755)
    return program


def everything(repo, base, fix):
    """Whatever is ever asked of a history."""
    history = GitHistory(repo)
    steps = history.steps(since=None, until=None, paths=())
    history.describe(history.head)
    assert history.tree(history.head)
    assert history.diff(base, fix, ["purse"]).startswith("diff --git a/purse/__init__.py b/purse")
    return steps


def test_the_hostile_clone_starts_its_program_where_git_obeys_it(hostile):
    """Else the next tests could not fail."""
    repo, _, _, settings, mark = hostile
    for key in ("gpg.program", "log.showSignature"):
        rig.git(repo, "config", key, settings[key])
    rig.git(repo, "log")
    assert mark.exists()


@pytest.mark.parametrize("key", [*PROGRAM_SETTINGS, "all of them"])
def test_no_setting_of_a_clone_starts_a_program(hostile, key):
    repo, base, fix, settings, mark = hostile
    for name in settings if key == "all of them" else ("log.showSignature", key):
        with (repo / ".git/config").open("a") as config:
            section, _, rest = name.partition(".")
            middle, _, last = rest.rpartition(".")
            head = f'{section} "{middle}"' if middle else section
            config.write(f"[{head}]\n\t{last} = {settings[name]}\n")
    everything(repo, base, fix)
    assert not mark.exists()


def test_no_extension_or_file_of_a_clone_starts_a_program(hostile, tmp_path):
    repo, base, fix, settings, mark = hostile
    program = settings["gpg.program"]
    for where in ("config.worktree", "worktrees/x/config.worktree", "modules/x/config"):
        toy.write(
            repo / ".git",
            {where: f"[log]\n\tshowSignature = true\n[gpg]\n\tprogram = {program}\n"},
        )
    with (repo / ".git/config").open("a") as config:
        config.write(
            "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tworktreeConfig = true\n"
            "\tpartialClone = origin\n\tnonsense = true\n"
        )
    (repo / ".git/commondir").write_text(str(tmp_path))
    for hook in ("pre-commit", "post-checkout", "reference-transaction"):
        shutil.copy(program, repo / ".git/hooks" / hook)
    everything(repo, base, fix)
    assert not mark.exists()


def test_no_variable_of_the_caller_reaches_git(hostile, monkeypatch):
    repo, base, fix, settings, mark = hostile
    program = settings["gpg.program"]
    for name in ("EXTERNAL_DIFF", "PAGER", "SSH", "SSH_COMMAND", "ASKPASS", "EDITOR"):
        monkeypatch.setenv(f"GIT_{name}", program)
    monkeypatch.setenv("GIT_EXEC_PATH", str(Path(program).parent))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nonexistent")
    monkeypatch.setenv("GIT_TRACE", str(mark))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    for number, key in enumerate(("log.showSignature", "gpg.program")):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", key)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", settings[key])
    monkeypatch.setenv("PATH", f"{Path(program).parent}:{os.environ['PATH']}")
    (Path(program).parent / "git").symlink_to(program)
    everything(repo, base, fix)
    assert not mark.exists()


@pytest.mark.timeout(300)
def test_mining_a_hostile_clone_starts_nothing(hostile, tmp_path):
    repo, _, _, settings, mark = hostile
    for key in ("gpg.program", "core.fsmonitor", "diff.external", "log.showSignature"):
        rig.git(repo, "config", key, settings[key])
    done = arena("tasks", "mine", str(repo), "--out", "ours", cwd=tmp_path, timeout_s=250)
    assert done.code == 0, done.err
    assert not mark.exists()
    assert not list(Path(repo, ".git").glob("*.lock"))


def test_replacements_and_grafts_change_nothing(tmp_path):
    repo, base, fix = rig.a_repository(tmp_path)
    before = GitHistory(repo).tree(fix)
    rig.git(repo, "replace", "-f", fix, base)
    (repo / ".git/info/grafts").write_text(f"{fix}\n")
    (step,) = GitHistory(repo).steps(since=None, until=None, paths=())
    assert (step.sha, step.parent) == (fix, base)
    assert GitHistory(repo).tree(fix) == before


# ── the forms that clones have ─────────────────────────────────────────────────────────────────


def bare(repo, folder):
    rig.git(folder, "clone", "-q", "--bare", str(repo), "other")
    return folder / "other"


def packed(repo, folder):
    rig.git(repo, "tag", "-a", "-m", "x", "v1.2.0")
    rig.git(repo, "gc", "-q")
    rig.git(repo, "pack-refs", "--all")
    return repo


def detached(repo, folder):
    rig.git(repo, "checkout", "-q", "--detach")
    return repo


def work_tree(repo, folder):
    rig.git(repo, "worktree", "add", "-q", "-b", "more", str(folder / "other"))
    return folder / "other"


def submodule(repo, folder):
    outer = folder / "outer"
    outer.mkdir()
    rig.git(outer, "init", "-q")
    allowed = ("-c", "protocol.file.allow=always")
    rig.git(outer, *allowed, "submodule", "--quiet", "add", str(repo), "inner/purse")
    assert (outer / "inner/purse/.git").is_file()
    return outer / "inner/purse"


def of_sha256(repo, folder):
    other = folder / "other"
    other.mkdir()
    rig.git(other, "init", "-q", "--object-format=sha256", "-b", "main")
    for one in ("HEAD^", "HEAD"):
        for path in rig.git(repo, "ls-tree", "-r", "--name-only", one).split():
            toy.write(other, {path: rig.git(repo, "show", f"{one}:{path}")})
        rig.git(other, "add", "-A")
        rig.git(other, "commit", "-q", "-m", "Fix it")
    return other


def shallow(repo, folder):
    url = f"file://{repo}"
    rig.git(folder, "clone", "-q", "--depth", "2", url, "other")
    return folder / "other"


def of_another_owner(repo, folder):
    for path in (repo, *repo.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    return repo


FORMS = [bare, packed, detached, work_tree, submodule, of_sha256, shallow]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_of_a_clone_is_read(tmp_path, form):
    repo, _, _ = rig.a_repository(tmp_path)
    clone = form(repo, tmp_path)
    (step,) = GitHistory(clone).steps(since=None, until=None, paths=())
    assert step.source == ("purse/__init__.py",)
    tree = {file.path: file.data.decode() for file in GitHistory(clone).tree(step.parent)}
    assert tree["purse/__init__.py"] == toy.BEFORE
    assert rig.git(clone, "rev-parse", "HEAD").strip() == GitHistory(clone).head


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_clone_of_another_owner_is_read(tmp_path):
    repo, _, fix = rig.a_repository(tmp_path)
    assert GitHistory(of_another_owner(repo, tmp_path)).head == fix


def test_tags_tell_versions(tmp_path):
    repo, base, fix = rig.a_repository(tmp_path)
    rig.git(repo, "tag", "v1.2.0", base)
    assert GitHistory(repo).describe(fix) == "1.2.0"
    rig.git(repo, "tag", "-a", "-m", "x", "release/v1.3", fix)
    rig.git(repo, "pack-refs", "--all")
    assert GitHistory(repo).describe(fix) == "1.3"
    assert GitHistory(repo).describe(base) == "1.2.0"


def test_a_folder_of_a_clone_is_the_project_that_is_mined(tmp_path):
    repo = tmp_path / "many"
    repo.mkdir()
    rig.git(repo, "init", "-q")
    start = {"python/purse.py": toy.BEFORE, "python/test_purse.py": rig.VISIBLE, "web/a.py": "1\n"}
    base = rig.commit(repo, "Start", start)
    rig.commit(repo, "Elsewhere", {"web/a.py": "2\n", "web/test_a.py": "3\n"})
    after = {"python/purse.py": toy.AFTER, "python/test_purse.py": rig.MORE, "web/a.py": "3\n"}
    fix = rig.commit(repo, "Fix halves", after)
    history = GitHistory(repo / "python")
    (step,) = history.steps(since=None, until=None, paths=())
    assert (step.sha, step.source, step.tests) == (fix, ("purse.py",), ("test_purse.py",))
    assert {file.path for file in history.tree(base)} == {"purse.py", "test_purse.py"}
    gold = history.diff(base, fix, step.source)
    assert "diff --git a/purse.py b/purse.py" in gold
    assert "web" not in gold
    assert history.steps(since=None, until=None, paths=["purse.py"]) == [step]
    assert history.steps(since=None, until=None, paths=["nothing"]) == []


# ── clones that are broken, or lead elsewhere ──────────────────────────────────────────────────


def loose(repo, sha):
    return repo / ".git/objects" / sha[:2] / sha[2:]


def rewrite(path, text):
    """Replaces a read-only file."""
    path.unlink(missing_ok=True)
    path.write_text(text)


BROKEN = {
    "no HEAD": lambda repo, fix: (repo / ".git/HEAD").unlink(),
    "an empty HEAD": lambda repo, fix: rewrite(repo / ".git/HEAD", ""),
    "a torn HEAD": lambda repo, fix: rewrite(repo / ".git/HEAD", "ref: refs/hea"),
    "a HEAD of noise": lambda repo, fix: (repo / ".git/HEAD").write_bytes(os.urandom(99)),
    "a HEAD that goes round": lambda repo, fix: rewrite(
        repo / ".git/refs/heads/main", "ref: refs/heads/main\n"
    ),
    "a HEAD that leads out": lambda repo, fix: rewrite(
        repo / ".git/HEAD", "ref: refs/../../../../secret\n"
    ),
    "a HEAD that names nothing": lambda repo, fix: rewrite(repo / ".git/HEAD", f"{'0' * 40}\n"),
    "a folder as HEAD": lambda repo, fix: (rewrite(repo / ".git/HEAD", "")
        or (repo / ".git/HEAD").unlink() or (repo / ".git/HEAD").mkdir()),
    "a pipe as HEAD": lambda repo, fix: (repo / ".git/HEAD").unlink() or os.mkfifo(repo / ".git/HEAD"),
    "a pipe as packed-refs": lambda repo, fix: (repo / ".git/refs/heads/main").unlink()
        or os.mkfifo(repo / ".git/packed-refs"),
    "a pipe as object": lambda repo, fix: loose(repo, fix).unlink() or os.mkfifo(loose(repo, fix)),
    "a pipe as pack": lambda repo, fix: os.mkfifo(repo / ".git/objects/pack/pack-a.pack"),
    "a torn commit": lambda repo, fix: rewrite(loose(repo, fix), "x"),
    "no commit": lambda repo, fix: loose(repo, fix).unlink(),
    "no objects": lambda repo, fix: shutil.rmtree(repo / ".git/objects"),
    "a file as objects": lambda repo, fix: shutil.rmtree(repo / ".git/objects")
        or (repo / ".git/objects").write_text(""),
    "a file as .git": lambda repo, fix: shutil.rmtree(repo / ".git") or (repo / ".git").write_text("x"),
    "a pipe as .git": lambda repo, fix: shutil.rmtree(repo / ".git") or os.mkfifo(repo / ".git"),
    "an empty .git": lambda repo, fix: shutil.rmtree(repo / ".git") or (repo / ".git").mkdir(),
    "references in tables": lambda repo, fix: (repo / ".git/reftable").mkdir()
        or rewrite(repo / ".git/HEAD", "ref: refs/heads/.invalid\n"),
    "no clone": lambda repo, fix: shutil.rmtree(repo / ".git"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_clone_is_refused_on_one_line(tmp_path, name):
    repo, _, fix = rig.a_repository(tmp_path)
    BROKEN[name](repo, fix)
    with pytest.raises(InputError) as caught:
        GitHistory(repo)
    assert str(repo) in caught.value.where
    assert "\n" not in caught.value.line()


def test_a_broken_clone_ends_the_command_with_one_line(tmp_path):
    repo, _, fix = rig.a_repository(tmp_path)
    rewrite(loose(repo, fix), "x")
    done = arena("tasks", "mine", str(repo), "--out", "ours", cwd=tmp_path, timeout_s=60)
    assert done.code == 2
    assert len(done.err.strip().splitlines()) == 1
    assert "Traceback" not in done.err


def private(folder):
    """Another repository of the same person."""
    other = folder / "private"
    other.mkdir()
    rig.git(other, "init", "-q", "-b", "main")
    return other, rig.commit(other, "Secret", {"purse.py": "KEY = 1\n"})


def by_objects(repo, other, sha):
    shutil.rmtree(repo / ".git/objects")
    (repo / ".git/objects").symlink_to(other / ".git/objects")


def by_loose_folder(repo, other, sha):
    target = repo / ".git/objects" / sha[:2]
    shutil.rmtree(target, ignore_errors=True)
    target.symlink_to(other / ".git/objects" / sha[:2])


def by_loose_file(repo, other, sha):
    loose(repo, sha).parent.mkdir(exist_ok=True)
    loose(repo, sha).symlink_to(loose(other, sha))


def by_pack(repo, other, sha):
    rig.git(other, "gc", "-q")
    for file in (other / ".git/objects/pack").iterdir():
        (repo / ".git/objects/pack" / file.name).symlink_to(file)


def by_alternates(repo, other, sha):
    (repo / ".git/objects/info/alternates").write_text(f"{other}/.git/objects\n")


def by_commondir(repo, other, sha):
    (repo / ".git/commondir").write_text(f"{other}/.git\n")


def by_linked_git(repo, other, sha):
    shutil.rmtree(repo / ".git")
    (repo / ".git").symlink_to(other / ".git")


def by_git_file(repo, other, sha):
    shutil.rmtree(repo / ".git")
    (repo / ".git").write_text(f"gitdir: {other}/.git\n")


def by_work_tree(repo, other, sha):
    rig.git(other, "worktree", "add", "-q", "-b", "more", str(other.parent / "tree"))
    shutil.rmtree(repo / ".git")
    (repo / ".git").write_text(f"gitdir: {other}/.git/worktrees/tree\n")


def by_linked_refs(repo, other, sha):
    by_alternates(repo, other, sha)
    shutil.rmtree(repo / ".git/refs")
    (repo / ".git/refs").symlink_to(other / ".git/refs")


WAYS = [
    *(by_objects, by_loose_folder, by_loose_file, by_pack, by_alternates, by_commondir),
    *(by_linked_git, by_git_file, by_work_tree, by_linked_refs),
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_clone_leads_to_no_other_repository(tmp_path, way):
    repo, _, _ = rig.a_repository(tmp_path)
    other, sha = private(tmp_path)
    rewrite(repo / ".git/HEAD", f"{sha}\n")
    way(repo, other, sha)
    with pytest.raises(InputError):
        GitHistory(repo)


# ── candidates that cannot be read ─────────────────────────────────────────────────────────────


def stored(repo, kind, data):
    """A loose object as it is given, right or wrong."""
    whole = b"%s %d\0%s" % (kind.encode(), len(data), data)
    sha = sha1(whole).hexdigest()
    loose(repo, sha).parent.mkdir(exist_ok=True)
    loose(repo, sha).unlink(missing_ok=True)
    loose(repo, sha).write_bytes(zlib.compress(whole))
    return sha


def committed(repo, tree, parent, message=b"Fix it\n", more=b""):
    who = b"A <a@example.org> 1700000000 +0000"
    head = f"tree {tree}\nparent {parent}\n".encode() + b"author %s\ncommitter %s\n" % (who, who)
    sha = stored(repo, "commit", head + more + b"\n" + message)
    rewrite(repo / ".git/refs/heads/main", f"{sha}\n")
    return sha


def entries(repo, *listed):
    parts = (f"{mode} ".encode() + name + b"\0" + bytes.fromhex(sha) for mode, name, sha in listed)
    return stored(repo, "tree", b"".join(parts))


@pytest.mark.parametrize(
    "name", [b"..", b".", b".git", b".GIT", b"../../../escaped", b"/absolute", b""]
)
def test_a_tree_that_leads_out_of_itself_cannot_be_read(tmp_path, name):
    repo, _, fix = rig.a_repository(tmp_path)
    blob = stored(repo, "blob", b"x")
    inner = entries(repo, ("100644", b"a.py", blob))
    sha = committed(
        repo, entries(repo, ("40000", name or b"x", inner), ("100644", name, blob)), fix
    )
    with pytest.raises(GitError):
        GitHistory(repo).tree(sha)


@pytest.mark.parametrize("names", [(b"a", b"a"), (b"x", b"a"), (b"n" * 256, b"a")])
def test_a_tree_that_no_folder_can_hold_cannot_be_read(tmp_path, names):
    repo, _, fix = rig.a_repository(tmp_path)
    blob = stored(repo, "blob", b"x")
    inner = entries(repo, ("100644", b"a.py", blob))
    files = [("100644", name, blob) for name in names]
    sha = committed(repo, entries(repo, ("40000", b"x", inner), *files), fix)
    with pytest.raises(GitError):
        GitHistory(repo).tree(sha)


def test_what_cannot_be_read_falls_alone(tmp_path):
    repo, _, fix = rig.a_repository(tmp_path)
    lost = rig.commit(
        repo, "Lost tree", {"purse/more.py": "A = 1\n", "tests/test_b.py": "def test_b(): pass\n"}
    )
    tree = rig.git(repo, "rev-parse", f"{lost}:purse").strip()
    after = rig.commit(
        repo, "Fix more", {"purse/last.py": "A = 2\n", "tests/test_c.py": "def test_c(): pass\n"}
    )
    loose(repo, tree).unlink()
    steps = {step.sha: step for step in GitHistory(repo).steps(since=None, until=None, paths=())}
    assert set(steps) == {fix, lost, after}
    assert steps[lost].unreadable
    assert tree[:7] in steps[lost].unreadable
    assert not steps[fix].unreadable


def test_a_message_cannot_pass_for_more_commits(tmp_path):
    repo, base, fix = rig.a_repository(tmp_path)
    out = tmp_path / "written"
    forged = f"Fix\x1e--output={out}\x1f{base}\x1f2024\x1fFix\x1e\n\n{fix}\n{base}\n2024\nFix\n"
    sha = committed(
        repo, rig.git(repo, "rev-parse", f"{base}^{{tree}}").strip(), fix, forged.encode()
    )
    steps = GitHistory(repo).steps(since=None, until=None, paths=())
    assert [step.sha for step in steps] == [sha, fix]
    assert not out.exists()


@pytest.mark.parametrize("name", ["--output=x", "-h", "a\0b", "a\nb", "HEAD:purse", "nothing", ""])
def test_a_commit_is_only_ever_a_name(tmp_path, name):
    repo, _, _ = rig.a_repository(tmp_path)
    clone = BorrowedClone(repo)
    with pytest.raises(GitError):
        clone.commit(name)
    assert GitHistory(repo).describe(name) is None


def test_other_encodings_are_read(tmp_path):
    repo, base, fix = rig.a_repository(tmp_path)
    tree = rig.git(repo, "rev-parse", f"{base}^{{tree}}").strip()
    said = "Fix größe".encode("latin-1")
    first = committed(repo, tree, fix, said, b"encoding ISO-8859-1\n")
    second = committed(repo, rig.git(repo, "rev-parse", f"{fix}^{{tree}}").strip(), first, said)
    steps = GitHistory(repo).steps(since=None, until=None, paths=())
    assert [step.sha for step in steps] == [second, first, fix]
    assert steps[1].message == "Fix größe"
    assert steps[0].message.startswith("Fix gr")


# ── limits ─────────────────────────────────────────────────────────────────────────────────────


def test_output_and_time_have_limits(tmp_path):
    own = tmp_path / "own"
    make_repository(own)
    data = b"x" * 100_000
    sha = run_git(["hash-object", "-w", "--stdin"], cwd=own, git_dir=own, stdin=data)
    words = ["cat-file", "blob", sha.decode().strip()]
    assert run_git(words, cwd=own, git_dir=own) == data
    with pytest.raises(GitLimitError, match="says too much"):
        run_git(words, cwd=own, git_dir=own, output_limit=99_999)
    with pytest.raises(GitLimitError, match="takes too long"):
        run_git(words, cwd=own, git_dir=own, timeout_s=0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is the kernel's")
def test_an_object_that_unpacks_to_more_than_git_may_hold_is_refused(tmp_path, monkeypatch):
    repo, base, fix = rig.a_repository(tmp_path)
    tree = rig.git(repo, "rev-parse", f"{base}^{{tree}}").strip()
    sha = committed(repo, tree, fix, b"Fix it\n" + bytes(96 << 20))
    assert BorrowedClone(repo).head == sha
    monkeypatch.setattr("arena.git._MEMORY_BYTES", 64 << 20)
    with pytest.raises(InputError, match="no git repository with a whole commit"):
        BorrowedClone(repo)
