from purse import half


def test_half_of_odd():
    assert half(13) == 8
