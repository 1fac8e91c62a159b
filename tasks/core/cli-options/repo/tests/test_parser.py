import pytest

from optline import Argument, Command, Option, UsageError, parse

COPY = Command(
    "copy",
    options=[
        Option("-m", "--mode", type=int),
        Option("-x", "--exclude", repeat=True),
        Option("-v", "--verbose", flag=True, repeat=True),
        Option("-f", "--force", flag=True),
        Option("--follow", flag=True, negatable=True, default=True),
        Option("--limit", type=int, default=10, env="COPY_LIMIT"),
    ],
    arguments=[Argument("source"), Argument("targets", many=True, required=False)],
)
TOOL = Command("tool", options=[Option("-q", "--quiet", flag=True)], commands=[COPY])


def values(*argv, environ=None):
    return parse(COPY, list(argv), environ).values


def test_defaults():
    assert values("a") == {
        "mode": None,
        "exclude": [],
        "verbose": 0,
        "force": False,
        "follow": True,
        "limit": 10,
        "help": False,
        "source": "a",
        "targets": [],
    }


def test_given_values():
    found = values("a", "--mode", "7", "-x", "p", "--exclude=q", "b", "c")
    assert (found["mode"], found["exclude"], found["targets"]) == (7, ["p", "q"], ["b", "c"])


def test_flags():
    found = values("-vfv", "a", "--no-follow", "-v")
    assert (found["verbose"], found["force"], found["follow"]) == (3, True, False)


def test_shortened():
    assert values("a", "--mo", "1")["mode"] == 1
    assert values("a", "--verb", "--forc")["force"] is True
    with pytest.raises(UsageError):
        values("a", "--fo")


def test_last_one_wins():
    assert values("-m", "1", "a", "-m", "2")["mode"] == 2


def test_environment():
    assert values("a", environ={"COPY_LIMIT": "3"})["limit"] == 3
    assert values("a", "--limit", "4", environ={"COPY_LIMIT": "3"})["limit"] == 4


def test_arguments_after_two_dashes():
    found = values("--", "-v", "b")
    assert (found["source"], found["targets"], found["verbose"]) == ("-v", ["b"], 0)
    assert values("-")["source"] == "-"


def test_subcommand():
    parsed = parse(TOOL, ["-q", "copy", "-v", "a"])
    assert parsed.command == "tool copy"
    assert (parsed.values["quiet"], parsed.values["verbose"]) == (True, 1)


@pytest.mark.parametrize(
    "argv",
    [[], ["a", "--nope"], ["a", "-m"], ["a", "-m", "x"], ["a", "-z"]],
    ids=["missing", "unknown", "no value", "bad value", "unknown letter"],
)
def test_errors(argv):
    with pytest.raises(UsageError):
        parse(COPY, argv)


def test_subcommand_errors():
    for argv in ([], ["move"], ["-q"]):
        with pytest.raises(UsageError):
            parse(TOOL, argv)
