"""Which images are made, on no engine."""

from types import SimpleNamespace

from arena.sandbox import owner
from arena.sandbox.image.images import Images


def test_what_a_task_stands_on_is_not_made_for_an_image_that_is_there(any_task, monkeypatch):
    images = Images(SimpleNamespace(connection=None), lambda _: ())
    made, there = [], {"base", "task"}
    monkeypatch.setattr(owner, "mark", lambda _: None)
    monkeypatch.setattr(images, "_find", lambda one: one if one.kind in there else None)
    monkeypatch.setattr(
        images, "_make", lambda one, _: made.append(one.kind) or there.add(one.kind)
    )
    assert images.missing([any_task]) == []
    assert [*images.ensure([any_task])] == [any_task.id]
    assert made == []
    there.remove("task")
    images.ensure([any_task])
    assert made == ["language", "task"]
