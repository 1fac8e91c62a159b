"""What CONTRIBUTING says of an importer and of a language: one module, one line of a registry."""

from dataclasses import replace

import pytest

from arena.errors import InputError
from arena.records import File, Record
from arena.task.formats.instances import Unreadable
from arena.task.importing import suite
from arena.task.importing.importer import Imported, Importer, NotImportableError
from arena.task.mining import pipeline, pytest_runner


class Line(Record):
    instance_id: str


def read(path):
    for line in path.read_text().split():
        yield (
            Unreadable(instance_id=line, reason="too odd")
            if line == "odd"
            else Line(instance_id=line)
        )


def make(line, source):
    if line.instance_id == "bad":
        raise NotImportableError("it is bad")
    return Imported(instance_id=line.instance_id, task=f"{source.pack}-{line.instance_id}")


def test_an_importer_is_a_line_of_the_registry(tmp_path, monkeypatch):
    (tmp_path / "suite.lines").write_text("good odd bad\n")
    mine = Importer(takes=lambda path: path.suffix == ".lines", read=read, make=make)
    monkeypatch.setattr(suite, "IMPORTERS", (mine, *suite.IMPORTERS))
    request = suite.ImportRequest(path=tmp_path / "suite.lines", out=tmp_path / "out")
    report = suite.import_suite(request, None, lambda _: None)
    assert [one.task for one in report.tasks] == ["out-good"]
    assert {one.instance_id: one.reason for one in report.refused} == {
        "odd": "too odd",
        "bad": "it is bad",
    }


def test_an_id_that_is_no_name_or_stands_twice_harms_nothing(tmp_path, monkeypatch):
    (tmp_path / "suite.lines").write_text("good /// images Good\n")
    (tmp_path / "out/good").mkdir(parents=True)
    mine = Importer(takes=lambda path: path.suffix == ".lines", read=read, make=make)
    monkeypatch.setattr(suite, "IMPORTERS", (mine, *suite.IMPORTERS))
    request = suite.ImportRequest(path=tmp_path / "suite.lines", out=tmp_path / "out")
    report = suite.import_suite(request, None, lambda _: None)
    assert [one.instance_id for one in report.tasks] == ["good"]
    assert {one.instance_id: one.reason for one in report.refused} == {
        "///": "its id can be no name of a folder",
        "images": "its id can be no name of a folder",
        "Good": "another one before it has this name",
    }
    assert (tmp_path / "out/good").is_dir()


def test_a_path_that_no_importer_takes(tmp_path):
    request = suite.ImportRequest(path=tmp_path / "gone", out=tmp_path / "out")
    with pytest.raises(InputError, match="gone: no such file or folder"):
        suite.import_suite(request, None, lambda _: None)


def test_a_language_is_a_line_of_the_registry(monkeypatch):
    ruby = replace(pytest_runner.PYTHON, manifests=("Gemfile",), suffixes=(".rb",))
    tree = [File(path="Gemfile", data=b""), File(path="a.rb", data=b"")]
    with pytest.raises(InputError, match="no program text of python, javascript, go"):
        pipeline.language_of(tree, "here")
    monkeypatch.setattr(pipeline, "LANGUAGES", (*pipeline.LANGUAGES, ruby))
    assert pipeline.language_of(tree, "here") is ruby
