import pytest

from strata import ConfigError, from_args, from_env, from_ini, from_json


def test_json():
    assert from_json("f", '{"a": {"b": [1]}}').data == {"a": {"b": [1]}}
    for text in ("[1]", "{"):
        with pytest.raises(ConfigError):
            from_json("f", text)


def test_ini():
    text = "[server]\nport = 80\nName = web\n[server.tls]\non = true\n"
    assert from_ini("f", text).data == {"server": {"port": 80, "Name": "web", "tls": {"on": True}}}


def test_env():
    environ = {"APP_SERVER__PORT": "81", "APP_NAME": "x y", "OTHER": "1"}
    assert from_env("e", "APP", environ).data == {"server": {"port": 81}, "name": "x y"}


def test_args():
    assert from_args("a", ["a.b=[1, 2]", "c=x=y"]).data == {"a": {"b": [1, 2]}, "c": "x=y"}
    for bad in (["a"], ["a=1", "a.b=2"]):
        with pytest.raises(ConfigError):
            from_args("a", bad)
