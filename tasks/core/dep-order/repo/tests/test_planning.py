import pytest

from runorder import CycleError, Graph, UnknownTask, load, plan


def test_needs_come_first():
    graph = load("test: compile\ncompile: fetch\nfetch:\n")
    assert plan(graph).order == ["fetch", "compile", "test"]


def test_declared_first_goes_first():
    graph = load("b:\na:\nc: a\nd:\n")
    assert plan(graph).order == ["b", "a", "c", "d"]


def test_diamond():
    graph = load("top: left right\nleft: base\nright: base\nbase:\n")
    found = plan(graph)
    assert found.order == ["base", "left", "right", "top"]
    assert found.stages == [["base"], ["left", "right"], ["top"]]


def test_wish_is_followed():
    graph = load("docs: | test\ntest:\n")
    found = plan(graph)
    assert found.order == ["test", "docs"]
    assert found.stages == [["test"], ["docs"]]
    assert found.ignored == []


def test_wish_for_nothing():
    assert plan(load("docs: | nightly\n")).order == ["docs"]


def test_impossible_wish():
    graph = load("a: b\nb: | a\n")
    found = plan(graph)
    assert found.order == ["b", "a"]
    assert found.ignored == [("b", "a")]


def test_cycle():
    with pytest.raises(CycleError) as caught:
        plan(load("a: b\nb: c\nc: a\n"))
    assert sorted(caught.value.cycle) == ["a", "b", "c"]


def test_goals():
    graph = load("a: b\nb:\nc: | a\nx: y\ny: x\n")
    assert plan(graph, ["a"]).order == ["b", "a"]
    assert plan(graph, ["c"]).order == ["c"]
    with pytest.raises(UnknownTask):
        plan(graph, ["z"])


def test_empty():
    found = plan(Graph())
    assert (found.order, found.stages, found.ignored) == ([], [], [])


def test_unknown_need():
    graph = Graph()
    graph.add("a", needs=["b"])
    with pytest.raises(UnknownTask):
        plan(graph)
