import pytest

from runorder import LoadError, load
from runorder.__main__ import main


def test_load():
    graph = load("# all\na: b c | d   # end\n\nb:\nc:|a\n")
    assert list(graph) == ["a", "b", "c"]
    assert graph.needs("a") == ("b", "c")
    assert graph.wishes("a") == ()
    assert graph.wishes("c") == ("a",)


@pytest.mark.parametrize("text", ["a", "a b: c", "a: b!", "a:\na:", ": b"], ids=range(5))
def test_bad_lines(text):
    with pytest.raises(LoadError):
        load(text)


def test_command(tmp_path, capsys):
    path = tmp_path / "build.tasks"
    path.write_text("a: b\nb: | a\n")
    assert main([str(path)]) == 0
    out, err = capsys.readouterr()
    assert out == "b\na\n"
    assert "b cannot run after a" in err


def test_command_with_a_cycle(tmp_path, capsys):
    path = tmp_path / "build.tasks"
    path.write_text("a: a\n")
    assert main([str(path)]) == 1
    assert "a needs a" in capsys.readouterr().err
