"""Installs a repository and what its tests need, inside the build of an image.

    python3 install.py told.json

Run in the repository's folder. It is installed there by its own build backend, its needs as they
were at a date. What fails is tried with less: a later date, no date and no bounds, line by line.
What is left out stands in `left_out.json` beside `told.json`; nothing of it makes the build fail.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FIRST = ("2022-12-15", "2023-06-01")
"""Before these, most and many a package has no wheel for a Python of today."""
OLD_TOOLS = ("setuptools==65.5.1", "wheel", "setuptools_scm<8", "pbr", "cython<3")
SECONDS, OWN_SECONDS = 300, 900
"""Longest that one try may take, and one of the repository itself: some would compile for hours."""
CACHE = "/opt/environment/cache"
"""One try looks up much of what the one before it did; nothing of it stays in the image."""
WHEELS = "--only-binary=:all:"
MARKER_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
MISSING = re.compile(r"satisfies the requirement (\S+)(?: \(from ([\w.-]+)\))?")
"""Of pip: a package that it could not find, and the one that needs it."""
LACKING = re.compile(r"no matching distributions available for your environment:\n((?: +\S+\n)+)")
"""Of pip: what several packages or versions of one need, and is not there."""
CONFLICT = re.compile(r"Cannot install (.+) because these package versions")
"""Of pip: all versions of a package, or several packages, whose needs cannot be met."""


def pip(*words: str, said: list[str] | None = None, seconds: float = SECONDS) -> bool:
    """Whether pip could install; what it complains of is added to `said`."""
    command = [sys.executable, "-m", "pip", "install", f"--cache-dir={CACHE}"]
    command += ["--prefer-binary", "--progress-bar=off", "--root-user-action=ignore", *words]
    print("pip install", " ".join(words)[:300], flush=True)
    try:
        done = subprocess.run(command, check=False, timeout=seconds, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return False
    sys.stderr.write(done.stderr)  # the rest has addresses of indexes
    if said is not None:
        said += [*done.stdout.splitlines(), *done.stderr.splitlines()]
    return done.returncode == 0


def compilers() -> None:
    """Install what building from source takes, where the image does not have it."""
    if shutil.which("cc"):
        return
    apt = ["apt-get", "-qq", "--yes", "--no-install-recommends"]
    subprocess.run([*apt, "update"], check=False)
    subprocess.run([*apt, "install", "build-essential", "python3-dev"], check=False)


def until(date: str) -> list[str]:
    """The option that leaves out what was uploaded later."""
    return ["--uploaded-prior-to", f"{date}T00:00:00Z"] if date else []


def own(told: dict[str, Any]) -> bool:
    """Install the repository itself; whether its backend could.

    Its build is made for the tools of its day.
    """
    if not any(map(os.path.exists, ("pyproject.toml", "setup.py", "setup.cfg"))):
        return False
    version = told["version"] or "0.0.0"
    os.environ.update(SETUPTOOLS_SCM_PRETEND_VERSION=version, PBR_VERSION=version)
    here = ("--no-deps", "-e", ".")
    ways = [(*until(max(told["date"], FIRST[0])), *here), here]
    if any(pip(*way) for way in ways):
        return True
    compilers()
    if any(pip(*way, seconds=OWN_SECONDS) for way in ways):
        return True
    if not pip(*OLD_TOOLS, *told["build"]):
        pip(*OLD_TOOLS)
    return pip("--no-build-isolation", *here, seconds=OWN_SECONDS)


def noted(told: dict[str, Any]) -> None:
    """Let a repository that cannot be built look like an installed one."""
    name, version = told["name"].replace("-", "_"), told["version"] or "0.0.0"
    if not name:
        return
    folder = Path(sysconfig.get_path("purelib"), f"{name}-{version}.dist-info")
    folder.mkdir(parents=True, exist_ok=True)
    head = f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {version}\n"
    (folder / "METADATA").write_text(head)
    (folder / "entry_points.txt").write_text(told["entry_points"])


def declared(told: dict[str, Any]) -> Iterator[str]:
    """What its metadata says that it needs, and needs for its tests."""
    for found in importlib.metadata.distributions():
        if _normal(found.metadata["Name"] or "") != told["name"]:
            continue
        for line in found.requires or ():
            extra = MARKER_EXTRA.search(line)
            if not extra:
                yield line
            elif re.fullmatch(told["extras"], extra[1].lower()) and not is_tool(line, told):
                rest = re.sub(r"\s*(and\s*)?" + MARKER_EXTRA.pattern, "", line)
                yield re.sub(r";\s*(and\s*)?$", "", rest).strip()


def is_tool(line: str, told: dict[str, Any]) -> bool:
    """Whether a line names a tool of development, which no test needs."""
    name = name_of(line)
    return name in told["tools"] or name.startswith(("types-", "sphinx"))


def name_of(line: str) -> str:
    """Its package, as indexes write it."""
    match = NAME.match(line)
    return _normal(match[0]) if match else ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def of_pytest(told: dict[str, Any]) -> set[str]:
    """What the image has for its pytest, with `py`, which only pytest's own tests want whole."""
    needed = importlib.metadata.requires("pytest") or ()
    there = {_normal(found.metadata["Name"] or "") for found in importlib.metadata.distributions()}
    kept = {name_of(one) for one in needed if "extra" not in one} & there
    return {"pytest"} | kept | ({"py"} if told["name"] != "pytest" else set())


def needs(told: dict[str, Any], lines: list[str], runs: set[str]) -> list[str]:
    """Install what is needed, `runs` by the repository itself; the lines that could not be.

    Wheels come first, of a later day too: to compile what others did takes hours. A line that no
    index can serve is set aside, so that the others keep their day.
    """
    dates = list(dict.fromkeys(max(told["date"], first) for first in ("", *FIRST)))
    later, found, aside = until(dates[-1]), False, list[str]()
    for date in dates:
        found, aside = wheels(until(date), lines)
        if found:
            if date != dates[-1]:
                _, aside = wheels(later, aside)
            break
    if not found:
        compilers()
        for options in (later, until(told["date"]), []):
            if pip(*options, *lines):
                return []
    return [line for line in aside if not any(pip(*one) for one in alone(line, later, runs))]


def wheels(options: list[str], lines: list[str]) -> tuple[bool, list[str]]:
    """Install the lines that there are wheels for together; whether it could, and the others.

    What no line names but one needs, and has no wheel, is first tried from source, without a
    compiler: a line had of a later day because of it might not fit the others.
    """
    kept, aside = list(lines), list[str]()
    needed, tried = set[str](), False
    while kept:
        said = list[str]()
        sources = [f"--no-binary={name}" for name in sorted(needed)]
        if pip(*options, WHEELS, *sources, *kept, said=said):
            return True, aside
        if sources:
            needed = set()
            continue
        told = "\n".join(said)
        if not tried:
            needed = lacking(told) - set(map(name_of, lines))
            tried = True
            if needed:
                continue
        missing = unmet(told)
        away = [line for line in kept if name_of(line) in missing]
        if not away:
            return False, lines
        kept = [line for line in kept if line not in away]
        aside += away
    return True, aside


def lacking(said: str) -> set[str]:
    """Packages that pip could not find."""
    listed = " ".join(LACKING.findall(said)).split()
    return set(map(name_of, [*listed, *(name for name, _ in MISSING.findall(said))]))


def unmet(said: str) -> set[str]:
    """Packages that pip could not find, and those that need what it could not."""
    found = {name_of(name) for two in MISSING.findall(said) for name in two}
    for conflict in CONFLICT.findall(said):
        names = {name_of(one) for one in re.split(r",\s*|\s+and\s+", conflict)}
        found |= names if len(names) == 1 else set()
    return found


def alone(line: str, later: list[str], runs: set[str]) -> Iterator[list[str]]:
    """Ways to install one line, the best first; tests alone want nothing that is compiled."""
    name, marker = name_of(line), line.partition(";")[2]
    yield [*later, WHEELS, line]
    yield [WHEELS, f"{name} ; {marker}" if marker else name]
    if name in runs:
        compilers()
    yield [*later, line]
    yield [name]


def main(where: Path) -> None:
    """Install everything that `told.json` asks for."""
    told = json.loads(where.read_text())
    built = own(told)
    if not built:
        noted(told)
    given = told["given"]
    chosen = {name_of(line) for line in given}
    away = chosen | {name_of(line) for line in told["without"]} | {told["name"]}
    if told["date"] < "2022-11":  # an older one does not run on this Python; the image has one
        away |= of_pytest(told)
    own_needs = list(declared(told))
    others = [*own_needs, *told["requirements"]]
    lines = [*given, *(line for line in others if name_of(line) not in away)]
    runs = set(map(name_of, [*given, *own_needs] if built else lines))
    left_out = [] if built else ["the repository itself"]
    left_out += needs(told, list(dict.fromkeys(lines)), runs)
    where.with_name("left_out.json").write_text(json.dumps(left_out))
    shutil.rmtree(CACHE, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
