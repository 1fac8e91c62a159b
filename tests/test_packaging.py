"""The wheel works away from the checkout, with everything it ships."""

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: object, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PYTHONSAFEPATH": "1", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare environment with the built wheel; third-party packages come from this one."""
    folder = tmp_path_factory.mktemp("wheel")
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT),
        cwd=folder,
    )
    wheel = next(folder.glob("*.whl"))
    environment = folder / "venv"
    venv.create(environment, with_pip=True)
    pip = environment / "bin" / "pip"
    run(pip, "install", "-q", "--no-deps", "--no-index", wheel, cwd=folder)
    ours = next(Path(p) for p in sys.path if p.endswith("site-packages"))
    site = next((environment / "lib").glob("python*/site-packages"))
    # Editable installs put the checkout on the path by a .pth file, which this does not read.
    (site / "third_party.pth").write_text(f"{ours}\n")
    return environment / "bin" / "arena"


def test_shipped_data_is_in_the_wheel(installed, tmp_path):
    listed = run(installed, "tasks", "list", "core", "--format", "json", cwd=tmp_path)
    assert "core/interval-merge" in listed
    where = run(
        *(installed.with_name("python"), "-c"),
        "import arena; print(arena.__file__)",
        cwd=tmp_path,
    )
    assert str(ROOT) not in where
    data = Path(where.strip()).parent / "_data"
    for needed in ("sandboxes/python/Dockerfile", "sandboxes/engine/base.sh", "reports/templates"):
        assert (data / needed).exists(), needed


def test_a_bakeoff_from_the_wheel(installed, tmp_path):
    (tmp_path / "b.toml").write_text(
        'name = "w"\ntasks = ["core/interval-merge"]\n'
        '[[contestant]]\nname = "oracle"\nagent = "oracle"\n'
        '[[contestant]]\nname = "nop"\nagent = "nop"\n'
    )
    out = run(installed, "run", "b.toml", cwd=tmp_path)
    assert "oracle" in out
    assert (tmp_path / "runs" / "w" / "report" / "index.html").is_file()
