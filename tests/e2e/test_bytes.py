"""A byte that is not UTF-8, through every channel of text between a task and a verdict."""

import json

from tests.e2e.rig import arena, bakeoff, contestant, control
from tests.servers.openai_stub import Stub, call
from tests.task import toy

FIX = (
    "python3 - <<'E'\n"
    "p = 'purse/__init__.py'\n"
    "data = open(p, 'rb').read()\n"
    "open(p, 'wb').write(data.replace(b'int(cents / 2)', b'(cents + 1) // 2  # arrondi \\xe9'))\n"
    "E\n"
    "cat purse/__init__.py"
)


def script(request):
    return call("submit") if request.turn else call("bash", command=FIX)


def test_a_pass_with_bytes_of_its_own_is_a_pass_again(tmp_path):
    first = "# -*- coding: latin-1 -*- caf@\n"
    before, after = first + toy.BEFORE, first + toy.AFTER
    gold = toy.diff("purse/__init__.py", before, after, tmp_path / "s")
    made = toy.a_pack(tmp_path) / "halves"
    for name, text in (("repo/purse/__init__.py", before), ("gold.patch", gold)):
        (made / name).write_bytes(text.encode().replace(b"caf@", b"caf\xe9"))
    with Stub(script) as stub:
        bakeoff(
            tmp_path,
            [control("oracle"), contestant("one", stub.base_url)],
            tasks=["./toys"],
        )
        ended = arena("run", "bakeoff.toml", "--out", "run", "--format", "json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    trials = ended.json["trials"]
    assert {t["contestant"]: t["verdict"] for t in trials} == {"oracle": "passed", "one": "passed"}
    told = arena("report", "run", "--format", "predictions", cwd=tmp_path)
    patches = [json.loads(line)["model_patch"] for line in told.out.splitlines()]
    assert all(patch.count("caf\udce9") == 1 for patch in patches), patches
    (tmp_path / "p.jsonl").write_text(told.out)
    again = arena("grade", "p.jsonl", "--tasks", "./toys", "--format", "json", cwd=tmp_path)
    assert again.code == 0, again.err
    found = [(one["verdict"], one["reason"]) for one in again.json["results"]]
    assert found == [("passed", "")], "a control is nobody's prediction"
