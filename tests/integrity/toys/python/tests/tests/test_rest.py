from purse import half, shares


def test_half_of_odd():
    assert half(11) == 6


def test_shares_with_rest(people):
    assert shares(11, people) == [4, 4, 3]
