"""The edits agent on real sandboxes, from the command line."""

import pytest

from arena.agent import edits
from arena.errors import InputError
from arena.task import pack
from tests.agent.gold import gold_blocks
from tests.e2e.rig import arena, bakeoff, contestant
from tests.servers.openai_stub import Stub, by_turn, text

TASK = "core/interval-merge"


def run(tmp_path, script, **params):
    with Stub(script) as stub:
        inner = (
            ""
            if not params
            else f"params = {{ {', '.join(f'{k} = {v}' for k, v in params.items())} }}\n"
        )
        table = contestant("editor", stub.base_url).replace(
            'name = "editor"\n', f'name = "editor"\nagent = "edits"\n{inner}', 1
        )
        bakeoff(tmp_path, [table], tasks=[TASK])
        ended = arena("run", "bakeoff.toml", "--format", "json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    return ended.json["trials"][0], stub


def test_it_reads_the_map_sees_a_file_and_repairs_it(tmp_path):
    changed, blocks = gold_blocks(TASK)
    script = by_turn([text(f"```show\n{changed[0]}\nno/such.py\n```"), text(blocks), text("DONE")])
    trial, stub = run(tmp_path, script)
    assert (trial["stop"], trial["verdict"]) == ("submitted", "passed")
    first, second, third = (request.messages for request in stub.requests if request.raw)
    assert changed[0] in first[1]["content"]
    assert "def " in first[1]["content"]
    assert "tools" not in stub.requests[-1].body
    assert "no/such.py is empty or not there" in second[-1]["content"]
    assert "applied" in third[-1]["content"]


def test_what_cannot_be_applied_is_answered_and_three_times_in_a_row_is_giving_up(tmp_path):
    lost = "a.py\n<<<<<<< SEARCH\nnot there\n=======\nx\n>>>>>>> REPLACE"
    trial, stub = run(tmp_path, by_turn([text(lost), text("What now?"), text("Hm.")]))
    assert (trial["stop"], trial["verdict"]) == ("gave_up", "no_patch")
    assert "Nothing of that reply was applied" in stub.requests[-1].messages[-3]["content"]


def new(path, content="x\n"):
    return f"{path}\n<<<<<<< SEARCH\n=======\n{content}>>>>>>> REPLACE\n"


def test_paths_that_no_file_may_have_are_answered(tmp_path):
    """Whatever a model writes, its trial has a verdict; `run` fails on a fault."""
    outside = ["/etc/passwd", "../x", "./.git/config", ".//.git/hooks/pre-commit"]
    folders = [".", "./", "src/", "src"]
    odd = ["a" * 300, "a/" * 3000 + "b", "a\0b", "a\ud800b", "README.md/x"]
    asked = [*outside, *folders, *odd]
    replies = ["```show\n" + "\n".join(asked) + "\n```"]
    replies += [new(path) for path in asked] + [new("a.txt", "x\ud800y\n"), "DONE"]
    spaced = [reply for one in replies[1:] for reply in ("```show\nREADME.md\n```", one)]
    trial, stub = run(tmp_path, by_turn([text(one) for one in [replies[0], *spaced]]))
    assert (trial["stop"], trial["verdict"]) == ("submitted", "no_patch")
    said = [m["content"] for m in stub.requests[-1].messages[2:] if m["role"] == "user"]
    shown, answers = said[0], said[2::2]
    assert shown.count("is not a path inside") == len(outside)
    assert "src is a folder. It holds:\n" in shown
    assert len(answers) == len(asked) + 1
    assert all(one.startswith("Nothing of that reply was applied.") for one in answers), answers


def test_a_file_never_becomes_a_folder(tmp_path):
    replies = [
        new("new.txt"),
        new("new.txt/x"),
        new("other") + new("other/x"),
        "```show\nnew.txt/x\n```",
        new("a/b/c.txt") + new("a/b/d.txt"),
        "DONE",
    ]
    _, stub = run(tmp_path, by_turn([text(one) for one in replies]))
    said = [m["content"] for m in stub.requests[-1].messages[2:] if m["role"] == "user"]
    assert "new.txt is not a folder, so new.txt/x cannot be in it" in said[1]
    assert "other cannot be a file and a folder" in said[2]
    assert "new.txt is not a folder" in said[3]
    patch = next(tmp_path.rglob("patch.diff")).read_text()
    made = [line for line in patch.splitlines() if line.startswith("+++ ")]
    assert made == ["+++ b/a/b/c.txt", "+++ b/a/b/d.txt", "+++ b/new.txt"]


def test_the_map_keeps_its_budget(tmp_path):
    _, small = run(tmp_path, by_turn([text("DONE")]), map_tokens=100)
    shown = small.requests[-1].messages[1]["content"].partition("The repository:")[2]
    assert len(shown) < 100 * 4 + 80
    named = next(iter(pack.load(TASK, base=tmp_path))).problem_statement
    assert named[:40] in small.requests[-1].messages[1]["content"]


@pytest.mark.parametrize(
    "params", [{"protocol": "tools"}, {"map_tokens": "many"}, {"map_tokens": 3}]
)
def test_bad_parameters_are_named(params):
    with pytest.raises(InputError):
        edits.make("edits", params)
