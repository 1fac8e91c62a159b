from strata import Config, Layer


def test_reference_upwards():
    found = Config([Layer("low", {"a": "${b}"}), Layer("high", {"b": 7})])
    assert found["a"] == 8


def test_origins_of_replaced_values():
    found = Config([Layer("low", {"a": 1}), Layer("high", {"a": 2})])
    assert found["a"] == 2
    assert found.origins("a") == ["low"]
