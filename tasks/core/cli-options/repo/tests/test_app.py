import io

import pytest

from optline import App, Argument, Command, Option
from optline.errors import SpecError

ADD = Command("add", options=[Option("-n", "--name")], arguments=[Argument("item")], summary="Add it.")
SHOP = Command("shop", commands=[ADD], summary="A shop.")


def run(*argv, handler=lambda values: None):
    out, err = io.StringIO(), io.StringIO()
    code = App(SHOP, {"shop add": handler}).run(list(argv), {}, out, err)
    return code, out.getvalue(), err.getvalue()


def test_handler():
    seen = []
    assert run("add", "pen", "-n", "x", handler=seen.append)[0] == 0
    assert seen == [{"name": "x", "item": "pen", "help": False}]
    assert run("add", "pen", handler=lambda values: 3)[0] == 3


def test_usage_error():
    assert run("add") == (2, "", "shop: item is missing\n")


def test_help():
    code, out, _ = run("--help")
    assert code == 0
    assert out.splitlines()[0] == "usage: shop [options] COMMAND"
    assert "  add  Add it." in out
    assert run("add", "-h")[1].splitlines()[0] == "usage: shop add [options] item"


def test_bad_specs():
    with pytest.raises(SpecError):
        Option("port")
    with pytest.raises(SpecError):
        Command("x", options=[Option("-a"), Option("-a")])
    with pytest.raises(SpecError):
        Command("x", arguments=[Argument("a", many=True), Argument("b")])
