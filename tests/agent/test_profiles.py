"""What a profile may say: what would break a run, or make it another one, is refused at load."""

import json
import tomllib
from pathlib import Path

import pytest

from arena.agent import external
from arena.errors import InputError
from arena.records.program import PLACEHOLDERS, Program
from tests.agent.rig import AGENTS, TASK, bake, contestant, profile
from tests.servers.many_apis import ManyStub, turn
from tests.servers.openai_stub import call, text

GOOD = (
    'name = "x"\nlabel = "X"\napi = ["chat"]\ncommand = ["x", "{model}", "${shell}", "{ print }"]\n'
)


def written(folder, more, name="x.toml"):
    path = folder / name
    path.write_text(GOOD + more)
    return path


@pytest.mark.parametrize(
    "more",
    [
        'install.npm = ["foo@1.2.3", "@scope/name@1.2", "foo@2.0.0-beta.1"]',
        'install.pip = ["foo==1.2.3", "foo[mcp,x]==1.0rc1", "foo==1!2.0+local"]',
        'install.node = "24.19.0"',
        'finish.submitted = "(done|ready)"',
        'report = { source = "file", path = "{home}/{mine}.json" }\nparams = { mine = "sum" }',
        'files = [{ path = "{home}/a", text = \'f"{body}"\' }]',
        'env = { A = "{\\"a\\": {}}" }',
    ],
)
def test_what_is_right_is_taken(tmp_path, more):
    assert external.read(written(tmp_path, more)).name == "x"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('finish.submitted = "(["', "finish.submitted: is not a regular expression"),
        ('finish.submitted = "a{99999999999999}"', "finish.submitted: is not a regular expression"),
        ("finish.exit_codes = []", "finish.exit_codes: "),
        ('report.source = "file"', "report: source 'file' needs the path"),
        ('install.npm = ["foo"]', "install.npm[1]: 'foo' is not pinned"),
        ('install.npm = ["a@1.0.0", "foo@latest"]', "install.npm[2]: 'foo@latest' is not pinned"),
        ('install.npm = ["foo@1.x"]', "is not pinned"),
        ('install.npm = ["foo@^1.0.0"]', "is not pinned"),
        ('install.npm = ["@scope/name"]', "is not pinned"),
        ('install.pip = ["bar"]', "install.pip[1]: 'bar' is not pinned"),
        ('install.pip = ["bar>=1"]', "is not pinned"),
        ('install.pip = ["bar==1.*"]', "is not pinned"),
        ('install.pip = ["bar==1 baz"]', "is not pinned"),
        ('install.node = "latest"', "install.node: 'latest' is not pinned"),
        ('params.token = "x"', "params: {token} is filled in for every agent"),
        ('files = [{ path = "a", text = "" }]', "files[1].path: 'a' would be in the repository"),
        ('report = { source = "file", path = "a" }', "report.path: 'a' would be in the repository"),
        ('stdin = "{modle}"', "stdin: unknown placeholder {modle}; known: {model}, "),
        ('env.URL = "{base}/v1"', "env.URL: unknown placeholder {base}"),
        ('files = [{ path = "{hme}/a", text = "" }]', "files.path: unknown placeholder {hme}"),
        ('stdin = "a\\u0000"', "stdin: holds a NUL"),
        ('env.A = "a\\u0000"', "env.A: holds a NUL"),
        ('env."A\\u0000" = "a"', "holds a NUL"),
        ('params.a = "a\\u0000"', "params.a: holds a NUL"),
        ('files = [{ path = "a\\u0000", text = "" }]', "files[1].path: holds a NUL"),
        ('files = [{ path = "/a", text = "\\u0000" }]', "files[1].text: holds a NUL"),
        ('stdin = "x"\nstdin = "y"', "cannot be read"),
        ("x = " + "[" * 5000, "is nested too deeply"),
        ("x = " + "9" * 5000, "cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, more, says):
    path = written(tmp_path, more)
    with pytest.raises(InputError) as caught:
        external.read(path)
    assert str(caught.value).startswith(str(path))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_command_is_looked_at_too(tmp_path):
    path = written(tmp_path, "")
    for command, says in (("{modle}", "command: unknown"), ("a\\u0000", "command[1]: holds a NUL")):
        path.write_text(f'name = "x"\nlabel = "X"\napi = ["chat"]\ncommand = ["{command}"]')
        with pytest.raises(InputError) as caught:
            external.read(path)
        assert says in str(caught.value)


def test_two_files_of_a_folder_with_one_name_are_refused(tmp_path):
    for name in ("a.toml", "b.toml"):
        written(tmp_path, "", name)
    with pytest.raises(InputError, match=r"b\.toml: a\.toml is called 'x' too"):
        external.load([tmp_path])
    later = written(tmp_path, 'stdin = "later"', "b.toml")
    assert external.load([tmp_path / "a.toml", later])["x"].stdin == "later"


def test_a_parameter_holds_no_nul(tmp_path):
    program = external.read(written(tmp_path, 'params.a = "1"'))
    with pytest.raises(InputError, match="a holds a NUL"):
        external.make(program, {"a": "x\0"})


def test_every_placeholder_is_filled(tmp_path):
    """Those that a profile may name are those that an agent gets."""
    profile(tmp_path)
    form = Path(tmp_path / "own.toml").read_text()
    every = " ".join(f"{name}={{{name}}}" for name in PLACEHOLDERS)
    (tmp_path / "own.toml").write_text(form.replace("[env]", f'[env]\nEVERY = "{every}"'))

    def script(request):
        return text("done") if turn(request) else call("bash", command='echo "$EVERY"')

    with ManyStub(script) as stub:
        bake(tmp_path, [contestant("one", "own", stub)], tasks=[TASK], more=AGENTS)
    said = stub.requests[-1].messages[-1]["content"]
    assert all(f"{name}=" in said for name in PLACEHOLDERS)
    assert not any(f"{{{name}}}" in said for name in PLACEHOLDERS)


def test_what_an_earlier_run_holds_stays_readable():
    """It was run as it is: a rule that came later does not take its results away."""
    old = tomllib.loads(GOOD) | {
        "install": {"npm": ["foo"], "node": "latest"},
        "finish": {"submitted": "([", "exit_codes": []},
        "report": {"source": "file"},
        "stdin": "{modle}",
        "params": {"token": "a\0b"},
    }
    read = Program.model_validate_json(json.dumps(old))
    assert (read.install.npm, read.finish.submitted) == (("foo",), "([")
