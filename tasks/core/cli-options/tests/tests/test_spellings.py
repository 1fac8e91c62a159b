import io

import pytest

from optline import App, Argument, Command, Option, UsageError, parse


def find_command(**kwargs):
    return Command(
        "find",
        options=[
            Option("-e", "--regex"),
            Option("-d", "--define", repeat=True),
            Option("-r", "--recursive", flag=True),
            Option("-v", "--verbose", flag=True, repeat=True),
            Option("--color", flag=True, negatable=True, default=True),
            Option("-k", "--keep", flag=True),
            Option("--depth", type=int),
            Option("-w", "--weight", type=float),
        ],
        **kwargs,
    )


FIND = find_command(arguments=[Argument("source"), Argument("more", many=True, required=False)])
RUN = Command(
    "run",
    options=[Option("-k", "--count", type=int), Option("-e", "--echo", flag=True), Option("-x", flag=True)],
    arguments=[Argument("words", many=True, required=False)],
)
TOOL = find_command(commands=[RUN])


def values(*argv):
    return parse(FIND, list(argv), {}).values


def words(*argv):
    found = values(*argv)
    return [found["source"], *found["more"]]


def tool(*argv):
    out, err, seen = io.StringIO(), io.StringIO(), []
    code = App(TOOL, {"find run": seen.append}).run(list(argv), {}, out, err)
    return code, seen, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("argv", "regex"),
    [
        (["-eTODO"], "TODO"),
        (["-e", "TODO"], "TODO"),
        (["-e=x"], "=x"),
        (["-e", "=x"], "=x"),
        (["-e-v"], "-v"),
        (["-e--"], "--"),
        (["-er"], "r"),
        (["--regex=a=b"], "a=b"),
        (["--regex=a=b=="], "a=b=="),
        (["--regex=="], "="),
        (["--regex="], ""),
        (["--regex", ""], ""),
        (["-e", ""], ""),
        (["--reg=x"], "x"),
        (["--regex", "-x"], "-x"),
        (["-e", "--color=no"], "--color=no"),
        (["-e", "-rv"], "-rv"),
        (["--regex", "--help"], "--help"),
        (["-e", "-h"], "-h"),
        (["-e", "--"], "--"),
        (["-e", "-"], "-"),
        (["--regex=-h"], "-h"),
        (["-e", "a", "-e", "b"], "b"),
    ],
    ids=range(23),
)
def test_values(argv, regex):
    found = values(*argv, "src")
    assert (found["regex"], found["source"], found["more"]) == (regex, "src", [])
    assert (found["recursive"], found["verbose"], found["color"], found["help"]) == (False, 0, True, False)


def test_groups():
    found = values("-rveTODO", "src")
    assert (found["recursive"], found["verbose"], found["regex"]) == (True, 1, "TODO")
    found = values("-vvre", "-v", "src")
    assert (found["recursive"], found["verbose"], found["regex"]) == (True, 2, "-v")
    found = values("-rw-5", "src")
    assert (found["recursive"], found["weight"]) == (True, -5.0)
    found = values("src", "-vdvv", "-dd", "-d", "-d", "--define=--d")
    assert (found["verbose"], found["define"]) == (1, ["vv", "d", "-d", "--d"])


@pytest.mark.parametrize(
    "argv",
    [
        ["src", "--recursive=yes"],
        ["src", "--recursive="],
        ["src", "--no-color=1"],
        ["src", "--col=1"],
        ["src", "--help=1"],
        ["src", "-e"],
        ["src", "-re"],
        ["src", "--regex"],
        ["src", "--nope=1"],
        ["src", "-rz"],
        ["src", "-r=1"],
        ["src", "--depth=x"],
        ["src", "--depth="],
        ["src", "--de=1"],
        ["src", "-v5"],
    ],
    ids=range(15),
)
def test_usage_errors(argv):
    with pytest.raises(UsageError):
        parse(FIND, argv, {})


def test_nothing_is_taken_apart_after_two_dashes():
    assert words("src", "--", "--depth=3", "-rv", "--", "-5", "--help") == [
        "src",
        "--depth=3",
        "-rv",
        "--",
        "-5",
        "--help",
    ]
    assert words("--", "--regex=") == ["--regex="]
    assert words("-r", "--", "-eX") == ["-eX"]


@pytest.mark.parametrize("number", ["-5", "-.5", "-1e3", "-10.25", "-2E-7", "-0"])
def test_negative_numbers_are_arguments(number):
    assert words("-r", number, "x", number) == [number, "x", number]
    assert values(number, "--depth", "-3", "-w", number)["weight"] == float(number)


@pytest.mark.parametrize("word", ["-5x", "-e5", "-.", "-1e", "-5-", "--5"])
def test_almost_negative_numbers(word):
    if word == "-e5":
        assert values(word, "src")["regex"] == "5"
    else:
        with pytest.raises(UsageError):
            values(word, "src")


def test_option_that_is_a_digit():
    sort = Command("sort", options=[Option("-1", flag=True), Option("-n", type=int)], arguments=[Argument("a")])
    found = parse(sort, ["-1", "x"]).values
    assert (found["1"], found["a"]) == (True, "x")
    with pytest.raises(UsageError):
        parse(sort, ["-5"])
    assert parse(sort, ["-n", "-5", "x"]).values["n"] == -5
    assert parse(sort, ["-1n-5", "x"]).values["n"] == -5


def test_same_letter_in_a_subcommand():
    code, seen, _, _ = tool("-kv", "run", "-k5", "-ex", "a=b")
    assert code == 0
    assert (seen[0]["keep"], seen[0]["verbose"], seen[0]["count"]) == (True, 1, 5)
    assert (seen[0]["echo"], seen[0]["x"], seen[0]["words"]) == (True, True, ["a=b"])
    code, seen, _, _ = tool("-ek", "run", "-k", "-5", "-e", "k")
    assert (seen[0]["regex"], seen[0]["keep"], seen[0]["count"]) == ("k", False, -5)
    assert seen[0]["words"] == ["k"]


def test_value_that_is_the_name_of_a_subcommand():
    code, seen, _, _ = tool("-e", "run", "run", "run")
    assert (code, seen[0]["regex"], seen[0]["words"]) == (0, "run", ["run"])


@pytest.mark.parametrize(
    "argv",
    [
        ["--regex", "--help", "run"],
        ["-e", "-h", "run"],
        ["-eh", "run"],
        ["run", "-k5", "--", "-h"],
        ["run", "--", "--help"],
        ["--regex=--help", "run"],
    ],
    ids=range(6),
)
def test_no_help_without_a_help_option(argv):
    code, seen, out, err = tool(*argv)
    assert (code, out, err) == (0, "", "")
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("argv", "path"),
    [
        (["-h"], "find"),
        (["-rh"], "find"),
        (["--help", "run"], "find"),
        (["-e", "run", "--help"], "find"),
        (["--he"], "find"),
        (["run", "-h"], "find run"),
        (["run", "-k5", "a", "-exh"], "find run"),
        (["-r", "run", "run", "--help"], "find run"),
        (["run", "-h", "--", "x"], "find run"),
    ],
    ids=range(9),
)
def test_help_of_the_right_command(argv, path):
    code, seen, out, err = tool(*argv)
    assert (code, seen, err) == (0, [], "")
    assert out.splitlines()[0].startswith(f"usage: {path} [options] ")


def test_help_although_an_argument_is_missing():
    out = io.StringIO()
    assert App(FIND, {}).run(["-vrh"], {}, out) == 0
    assert out.getvalue().startswith("usage: find [options] source")


def test_error_on_the_error_stream():
    code, seen, out, err = tool("run", "--count=x")
    assert (code, seen, out) == (2, [], "")
    assert err.startswith("find: ") and "--count" in err


def test_argv_is_left_alone():
    argv = ["-rv", "--regex=x", "src", "more"]
    parse(FIND, argv, {})
    assert argv == ["-rv", "--regex=x", "src", "more"]


def test_environment_still_comes_second():
    command = Command("c", options=[Option("-p", "--port", type=int, env="PORT", default=1)])
    assert parse(command, ["-p2"], {"PORT": "3"}).values["port"] == 2
    assert parse(command, [], {"PORT": "3"}).values["port"] == 3
