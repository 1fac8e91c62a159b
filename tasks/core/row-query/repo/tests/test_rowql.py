import pytest

from rowql import QueryError, run

ROWS = [
    {"id": 1, "name": "lamp", "price": 30, "sold": False},
    {"id": 2, "name": "desk", "price": 120.5, "sold": True},
    {"id": 3, "name": "chair", "price": 60, "sold": False},
    {"id": 4, "name": "shelf", "price": 60, "sold": False},
]


def ids(query, rows=ROWS):
    return [row["id"] for row in run(query, rows)]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("price = 60", [3, 4]),
        ("price != 60", [1, 2]),
        ("price < 60 or price > 100", [1, 2]),
        ("price >= 60 and not sold", [3, 4]),
        ("not price = 60 and sold", [2]),
        ("not (price = 60 or sold)", [1]),
        ("id in (1, 3, 9)", [1, 3]),
        ("id not in (1, 3)", [2, 4]),
        ("price between 30 and 60", [1, 3, 4]),
        ("name like '%e%'", [2, 4]),
        ("name like 'l_mp'", [1]),
        ("name not like '%h%'", [1, 2]),
        ("price * 2 > 100 + 20", [2]),
        ("nothing is null and name is not null", [1, 2, 3, 4]),
        ("name + 's' = 'lamps'", [1]),
        ("price = '60'", []),
    ],
    ids=range(16),
)
def test_where(where, found):
    assert ids(f"where {where}") == found


def test_sort():
    assert ids("sort price, name") == [1, 3, 4, 2]
    assert ids("sort price desc") == [2, 3, 4, 1]
    assert ids("sort sold desc, id desc") == [2, 4, 3, 1]


def test_sort_without_a_value():
    rows = [{"id": 1}, {"id": 2, "x": 5}, {"id": 3, "x": "t"}, {"id": 4, "x": 1}]
    assert ids("sort x", rows) == [4, 2, 3, 1]


def test_limit_and_select():
    assert run("sort id desc limit 2 select id, price / 2 as half", ROWS) == [
        {"id": 4, "half": 30.0},
        {"id": 3, "half": 30.0},
    ]
    assert run("limit 1 select id > 5 as late", ROWS) == [{"late": False}]


def test_everything():
    assert run("", ROWS) == ROWS


@pytest.mark.parametrize(
    "query",
    ["where", "where a =", "select a +", "limit 1.5", "where a not 5", "price > 3", "where a ? b", "select 1"],
    ids=range(8),
)
def test_mistakes(query):
    with pytest.raises(QueryError):
        run(query, ROWS)
