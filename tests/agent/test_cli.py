"""`arena agents` as a person uses it."""

import json

import docker
import pytest

from tests.agent.rig import profile
from tests.e2e.rig import arena

SHIPPED = {
    *("claude-code", "codex", "opencode", "qwen-code", "cline", "mini-swe-agent", "aider"),
}
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere"}


def one_line(ended, *words):
    assert ended.code == 2, ended
    assert ended.out == ""
    assert ended.err.count("\n") == 1, ended.err
    assert all(word in ended.err for word in words), ended.err


def test_it_lists_who_can_drive_a_model_without_an_engine(tmp_path):
    profile(tmp_path)
    ended = arena(
        "agents", "list", "--agents", "own.toml", "--format", "json", cwd=tmp_path, **NO_ENGINE
    )
    rows = {row["name"]: row for row in ended.json["agents"]}
    programs = {name for name, row in rows.items() if row["kind"] == "program"}
    assert programs == {*SHIPPED, "own"}
    assert set(rows) - programs == {"shell", "edits", "oracle", "nop"}
    assert rows["claude-code"]["api"] == "messages"
    assert rows["own"]["label"] == "Our own"
    for name in SHIPPED:
        pinned = rows[name]["installs"].split(", ")
        assert all("==" in one or "@" in one[1:] for one in pinned), "every package has a version"
    table = arena("agents", "list", cwd=tmp_path, **NO_ENGINE)
    assert table.code == 0
    assert {line.split()[0] for line in table.out.splitlines()} >= SHIPPED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", ["bad.toml", "cannot be read"]),
        ('name = "x"\napi = ["chat"]\nlabel = "X"\ncommand = []', ["bad.toml", "command"]),
        ('name = "Not This"\napi = ["chat"]\nlabel = "X"\ncommand = ["x"]', ["bad.toml", "name"]),
        ('name = "nop"\napi = ["chat"]\nlabel = "X"\ncommand = ["x"]', ["built-in agent"]),
        ("x = " + "[" * 5000, ["bad.toml", "nested too deeply"]),
        (
            'name = "x"\napi = ["chat"]\nlabel = "X"\ncommand = ["x"]\nfinish.submitted = "(["',
            ["bad.toml", "finish.submitted", "not a regular expression"],
        ),
        (None, ["bad.toml", "no such file"]),
    ],
)
def test_a_bad_profile_is_one_line(tmp_path, text, words):
    if text is not None:
        (tmp_path / "bad.toml").write_text(text)
    for command in ("list", "check"):
        one_line(arena("agents", command, "--agents", "bad.toml", cwd=tmp_path), *words)


def test_an_unknown_name_is_one_line_with_the_nearest(tmp_path):
    one_line(arena("agents", "check", "claud-code", cwd=tmp_path), "did you mean 'claude-code'?")
    one_line(arena("agents", "remove", "claude-kode", cwd=tmp_path), "'claude-kode'")


@pytest.mark.parametrize("command", [("check", "aider"), ("remove", "aider")])
def test_a_missing_engine_is_one_line(tmp_path, command):
    one_line(arena("agents", *command, cwd=tmp_path, **NO_ENGINE), "no container engine")


def test_check_says_what_is_wrong_with_each(tmp_path):
    """A user adds agents with a file each; only the good one is good."""
    profile(tmp_path)
    good = (tmp_path / "own.toml").read_text()
    python = '"/opt/agent/python/bin/python3", "-I", "{home}/agent.py"'
    changed = {
        "missing": good.replace("/opt/agent/python/bin/python3", "/opt/agent/no-such"),
        "silent": good.replace(python, '"/bin/echo", "nothing to say"'),
        "wrong-model": good.replace('MODEL = "{model}"', 'MODEL = "gpt-9"'),
        "crashing": good.replace('TOKEN = "{token}"', 'TOKENS = "{token}"'),
    }
    for name, form in changed.items():
        (tmp_path / f"{name}.toml").write_text(form.replace('name = "own"', f'name = "{name}"'))
    ended = arena("agents", "check", "own", *changed, "--agents", ".", cwd=tmp_path)
    assert ended.code == 1, ended.err
    said = dict(line.split(": ", 1) for line in ended.out.splitlines())
    assert said["own"] == "ok"
    assert "exit code 127" in said["missing"]
    assert "no-such" in said["missing"]
    assert "without a call to its model" in said["silent"]
    assert "the model 'gpt-9' is not offered" in said["wrong-model"]
    assert "KeyError: 'TOKEN'" in said["crashing"]
    assert arena("agents", "check", "own", "--agents", "own.toml", cwd=tmp_path).code == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_installation_that_fails_is_told_and_leaves_nothing(tmp_path):
    profile(tmp_path)
    form = (tmp_path / "own.toml").read_text().replace('name = "own"', 'name = "half"')
    steps = '\n[install]\nsteps = ["touch half", "echo the mill has no water >&2", "exit 3"]\n'
    (tmp_path / "half.toml").write_text(form + steps)
    ended = arena("agents", "check", "half", "--agents", "half.toml", cwd=tmp_path, timeout_s=500)
    assert ended.code == 1, ended
    assert ended.out.startswith("half: the programs of half could not be installed: ")
    assert "the mill has no water" in ended.out
    rows = arena("sandboxes", "list", "--format", "json", cwd=tmp_path).json["images"]
    assert "half" not in {row["name"] for row in rows}
    client = docker.from_env()
    names = [name for box in client.api.containers(all=True) for name in box["Names"]]
    assert not [name for name in names if "half" in name]
    client.close()


@pytest.mark.parametrize("api", ["messages", "responses"])
def test_check_answers_in_the_words_of_each_api(tmp_path, api):
    """A program that only listens: what it got is what the API would have sent."""
    profile(tmp_path, api=json.dumps(api))
    form = (tmp_path / "own.toml").read_text().partition("[[files]]")[0]
    ask = {
        "messages": ("/messages", "content"),
        "responses": ("/responses", "output"),
    }[api]
    source = ASK.replace("@path@", ask[0]).replace("@field@", ask[1])
    (tmp_path / "own.toml").write_text(
        f"{form}\n[[files]]\npath = \"{{home}}/agent.py\"\ntext = '''\n{source}'''\n"
    )
    ended = arena("agents", "check", "own", "--agents", "own.toml", cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "own: ok\n"), ended


ASK = """
import json, os, sys, urllib.request
body = {"model": os.environ["MODEL"], "max_tokens": 99}
body |= {"messages": [{"role": "user", "content": "Hi"}]} if "messages" in "@path@" else {"input": "Hi"}
request = urllib.request.Request(
    os.environ["BASE_URL"] + "@path@",
    json.dumps(body).encode(),
    {"x-api-key": os.environ["TOKEN"], "content-type": "application/json"},
)
with urllib.request.urlopen(request) as reply:
    said = json.dumps(json.load(reply)["@field@"])
sys.exit(0 if "nothing to do" in said else 3)
"""
