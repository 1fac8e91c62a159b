"""What CONTRIBUTING says of an importer and of a language: one module, one line of a registry."""

import json
import time
from dataclasses import replace

import pytest

from arena.errors import EngineError, HarnessError, InputError
from arena.records import File, Record
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.build import DockerfileError
from arena.task.formats.instances import Unreadable
from arena.task.importing import suite
from arena.task.importing.importer import Imported, Importer, ImportRequest, NotImportableError
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
    if line.instance_id == "worse":
        raise InputError("no sound tree")
    if line.instance_id == "unbuilt":
        raise DockerfileError("step 2 fails")
    return Imported(instance_id=line.instance_id, task=f"{source.pack}-{line.instance_id}")


def test_an_importer_is_a_line_of_the_registry(tmp_path, monkeypatch):
    (tmp_path / "suite.lines").write_text("good odd bad worse unbuilt\n")
    mine = Importer(takes=lambda path: path.suffix == ".lines", read=read, make=make)
    monkeypatch.setattr(suite, "IMPORTERS", (mine, *suite.IMPORTERS))
    request = ImportRequest(path=tmp_path / "suite.lines", out=tmp_path / "out")
    report = suite.import_suite(request, None, lambda _: None)
    assert [one.task for one in report.tasks] == ["out-good"]
    assert {one.instance_id: one.reason for one in report.refused} == {
        "odd": "too odd",
        "bad": "it is bad",
        "worse": "no sound tree",
        "unbuilt": "step 2 fails",
    }
    assert not any(one.fault for one in report.refused)
    written = json.loads((tmp_path / "out/import.json").read_text())["yields"]
    counted = [(one["outcome"], one["count"]) for one in written]
    assert counted == [("kept", 1), *((one.reason, 1) for one in report.refused)]
    assert [one["seconds_each"] >= 0 for one in written] == [True] * 5


def test_an_id_that_is_no_name_or_stands_twice_harms_nothing(tmp_path, monkeypatch):
    (tmp_path / "suite.lines").write_text("good /// images Good\n")
    (tmp_path / "out/good").mkdir(parents=True)
    mine = Importer(takes=lambda path: path.suffix == ".lines", read=read, make=make)
    monkeypatch.setattr(suite, "IMPORTERS", (mine, *suite.IMPORTERS))
    request = ImportRequest(path=tmp_path / "suite.lines", out=tmp_path / "out")
    report = suite.import_suite(request, None, lambda _: None)
    assert [one.instance_id for one in report.tasks] == ["good"]
    assert {one.instance_id: one.reason for one in report.refused} == {
        "///": "its id can be no name of a folder",
        "images": "its id can be no name of a folder",
        "Good": "another one before it has this name",
    }
    assert (tmp_path / "out/good").is_dir()


def importing(tmp_path, monkeypatch, text, engine, made, **limits):
    """Imports lines with an importer of the test's own: the report, and what was said."""
    (tmp_path / "suite.lines").write_text(text)
    mine = Importer(takes=lambda path: path.suffix == ".lines", read=read, make=made)
    monkeypatch.setattr(suite, "IMPORTERS", (mine, *suite.IMPORTERS))
    path, out = tmp_path / "suite.lines", tmp_path / "out"
    request = ImportRequest(path=path, out=out, jobs=1, **limits)
    said: list[str] = []
    return suite.import_suite(request, engine, said.append), said


def test_a_fault_ends_one_thing_and_the_next_import_goes_on(tmp_path, monkeypatch, engine):
    asked: list[str] = []
    written: list[str] = []

    def made(line, source):
        report = tmp_path / "out" / suite.REPORT
        for _ in range(200 if asked else 0):  # written beside the next one, while that goes on
            if report.is_file() and f'"{asked[-1]}"' in report.read_text():
                break
            time.sleep(0.05)
        written.append(report.read_text() if report.is_file() else "")
        asked.append(line.instance_id)
        (source.out / line.instance_id).mkdir(parents=True, exist_ok=True)
        if line.instance_id == "struck" and asked.count("struck") == 1:
            raise EngineError("the engine lost it")
        if line.instance_id == "slow" and asked.count("slow") == 1:
            raise HarnessError("pip did not end")
        return make(line, source).model_copy(update={"task": line.instance_id})

    text = "one struck slow two"
    report, said = importing(tmp_path, monkeypatch, text, engine, made)
    assert [one.task for one in report.tasks] == ["one", "two"]
    reasons = {one.instance_id: one.reason for one in report.refused}
    assert reasons == {
        "struck": "engine: the engine lost it",
        "slow": "harness: pip did not end",
    }
    assert not (tmp_path / "out/struck").exists()
    assert [line.partition(":")[0] for line in said] == [
        f"[{number}/4] {name}" for number, name in enumerate(text.split(), 1)
    ]
    assert '"one"' in written[1], "what is done is written down while the next goes on"
    again, said = importing(tmp_path, monkeypatch, text, engine, made)
    assert asked == [*text.split(), "struck", "slow"]
    assert sorted(str(one.task) for one in again.tasks) == sorted(text.split())
    assert (again.refused, len(said)) == ((), 2)


def test_a_refusal_holds_for_the_limits_it_was_made_under(tmp_path, monkeypatch):
    asked: list[str] = []

    def made(line, source):
        asked.append(line.instance_id)
        (source.out / line.instance_id).mkdir(parents=True, exist_ok=True)
        return make(line, source).model_copy(update={"task": line.instance_id})

    for seconds in (900, 900, 1800):
        importing(tmp_path, monkeypatch, "good bad", None, made, run_seconds=seconds)
    assert asked == ["good", "bad", "bad"]


def test_an_import_ends_where_no_engine_answers_any_more(tmp_path, monkeypatch):
    def made(line, source):
        if line.instance_id == "two":
            raise EngineError("connection refused")
        (source.out / line.instance_id).mkdir(parents=True, exist_ok=True)
        return make(line, source).model_copy(update={"task": line.instance_id})

    gone = DockerEngine(f"unix://{tmp_path}/gone.sock")
    with pytest.raises(EngineError, match="no container engine answers"):
        importing(tmp_path, monkeypatch, "one two three", gone, made)
    report, _ = importing(tmp_path, monkeypatch, "one", gone, made)
    assert [one.task for one in report.tasks] == ["one"]


def test_a_path_that_no_importer_takes(tmp_path):
    request = ImportRequest(path=tmp_path / "gone", out=tmp_path / "out")
    with pytest.raises(InputError, match="gone: no such file or folder"):
        suite.import_suite(request, None, lambda _: None)


def test_a_language_is_a_line_of_the_registry(monkeypatch):
    ruby = replace(pytest_runner.PYTHON, manifests=("Gemfile",), suffixes=(".rb",))
    tree = [File(path="Gemfile", data=b""), File(path="a.rb", data=b"")]
    with pytest.raises(InputError, match="no program text of python, javascript, go"):
        pipeline.language_of(tree, "here")
    monkeypatch.setattr(pipeline, "LANGUAGES", (*pipeline.LANGUAGES, ruby))
    assert pipeline.language_of(tree, "here") is ruby
