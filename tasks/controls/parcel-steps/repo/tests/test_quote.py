from parcels.quote import Quote


def test_text():
    made = Quote(((1200, 710), (100, 470)))
    assert made.total == 1180
    assert made.text() == "   1200 g     7.10\n    100 g     4.70\n    total    11.80"
