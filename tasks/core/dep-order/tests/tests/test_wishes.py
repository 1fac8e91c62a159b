import random

import pytest

from runorder import CycleError, Graph, load, plan
from runorder.__main__ import main


def test_unrelated_wish_is_kept():
    found = plan(load("deploy: | notify\nnotify: | deploy\ndocs: | test\ntest:\n"))
    assert found.order == ["deploy", "notify", "test", "docs"]
    assert found.ignored == [("deploy", "notify"), ("notify", "deploy")]
    assert found.stages == [["deploy", "notify", "test"], ["docs"]]


def test_wishes_into_and_out_of_a_cycle_are_kept():
    text = "late: | a\na: | b\nb: | a first\nfirst:\nother: | late\n"
    found = plan(load(text))
    assert found.order == ["a", "late", "first", "b", "other"]
    assert found.ignored == [("a", "b"), ("b", "a")]
    assert found.stages == [["a", "first"], ["late", "b"], ["other"]]


def test_need_closes_the_cycle():
    found = plan(load("x: | y\na: b\nb: c\nc: | a\ny:\n"))
    assert found.order == ["c", "b", "a", "y", "x"]
    assert found.ignored == [("c", "a")]


def test_every_wish_on_the_cycle_is_ignored():
    found = plan(load("a: | b\nb: | c\nc: | a\nd: | c\n"))
    assert found.order == ["a", "b", "c", "d"]
    assert found.ignored == [("a", "b"), ("b", "c"), ("c", "a")]
    assert found.stages == [["a", "b", "c"], ["d"]]


def test_two_cycles_joined_by_a_wish():
    found = plan(load("a: | b c\nb: | a\nc: | d\nd: | c\n"))
    assert found.ignored == [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")]
    assert found.order == ["b", "c", "a", "d"]


def test_wish_for_itself():
    found = plan(load("a: | a b\nb:\n"))
    assert found.order == ["b", "a"]
    assert found.ignored == [("a", "a")]


def test_wish_that_is_also_a_need():
    found = plan(load("a: b | b\nb: | c\nc:\n"))
    assert found.order == ["c", "b", "a"]
    assert found.ignored == []


def test_wish_along_a_need_on_a_cycle():
    found = plan(load("a: b | b\nb: | a\n"))
    assert found.order == ["b", "a"]
    assert found.ignored == [("a", "b"), ("b", "a")]


def test_goals_leave_the_cycle_behind():
    graph = load("a: | b\nb: | c\nc: | a\n")
    assert plan(graph, ["a", "b"]).order == ["b", "a"]
    assert plan(graph, ["a", "b"]).ignored == []
    assert plan(graph, ["a", "b", "c"]).order == ["a", "b", "c"]


def real_cycle(graph, cycle):
    assert len(set(cycle)) == len(cycle)
    for name, other in zip(cycle, cycle[1:] + cycle[:1]):
        assert other in graph.needs(name)


def test_cycle_without_the_way_to_it():
    graph = load("release: package\npackage: build\nbuild: generate\ngenerate: build\n")
    with pytest.raises(CycleError) as caught:
        plan(graph)
    assert sorted(caught.value.cycle) == ["build", "generate"]
    assert str(caught.value) in ("build needs generate needs build", "generate needs build needs generate")


def test_cycle_of_needs_only():
    graph = load("a: b | c\nb: d\nc: | a\nd: e | a\ne: f b\nf:\n")
    with pytest.raises(CycleError) as caught:
        plan(graph)
    assert sorted(caught.value.cycle) == ["b", "d", "e"]
    real_cycle(graph, caught.value.cycle)


def test_task_that_needs_itself():
    with pytest.raises(CycleError) as caught:
        plan(load("a: b\nb: c b\nc:\n"))
    assert caught.value.cycle == ["b"]


def test_command_names_the_cycle(tmp_path, capsys):
    path = tmp_path / "x.tasks"
    path.write_text("a: b\nb: c\nc: b\n")
    assert main([str(path)]) == 1
    assert "a needs" not in capsys.readouterr().err


def test_long_chain():
    size = 20000
    graph = Graph()
    for number in range(size):
        before = [f"t{number - 1}"] if number else []
        graph.add(f"t{number}", before if number % 2 else (), () if number % 2 else before)
    graph.add("p", after=["q"])
    graph.add("q", after=["p"])
    found = plan(graph)
    assert found.order == [f"t{number}" for number in range(size)] + ["p", "q"]
    assert found.ignored == [("p", "q"), ("q", "p")]
    assert len(found.stages) == size


def test_long_cycle_of_wishes():
    size = 20000
    graph = Graph()
    for number in range(size):
        graph.add(f"t{number}", after=[f"t{(number + 1) % size}"])
    found = plan(graph)
    assert len(found.ignored) == size
    assert found.order == list(graph)


def test_many_small_cycles():
    graph = Graph()
    for number in range(6000):
        graph.add(f"a{number}", after=[f"b{number}"])
        graph.add(f"b{number}", after=[f"a{number}"])
    graph.add("last", after=["a0"])
    found = plan(graph)
    assert len(found.ignored) == 12000
    assert found.order == list(graph)


def test_long_cycle_of_needs():
    graph = Graph()
    for number in range(6000):
        graph.add(f"t{number}", needs=[f"t{number + 1}"])
    graph.add("t6000", needs=["t3000"])
    with pytest.raises(CycleError) as caught:
        plan(graph)
    assert len(caught.value.cycle) == 3001
    assert "t2999" not in caught.value.cycle


def reaches(graph, start, goal):
    seen, todo = set(), [start]
    while todo:
        name = todo.pop()
        for other in (*graph.needs(name), *graph.wishes(name)):
            if other == goal:
                return True
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return False


@pytest.mark.parametrize("seed", range(25))
def test_rule_on_random_graphs(seed):
    rng = random.Random(seed)
    names = [f"t{number}" for number in range(12)]
    graph = Graph()
    for number, name in enumerate(names):
        needs = [other for other in names[number + 1:] if rng.random() < 0.12]
        after = [other for other in names if rng.random() < 0.09]
        graph.add(name, needs, after)
    found = plan(graph)
    wishes = [(name, other) for name in graph for other in graph.wishes(name)]
    assert found.ignored == [(a, b) for a, b in wishes if a == b or reaches(graph, b, a)]
    followed = set(wishes) - set(found.ignored)
    followed |= {(name, other) for name in graph for other in graph.needs(name)}
    done = []
    for name in found.order:
        ready = [
            task for task in graph
            if task not in done and all(b in done for a, b in followed if a == task)
        ]
        assert name == ready[0]
        done.append(name)
    stage = {name: number for number, part in enumerate(found.stages) for name in part}
    for name in graph:
        before = [stage[b] for a, b in followed if a == name]
        assert stage[name] == max(before, default=-1) + 1
