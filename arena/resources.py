"""Where shipped data lies: in the checkout, or inside the installed package."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def tasks_dir() -> Path:
    """Folder of the shipped task packs."""
    return _find("tasks")


def sandboxes_dir() -> Path:
    """Folder of the sandbox images and of the engine's scripts."""
    return _find("sandboxes")


def reports_dir() -> Path:
    """Folder of the page templates and samples."""
    return _find("reports")


def _find(name: str) -> Path:
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
