from runorder import load, plan


def test_unrelated_wish_is_kept():
    found = plan(load("deploy: | notify\nnotify: | deploy\ndocs: | test\ntest:\n"))
    assert found.order == ["notify", "deploy", "test", "docs"]


def test_need_closes_the_cycle():
    found = plan(load("x: | y\na: b\nb: c\nc: | a\ny:\n"))
    assert found.ignored == [("a", "b"), ("c", "a")]
