import pytest

from strata import Config, ConfigError, Layer, explain


def config(*tables):
    return Config(Layer(f"l{number}", table) for number, table in enumerate(tables))


def test_later_layers_win():
    found = config({"a": 1, "t": {"x": 1, "y": 2}}, {"a": 2, "t": {"y": 3}})
    assert found.as_dict() == {"a": 2, "t": {"x": 1, "y": 3}}
    assert found["t.y"] == 3
    assert found.get("t.z", 0) == 0
    assert "t.z" not in found
    with pytest.raises(KeyError):
        found["nope"]


def test_table_and_value_replace_each_other():
    assert config({"a": {"b": 1}}, {"a": 5}).as_dict() == {"a": 5}
    assert config({"a": 5}, {"a": {"b": 1}}).as_dict() == {"a": {"b": 1}}


def test_null_removes():
    assert config({"a": 1, "b": 2}, {"a": None}).as_dict() == {"b": 2}


def test_append():
    assert config({"p": ["x"]}, {"p+": ["y"]}, {"p+": ["z"]})["p"] == ["x", "y", "z"]
    assert config({"p+": ["y"]})["p"] == ["y"]
    with pytest.raises(ConfigError):
        config({"p": 3}, {"p+": ["y"]})


def test_references():
    found = config(
        {
            "host": "h",
            "port": 80,
            "url": "http://${host}:${port}/",
            "same": "${port}",
            "list": ["${host}", "x"],
            "debug": "on=${flag}",
            "flag": True,
        }
    )
    assert found["url"] == "http://h:80/"
    assert found["same"] == 80
    assert found["list"] == ["h", "x"]
    assert found["debug"] == "on=true"


def test_reference_to_a_layer_below():
    assert config({"a": {"b": 1}}, {"c": "${a}", "d": "${a.b}"})["c"] == {"b": 1}


def test_escape():
    assert config({"a": "$${b}"})["a"] == "${b}"


def test_bad_references():
    with pytest.raises(ConfigError):
        config({"a": "${b}"})
    with pytest.raises(ConfigError):
        config({"a": "x${b}", "b": [1]})


def test_origins_and_explain():
    found = config({"a": 1}, {"b": {"c": "x"}})
    assert found.origins("b.c") == ["l1"]
    assert explain(found) == 'a = 1  (l0)\nb.c = "x"  (l1)'
    with pytest.raises(KeyError):
        found.origins("zzz")


@pytest.mark.parametrize("table", [{"a.b": 1}, {"+": []}, {"a+": 1}, {"t": {"": 1}}], ids=range(4))
def test_bad_layers(table):
    with pytest.raises(ConfigError):
        Layer("x", table)
