"""Shared fixtures. Tests use the real engine and real HTTP on 127.0.0.1; nothing else is reachable."""

import os

import pytest

KEYS = [name for name in os.environ if name.endswith(("_API_KEY", "_KEY", "_TOKEN"))]


@pytest.fixture(autouse=True)
def _no_real_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
