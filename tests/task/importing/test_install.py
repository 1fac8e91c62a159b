"""What an environment is installed from: run by the real pip, from wheels made here."""

import importlib.util
import zipfile

import pytest

from arena.resources import sandboxes_dir


@pytest.fixture
def install(monkeypatch, tmp_path):
    path = sandboxes_dir() / "stand-ins" / "install.py"
    spec = importlib.util.spec_from_file_location("install", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "target"))
    return module


def wheel(folder, name, needs=""):
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as made:
        made.writestr(f"{name}.py", "")
        made.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}"
        )
        made.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        made.writestr(f"{info}/RECORD", "")


def test_a_line_that_no_index_serves_is_set_aside(install, tmp_path):
    wheel(tmp_path, "one")
    wheel(tmp_path, "two")
    assert install.wheels([], ["one>=1", "gone==3", "Two", "far.away"]) == (
        True,
        ["gone==3", "far.away"],
    )
    assert {path.name for path in (tmp_path / "target").glob("*.py")} == {"one.py", "two.py"}


def test_what_a_package_needs_in_vain_cannot_be_set_aside(install, tmp_path):
    wheel(tmp_path, "one", "Requires-Dist: gone\n")
    assert install.wheels([], ["one"]) == (False, [])


def test_nothing_at_all_is_nothing_to_wait_for(install):
    assert install.wheels([], []) == (True, [])
