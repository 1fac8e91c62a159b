import json

import pytest

from arena.task import pack as packs
from tests.e2e.rig import arena
from tests.task import toy

pytestmark = pytest.mark.timeout(600)

TEST_SH = """\
#!/bin/bash
cd /app
if python3 -c 'import purse; assert purse.half_up(3) == 2' && python3 /tests/more.py; then
  echo 1 > /logs/verifier/reward.txt
else
  echo 0 > /logs/verifier/reward.txt
fi
"""
MORE = "import sys; sys.path.insert(0, '/app')\nimport purse; assert purse.whole(3) == 3\n"
SOLVE = "cd /app && sed -i 's|int(cents / 2)|(cents + 1) // 2|' purse/__init__.py\n"
DOCKERFILE = "FROM python:3.11-slim\nWORKDIR /app\nCOPY purse purse\nRUN echo kept > /etc/kept\n"


RATES = """\
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
asked = 0
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        global asked
        asked += 1
        self.send_response(200)
        self.end_headers()
        words = os.environ["SECRET"], str(asked), open("given").read(), str(os.getuid())
        self.wfile.write(" ".join(words).encode())
HTTPServer(("", 8000), Handler).serve_forever()
"""
RATES_IMAGE = """\
FROM python:3.11
ENV SECRET=unset
WORKDIR /rates
COPY server.py .
USER 999
HEALTHCHECK CMD python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8000))'
ENTRYPOINT ["python3"]
CMD ["server.py"]
"""
COMPOSE = """\
services:
  main:
    environment:
      RATES_URL: http://rates:8000/
    volumes: ["kept:/kept"]
    depends_on:
      rates: {condition: service_healthy}
  rates:
    build: ./rates
    environment: ["SECRET=${WORD:-open}"]
    volumes: ["./given:/rates/given:ro", "kept:/kept"]
    ports: ["8000:8000"]
"""
ASK = "import os, urllib.request as u; print(u.urlopen(os.environ['RATES_URL']).read().decode())"
COMPOSED = {
    "environment__docker-compose.yaml": COMPOSE,
    "environment__rates__server.py": RATES,
    "environment__rates__Dockerfile": RATES_IMAGE,
    "environment__given": "7",
    "solution__solve.sh": f'{SOLVE}python3 -c "{ASK}" >rate\n',
    "tests__more.py": f"""\
{MORE}
assert open('/app/rate').read() == 'open 1 7 999\\n'
import socket, os, urllib.request as u
assert u.urlopen(os.environ['RATES_URL']).read() == b'open 1 7 999', 'it is started afresh'
try:
    socket.create_connection(('192.0.2.1', 80), 1)
except OSError:
    pass
else:
    raise SystemExit('there is a way out')
""",
}
"""What a solution is told by a service, and the test is told by another one of the same kind."""


EMPTY = {
    "environment__Dockerfile": "FROM python:3.11-slim\nWORKDIR /app\n",
    "solution__solve.sh": "echo 1 + 1 >sum\n",
    "tests__test.sh": "grep -cx '1 + 1' /app/sum >/logs/verifier/reward.txt\ntrue\n",
}
"""The work folder holds nothing: all is to be written."""
LINKED = """\
FROM ubuntu:24.04
RUN touch /opt/tool.1.gz && update-alternatives --install /usr/bin/tool tool /bin/true 1 \\
    --slave /usr/share/man/man1/tool.1.gz tool.1.gz /opt/tool.1.gz
WORKDIR /app
"""
"""Does what the packages of Java and of PostgreSQL do when they are installed."""


def harbor(folder, name, **changed):
    files = {
        "task.toml": f'schema_version = "1.4"\n[task]\nname = "acme/{name}"\ndescription = "Halves"\n[metadata]\ndifficulty = "easy"\n',
        "instruction.md": "<!-- canary 123 -->\n\nHalf of three cents comes out as one cent.\n",
        "environment/Dockerfile": DOCKERFILE,
        "environment/purse/__init__.py": toy.BEFORE,
        "tests/test.sh": TEST_SH,
        "tests/more.py": MORE,
        "solution/solve.sh": SOLVE,
        **{key.replace("__", "/"): text for key, text in changed.items()},
    }
    toy.write(folder / name, {key: text for key, text in files.items() if text is not None})


def terminal_bench(folder, name):
    toy.write(
        folder / name,
        {
            "task.yaml": "instruction: |-\n  Half of three cents\n  comes out as one cent.\ndifficulty: easy\nparser_name: pytest\nmax_test_timeout_sec: 60.0\n",
            "Dockerfile": DOCKERFILE,
            "purse/__init__.py": toy.BEFORE,
            "run-tests.sh": "cd /app && python3 $TEST_DIR/check.py\n",
            "tests/check.py": "import sys; sys.path.insert(0, '/app')\nimport purse; assert purse.half_up(3) == 2\n",
            "solution.sh": SOLVE,
        },
    )


def test_directories_that_scripts_grade(tmp_path):
    suite = tmp_path / "suite"
    harbor(suite, "halves")
    harbor(suite, "lazy", **{"solution__solve.sh": "true\n"})
    harbor(suite, "silent", **{"tests__test.sh": "true\n"})
    harbor(suite, "bare", environment__Dockerfile="FROM nvidia/cuda:12\n")
    terminal_bench(suite, "halves-tb")
    harbor(suite, "empty", **{**EMPTY, "environment__Dockerfile": LINKED})
    done = arena(
        *("tasks", "import", "suite", "--out", "taken", "--format", "json"),
        cwd=tmp_path,
        timeout_s=500,
    )
    assert done.code == 0, done.err
    found = {one["instance_id"]: one for one in done.json["instances"]}
    good = {name: one["assurance"] for name, one in found.items() if one["result"] == "imported"}
    scored = {"halves": "reward_file", "empty": "reward_file"}
    assert good == {**scored, "halves-tb": "exit_code"}, found
    assert "changes nothing" in found["lazy"]["reason"]
    assert "no reward" in found["silent"]["reason"] or "missing" in found["silent"]["reason"]
    assert "nvidia/cuda:12" in found["bare"]["reason"]
    tasks = {task.instance_id: task for task in packs.load("./taken", base=tmp_path)}
    assert tasks["halves"].problem_statement.startswith("Half of three cents")
    assert [file.path for file in packs.tree_files(tasks["halves"])] == ["purse/__init__.py"]
    assert packs.tree_files(tasks["empty"]) == ()
    assert_graded(tmp_path, tasks)


def test_services_of_a_compose_file_run_beside_the_work(tmp_path):
    suite = tmp_path / "suite"
    harbor(suite, "composed", **COMPOSED)
    broken = {"environment__rates__server.py": "raise SystemExit('no rates today')\n"}
    harbor(suite, "broken", **{**COMPOSED, **broken})
    rooted = COMPOSE.replace('ports: ["8000:8000"]', "privileged: true")
    harbor(suite, "rooted", **{**COMPOSED, "environment__docker-compose.yaml": rooted})
    done = arena(
        *("tasks", "import", "suite", "--out", "taken", "--format", "json"),
        cwd=tmp_path,
        timeout_s=500,
    )
    found = {one["instance_id"]: one for one in done.json["instances"]}
    assert "unknown key 'services.rates.privileged'" in found["rooted"]["reason"]
    assert "the service rates ended with 1: no rates today" in found["broken"]["reason"]
    assert found["composed"]["result"] == "imported", found
    assert found["composed"]["notes"] == [
        "Python 3.11 of Debian 12 stands for python:3.11-slim",
        "Python 3.11 of Debian 12 stands for python:3.11",
    ]
    (task,) = packs.load("./taken", base=tmp_path)
    (rates,) = task.composition.services
    assert (rates.name, rates.image) == ("rates", "composed.rates")
    assert "+open 1 7 999" in packs.gold_patch(task)
    assert_graded(tmp_path, {"composed": task})


def assert_graded(folder, tasks):
    """The gold patch of each passes, and neither a wrong one nor none."""
    rows = [
        {"instance_id": name, "model_name_or_path": model, "model_patch": patch}
        for name, task in tasks.items()
        for gold in [packs.gold_patch(task)]
        for model, patch in (("gold", gold), ("wrong", gold.replace("+ 1", "+ 5")), ("none", ""))
    ]
    (folder / "p.json").write_text(json.dumps(rows))
    done = arena("grade", "p.json", "--tasks", "./taken", "--format", "json", cwd=folder)
    verdicts = {(one["instance_id"], one["model"]): one["verdict"] for one in done.json["results"]}
    expected = {"gold": "passed", "wrong": "failed", "none": "no_patch"}
    assert verdicts == {(name, model): expected[model] for name in tasks for model in expected}
