"""What of the machine's own settings is laid on an image while it is built."""

from arena.sandbox.image import settings


def test_no_tool_is_pointed_at_a_bundle_that_is_not_laid(monkeypatch, tmp_path):
    for name in settings._CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(settings, "_LOCAL_CA", tmp_path)
    monkeypatch.setattr(settings, "_SYSTEM_CA", tmp_path / "bundle")
    (tmp_path / "own.crt").write_text("one\n")

    def pointed():
        return [one.path for one in settings.files() if settings._CA.encode() in one.data]

    assert pointed() == [], "the system has no bundle"
    (tmp_path / "bundle").write_text("all\n")
    assert pointed() == [settings._APT_FILE, settings._PIP_FILE, *settings._NPM_FILES]
