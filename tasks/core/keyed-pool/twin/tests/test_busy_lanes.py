from lanepool import Pool, wait_all


def test_order_in_a_lane():
    seen = []
    with Pool(4) as pool:
        wait_all([pool.submit(seen.append, number, lane="x") for number in range(50)], 4)
    assert seen == list(range(49))


def test_lanes_are_forgotten():
    with Pool(2) as pool:
        wait_all([pool.submit(int, lane="x")], 4)
    assert pool.lanes() == ["x", "x"]
