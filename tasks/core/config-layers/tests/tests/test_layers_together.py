import copy

import pytest

from strata import Config, ConfigError, Layer, explain, from_args, from_env, from_json


def config(*tables):
    return Config([Layer(f"l{number}", table) for number, table in enumerate(tables)])


def test_reference_sees_overrides():
    found = Config(
        [
            Layer("defaults", {"server": {"host": "localhost", "port": 80}, "url": "http://${server.host}:${server.port}/"}),
            from_json("file", '{"server": {"host": "example.org"}}'),
            from_env("env", "APP", {"APP_SERVER__PORT": "8080"}),
            from_args("args", ["server.port=9000"]),
        ]
    )
    assert found["url"] == "http://example.org:9000/"


def test_reference_upwards():
    assert config({"a": "${b}"}, {"b": 7})["a"] == 7
    assert config({"a": "x${t.b}"}, {}, {"t": {"b": "y"}})["a"] == "xy"


def test_whole_value_follows_the_override():
    assert config({"a": [1], "b": "${a}"}, {"a+": [2]}, {"a+": ["${c}"], "c": 3})["b"] == [1, 2, 3]
    assert config({"t": {"x": 1}, "u": "${t}"}, {"t": {"y": "${t.x}"}})["u"] == {"x": 1, "y": 1}


def test_chains_through_layers():
    found = config({"a": "${b}", "b": "<${c}>"}, {"c": "${d}"}, {"d": False})
    assert found.as_dict() == {"a": "<false>", "b": "<false>", "c": False, "d": False}


def test_override_of_a_referring_value():
    assert config({"a": 1, "b": "${a}"}, {"b": 2}, {"a": 3}).as_dict() == {"a": 3, "b": 2}


@pytest.mark.parametrize("above", [0, 1, 3])
def test_escape_in_any_layer(above):
    found = config({"a": "$${b}", "b": 1, "c": "pre $${x} ${b}", "l": ["$${b}"]}, *[{}] * above)
    assert found["a"] == "${b}"
    assert found["c"] == "pre ${x} 1"
    assert found["l"] == ["${b}"]


def test_what_comes_in_is_not_looked_at_again():
    found = config({"a": "$${b}", "b": 1, "c": "<${a}>", "d": "${a}", "e": "${d}${d}"}, {})
    assert (found["c"], found["d"], found["e"]) == ("<${b}>", "${b}", "${b}${b}")
    assert config({"a": "$${", "b": "${a}c}", "c": 5}, {})["b"].endswith("c}")


@pytest.mark.parametrize(
    ("tables", "names"),
    [
        ([{"a": "${b}", "b": "${a}"}], ["a", "b"]),
        ([{"one": "x${two}", "two": "${three.x}", "three": {"x": ["${one}"]}}], ["one", "two", "three.x"]),
        ([{"path": "/bin"}, {"path": "/new:${path}"}], ["path"]),
        ([{"a": 1, "b": "${a}"}, {"a": "${b}"}], ["a", "b"]),
        ([{"t": {"u": {"x": "${t.u}"}}}], ["t.u"]),
        ([{"t": {"u": {"x": "${t}"}}}], ["t.u.x"]),
        ([{"t": {"x": ["${t}"], "y": 1}}], ["t.x"]),
        ([{"m": "${m.x}"}], ["m"]),
        ([{"l": [1, {"k": "${l}"}]}], ["l"]),
    ],
    ids=["pair", "three", "own path", "later layer", "table", "table around", "list", "through itself", "in list"],
)
def test_circles(tables, names):
    with pytest.raises(ConfigError) as caught:
        config(*tables)
    for name in names:
        assert name in str(caught.value)


def test_no_circle():
    found = config({"t": {"a": "${t.b}", "b": "${u.a}"}, "u": {"a": 1, "b": "${t.a}"}})
    assert found.as_dict() == {"t": {"a": 1, "b": 1}, "u": {"a": 1, "b": 1}}
    assert config({"a": ["${b}", "${b}"], "b": "x"})["a"] == ["x", "x"]


def test_path_through_a_reference():
    tables = {"servers": {"a": {"port": 1}, "b": {"port": 2}}, "main": "${servers.a}", "p": "${main.port}"}
    assert config(tables)["p"] == 1
    assert config(tables, {"main": "${servers.b}"})["p"] == 2
    assert config(tables, {"servers": {"a": {"port": "${servers.b.port}"}}})["p"] == 2
    assert config(tables, {"again": "${main}", "q": "port ${again.port}"})["q"] == "port 1"
    with pytest.raises(ConfigError):
        config(tables, {"p": "${main.host}"})
    with pytest.raises(ConfigError):
        config(tables, {"q": "${p.x}"})


def test_reference_to_something_removed():
    with pytest.raises(ConfigError):
        config({"a": 1, "b": "${a}"}, {"a": None})
    with pytest.raises(ConfigError):
        config({"t": {"a": 1}, "b": "${t.a}"}, {"t": None})


def test_dead_references_do_not_matter():
    assert config({"a": "${nope}"}, {"a": 1}).as_dict() == {"a": 1}
    assert config({"a": "${nope}", "b": 2}, {"a": None}).as_dict() == {"b": 2}
    assert config({"a": "${b}", "b": "${a}"}, {"b": 5})["a"] == 5
    assert config({"a": {"x": "${nope}"}}, {"a": "y"}).as_dict() == {"a": "y"}
    assert config({"a": ["${nope}"]}, {"a": [1]}, {"a+": [2]})["a"] == [1, 2]


def test_layers_are_left_alone():
    tables = [
        {"t": {"x": 1, "l": [1]}, "l": ["a"], "r": "${t}"},
        {"t": {"y": 2, "l+": [2]}, "l+": ["${t.x}"]},
        {"t": {"x": None, "z": {"p+": [{"k": "${l}"}]}}},
    ]
    before = copy.deepcopy(tables)
    layers = [Layer(str(number), table) for number, table in enumerate(tables)]
    with pytest.raises(ConfigError):
        Config(layers)
    assert tables == before
    first = Config(layers[:2])
    first.as_dict()["t"]["l"].append("mine")
    second = Config(layers[:2])
    assert second["l"] == ["a", 1]
    assert second["t"] == {"x": 1, "l": [1, 2], "y": 2}
    assert Config(layers[:1]).as_dict() == {"t": {"x": 1, "l": [1]}, "l": ["a"], "r": {"x": 1, "l": [1]}}
    assert tables == before


def test_nobody_can_change_it_from_outside():
    data = {"t": {"l": [1, {"k": []}]}, "r": "${t.l}", "s": "${t}"}
    found = config(data)
    expected = copy.deepcopy(found.as_dict())
    found.as_dict()["t"]["l"].clear()
    found["t"]["new"] = 1
    found["r"][1]["k"].append(1)
    found.get("s")["l"].append(3)
    data["t"]["l"].append(9)
    assert found.as_dict() == expected
    assert found["t.l"] == found["r"] == [1, {"k": []}]


def test_null_and_plus_in_new_tables():
    assert config({"t": {"a": None, "b": 1, "p+": ["x"]}}).as_dict() == {"t": {"b": 1, "p": ["x"]}}
    assert config({"t": 5}, {"t": {"u": {"p": ["x"], "p+": ["y"], "q": None}}}).as_dict() == {
        "t": {"u": {"p": ["x", "y"]}}
    }
    assert config({"t": {"p": ["a"]}}, {"t": None}, {"t": {"p+": ["b"]}}).as_dict() == {"t": {"p": ["b"]}}
    assert config({"a": None}, {"b": {"c": {}}}).as_dict() == {"b": {"c": {}}}


def test_null_and_plus_mean_nothing_inside_lists():
    table = {"l": [None, {"a": None, "p+": [1], "r": "${x}"}], "x": 1}
    assert config(table, {"l+": [{"q+": 2}]})["l"] == [None, {"a": None, "p+": [1], "r": 1}, {"q+": 2}]


def test_append_to_something_else():
    with pytest.raises(ConfigError):
        config({"t": {"p": 3}}, {"t": {"p+": ["y"]}})
    with pytest.raises(ConfigError):
        config({"t": {"p": 3, "p+": ["y"]}})
    assert config({"p": 3}, {"p": None}, {"p+": ["y"]})["p"] == ["y"]


def test_origins_of_replaced_values():
    found = config({"a": 1, "b": 1, "c": 1}, {"a": 2, "c": None}, {"b": 3}, {"c": 4})
    assert found.origins("a") == ["l1"]
    assert found.origins("b") == ["l2"]
    assert found.origins("c") == ["l3"]


def test_origins_of_lists():
    found = config({"l": [0], "m": [0]}, {"l+": [1]}, {"m": [2], "l+": [2]}, {"m+": [3], "n+": [3]})
    assert found.origins("l") == ["l0", "l1", "l2"]
    assert found.origins("m") == ["l2", "l3"]
    assert found.origins("n") == ["l3"]


def test_origins_of_tables():
    found = config({"t": {"a": 1, "b": 1}, "u": 1}, {"t": {"b": 2}, "u": {"x": 1}}, {"t": {"c": {"d": 3}}})
    assert found.origins("t") == ["l0", "l1", "l2"]
    assert found.origins("t.c") == ["l2"]
    assert found.origins("u") == ["l1"]
    found = config({"t": {"a": 1}}, {"t": 5}, {"t": {"b": 1}}, {"x": 1})
    assert found.origins("t") == ["l2"]
    found = config({"t": {"a": 1, "b": 1}}, {"t": {"a": 2}}, {"t": {"a": None}})
    assert found.origins("t") == ["l0"]
    with pytest.raises(KeyError):
        found.origins("t.a")


def test_origins_of_references():
    found = config({"s": {"x": 1, "y": {"z": 2}}}, {"r": "${s}", "q": "v${s.x}"}, {"s": {"x": 5}})
    assert found.origins("r") == found.origins("r.x") == found.origins("r.y.z") == ["l1"]
    assert found.origins("q") == ["l1"]
    assert found.origins("s.x") == ["l2"]
    assert found.origins("s") == ["l0", "l2"]
    assert found["r.x"] == 5
    assert "r.y.z" in found


def test_explain():
    found = config({"a": 1, "l": ["${a}"]}, {"a": 2, "l+": [3]}, {"r": "${l}"})
    assert explain(found) == "a = 2  (l1)\nl = [2, 3]  (l0 + l1)\nr = [2, 3]  (l2)"
