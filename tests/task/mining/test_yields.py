from arena.task.mining.candidate import Attempt, yields


def test_attempts_are_counted_by_their_end_with_what_each_took():
    made = [
        Attempt(task="a", seconds=10, image_mb=100),
        Attempt(task="b", seconds=20, image_mb=300),
        Attempt(reason="no clone of acme/other: not there", seconds=1),
        Attempt(reason="check: nop: it passes", seconds=4, image_mb=50),
        Attempt(reason="check: oracle: not passed", seconds=5),
        Attempt(reason="no test passes with the fix (3 KeyError)", seconds=2),
    ]
    found = [(one.outcome, one.count, one.seconds_each, one.mb_each) for one in yields(made)]
    assert found == [
        ("kept", 2, 15.0, 200),
        ("check", 2, 4.5, 50),
        ("no clone of acme/other", 1, 1.0, None),
        ("no test passes with the fix", 1, 2.0, None),
    ]
    assert [one.count for one in yields([])] == [0]
