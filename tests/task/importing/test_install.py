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
    monkeypatch.setattr(module, "CACHE", str(tmp_path / "cache"))
    return module


def wheel(folder, name, needs="", version="1.0"):
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as made:
        made.writestr(f"{name}.py", "")
        made.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
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


def test_what_needs_a_package_in_vain_is_set_aside_in_every_version(install, tmp_path):
    wheel(tmp_path, "one", "Requires-Dist: gone\n")
    wheel(tmp_path, "one", "Requires-Dist: gone>=1\n", version="2.0")
    wheel(tmp_path, "two")
    assert install.wheels([], ["one", "two"]) == (True, ["one"])


@pytest.mark.parametrize("versions", [["1.0"], ["1.0", "2.0"]])
def test_what_only_a_need_lacks_a_wheel_of_is_built_from_source(install, tmp_path, versions):
    for version in versions:
        wheel(tmp_path, "one", "Requires-Dist: deep\n", version=version)
    backend = (
        "import os, zipfile\nname = 'deep-1.0-py3-none-any.whl'\ninfo = 'deep-1.0.dist-info'\n"
    )
    backend += (
        "def build_wheel(to, *_):\n    with zipfile.ZipFile(os.path.join(to, name), 'w') as made:\n"
    )
    backend += "        made.writestr('deep.py', '')\n        made.writestr(f'{info}/RECORD', '')\n"
    meta = "Metadata-Version: 2.1\\nName: deep\\nVersion: 1.0\\n"
    tag = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    backend += f"        made.writestr(f'{{info}}/METADATA', '{meta}')\n"
    backend += f"        made.writestr(f'{{info}}/WHEEL', '{tag}')\n    return name\n"
    project = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
    with zipfile.ZipFile(tmp_path / "deep-1.0.zip", "w") as made:
        made.writestr("deep-1.0/backend.py", backend)
        made.writestr("deep-1.0/pyproject.toml", project)
    assert install.wheels([], ["one"]) == (True, [])
    assert {path.name for path in (tmp_path / "target").glob("*.py")} == {"one.py", "deep.py"}


def test_packages_that_do_not_fit_each_other_are_no_reason_to_set_one_aside(install, tmp_path):
    wheel(tmp_path, "one", "Requires-Dist: three<2\n")
    wheel(tmp_path, "two", "Requires-Dist: three>=2\n")
    wheel(tmp_path, "three")
    wheel(tmp_path, "three", version="2.0")
    assert install.wheels([], ["one", "two"]) == (False, ["one", "two"])


def test_compilers_are_fetched_for_what_the_repository_runs_with_alone(install, monkeypatch):
    fetched = []
    monkeypatch.setattr(install, "compilers", lambda: fetched.append(True))
    assert list(install.alone("one>=1", [], {"two"}))[2:] == [["one>=1"], ["one"]]
    assert not fetched
    assert list(install.alone("one>=1", [], {"one"}))[2:] == [["one>=1"], ["one"]]
    assert fetched


def test_nothing_at_all_is_nothing_to_wait_for(install):
    assert install.wheels([], []) == (True, [])


def test_what_its_day_has_no_wheel_of_is_had_of_a_later_day_together(install, monkeypatch):
    tried = []

    def pip(*words, said=None):
        tried.append(words)
        lines = [word for word in words if not word.startswith("-")]
        new = [one for one in lines if one in {"new", "newer"}]
        if new and "2022-06-01T00:00:00Z" in words:
            said.append(
                f"ERROR: Could not find a version that satisfies the requirement {new[0]} (x)"
            )
            return False
        return True

    monkeypatch.setattr(install, "pip", pip)
    assert install.needs({"date": "2022-06-01"}, ["old", "new", "newer"], set()) == []
    assert [words[-1] for words in tried] == ["newer", "newer", "old", "newer"]
    assert tried[-1][1:] == ("2023-06-01T00:00:00Z", install.WHEELS, "new", "newer")


def test_of_an_old_rows_needs_only_what_the_image_has_for_pytest_stays_away(install, monkeypatch):
    needs = ["iniconfig", "pluggy<2", "never-installed>=1", 'other; extra == "dev"']
    monkeypatch.setattr(install.importlib.metadata, "requires", lambda _: needs)
    assert install.of_pytest({"name": "toy"}) == {"pytest", "iniconfig", "pluggy", "py"}
    assert install.of_pytest({"name": "pytest"}) == {"pytest", "iniconfig", "pluggy"}
