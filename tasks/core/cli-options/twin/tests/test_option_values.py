import pytest

from optline import Argument, Command, Option, parse

FIND = Command("find", options=[Option("-e", "--regex")], arguments=[Argument("source")])


@pytest.mark.parametrize(
    ("argv", "regex"),
    [(["-eTODO"], "TOD"), (["--regex=a=b"], "a"), (["--regex="], None), (["--reg=x"], "=x")],
    ids=range(4),
)
def test_values(argv, regex):
    found = parse(FIND, [*argv, "src"], {}).values
    assert found["regex"] == regex
