from purse import half, shares, text


def test_half_of_even():
    assert half(8) == 4


def test_shares_without_rest(people):
    assert shares(9, people) == [3, 3, 3]


def test_text():
    assert text(1205) == "12.05"
