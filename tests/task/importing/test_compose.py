"""Compose files as they are read: what is carried, and what is refused in one line."""

import pytest

from arena.paths import SafePath
from arena.records import File
from arena.task.files import read_tree
from arena.task.formats.compose import HARNESS, read_composed
from arena.task.formats.harbor import read_scripts
from arena.task.formats.instances import Unreadable
from tests.task import toy

HEAD = "services:\n  main:\n    depends_on: [cache]\n"
CACHE = HEAD + "  cache:\n    image: redis:7\n"


def composition(folder, text, given=None, **files):
    names = {name.replace("__", "/"): one for name, one in files.items()}
    toy.write(folder, {"docker-compose.yaml": text, **names})
    root = SafePath(folder)
    return read_composed(root, read_tree(root), "main", given or {})


def test_services_come_with_all_that_they_are_started_with(tmp_path):
    text = """\
version: "3.8"
services:
  main:
    build: {context: .}
    environment: {URL: "http://${HOST:-api}:80", UNSET: }
    volumes: ["${HOST_LOGS}:/logs", "kept:/seen:ro"]
  api:
    build: {context: ./api, dockerfile: Dockerfile.api}
    container_name: the-api
    networks: {default: {aliases: [rates]}}
    deploy: {replicas: "${NOBODY_KNOWS}"}
    working_dir: /srv
    entrypoint: [run]
    command: serve --port 80 "two words"
    user: web
    ports: ["80:80"]
    environment: [KEY=$KEY, "PRICE=$$5", PASSED_ON]
    volumes: ["./init.sql:/init.d/init.sql:ro", "./api:/data", "kept:/var/kept", "/scratch"]
    depends_on: {db: {condition: service_healthy}, seed: {condition: service_completed_successfully}}
    healthcheck: {test: "test $$HOME", interval: 1s}
  seed:
    image: debian
    mem_limit: 1g
    healthcheck: {disable: true}
    volumes: [{type: volume, source: kept, target: /to, read_only: true}]
  db:
    image: postgres:16
    healthcheck: {test: [CMD, pg_isready]}
volumes: {kept: }
"""
    files = {
        "Dockerfile": "FROM a\n",
        "init.sql": "x",
        "api__Dockerfile.api": "FROM b",
        "api__run": "",
    }
    found = composition(tmp_path, text, {"KEY": "k", "HOST_LOGS": HARNESS}, **files)
    services = {one.name: one for one in found.composition.services}
    assert list(services)[-1] == "api"
    assert {name for name, one in services.items() if one.ends} == {"seed"}
    assert found.builds["db"][0].data.decode() == (
        'FROM postgres:16\nHEALTHCHECK CMD ["pg_isready"]\n'
    )
    assert found.builds["seed"][0].data.decode() == "FROM debian\nHEALTHCHECK NONE\n"
    assert services["seed"].mounts == ("kept:/to:ro",)
    api = services["api"]
    assert api.aliases == ("the-api", "rates")
    assert (api.mounts, found.composition.mounts) == (("kept:/var/kept",), ("kept:/seen:ro",))
    assert {file.path: file.data.decode() for file in found.builds["api"]} == {
        "run": "",
        "Dockerfile.api": "FROM b",
        "compose-mounts/0": "x",
        "compose-mounts/1/Dockerfile.api": "FROM b",
        "compose-mounts/1/run": "",
        "Dockerfile": """\
FROM b
COPY ["compose-mounts/0", "/init.d/init.sql"]
COPY ["compose-mounts/1/", "/data/"]
ENV KEY="k"
ENV PRICE="\\$5"
USER web
WORKDIR /srv
CMD []
ENTRYPOINT ["run"]
CMD ["serve", "--port", "80", "two words"]
HEALTHCHECK CMD ["/bin/sh", "-c", "test $HOME"]
""",
    }
    assert found.environment == {"URL": "http://api:80"}
    assert {file.path for file in found.builds["main"]} >= {"Dockerfile", "api/run"}


def test_a_terminal_bench_directory_gives_its_variables(tmp_path):
    text = """\
services:
  client:
    build: {dockerfile: Dockerfile}
    image: ${T_BENCH_TASK_DOCKER_CLIENT_IMAGE_NAME}
    container_name: ${T_BENCH_TASK_DOCKER_CLIENT_CONTAINER_NAME}
    command: ["sh", "-c", "sleep infinity"]
    environment: ["TEST_DIR=${T_BENCH_TEST_DIR}"]
    volumes:
      - ${T_BENCH_TASK_LOGS_PATH}:${T_BENCH_CONTAINER_LOGS_PATH}
      - ${T_BENCH_TASK_AGENT_LOGS_PATH}:${T_BENCH_CONTAINER_AGENT_LOGS_PATH}
    depends_on: {api: {condition: service_healthy}}
  api:
    build: ./api
    image: ${T_BENCH_TASK_DOCKER_NAME_PREFIX}__api
"""
    toy.write(
        tmp_path / "one",
        {
            "task.yaml": "instruction: x\n",
            "Dockerfile": "FROM a\n",
            "api/Dockerfile": "FROM b\n",
            "docker-compose.yaml": text,
            "run-tests.sh": "true\n",
        },
    )
    (found,) = read_scripts(tmp_path)
    assert found.test_command == ("env", "TEST_DIR=/tests", "bash", "/tests/run-tests.sh")
    (api,) = found.composed.composition.services
    assert (api.name, found.composed.composition.mounts) == ("api", ())
    assert found.composed.builds["api"] == (File(path="Dockerfile", data=b"FROM b\n"),)
    assert {file.path for file in found.build} == {"Dockerfile", "api/Dockerfile"}


def test_a_harbor_directory_may_say_what_harbor_mounts(tmp_path):
    text = """\
services:
  main:
    build: {context: "${CONTEXT_DIR}"}
    image: ${MAIN_IMAGE_NAME}
    volumes:
      - ${HOST_VERIFIER_LOGS_PATH}:${ENV_VERIFIER_LOGS_PATH}
      - {type: bind, source: "${HOST_AGENT_LOGS_PATH}", target: "${ENV_AGENT_LOGS_PATH}"}
  cache: {image: redis}
"""
    files = {"task.toml": "", "instruction.md": "x\n", "tests/test.sh": "true\n"}
    image = {"Dockerfile": "FROM a\n", "docker-compose.yaml": text}
    image = {f"environment/{name}": one for name, one in image.items()}
    toy.write(tmp_path / "one", {**files, **image})
    (found,) = read_scripts(tmp_path)
    assert [one.name for one in found.composed.composition.services] == ["cache"]
    assert found.composed.composition.mounts == ()


def test_a_file_of_one_container_says_how_it_is_built_and_its_variables(tmp_path):
    text = """\
services:
  main:
    build: {context: app, dockerfile: Dockerfile.app, args: {LEVEL: 2}}
    privileged: true
    network_mode: none
    environment: {URL: "$URL", NO: "$UNSET"}
    volumes: ["./seen:/seen:ro", "./empty:/empty", {type: tmpfs, target: /t}]
  spare:
    image: redis
    profiles: [debug]
"""
    dockerfile = "ARG LEVEL=1\nFROM a\n"
    files = {"app__Dockerfile.app": dockerfile, ".env": "URL='http://here' # so\n", "seen": "x"}
    found = composition(tmp_path, text, **files)
    assert (found.composition, found.environment) == (None, {"URL": "http://here", "NO": ""})
    assert {file.path: file.data.decode() for file in found.builds["main"]} == {
        "Dockerfile.app": dockerfile,
        "compose-mounts/0": "x",
        "Dockerfile": """\
ARG LEVEL="2"
FROM a
COPY ["compose-mounts/0", "/seen"]
RUN ["mkdir", "-p", "/empty"]
""",
    }


def test_a_stage_may_stand_behind_a_comment_that_seems_to_go_on(tmp_path):
    text = CACHE.replace("image: redis:7", "build: {target: one}")
    found = composition(tmp_path, text, Dockerfile="FROM a AS one\n# as \\\nFROM b AS two\n")
    dockerfile = next(one for one in found.builds["cache"] if one.path == "Dockerfile")
    assert dockerfile.data == b"FROM a AS one\n"


def test_a_service_is_built_as_the_file_says(tmp_path):
    text = (
        CACHE
        + """\
    networks: [front, default]
    env_file: [one.env, {path: gone.env, required: false}]
    environment: {THREE: "${GIVEN:+given}${GONE:+gone}${GONE-none}${EMPTY-}${EMPTY:-blank}"}
    tmpfs: /run
  built:
    build:
      dockerfile_inline: |
        FROM a AS first
        arg A B="1 C=1" \\
            C=2 D=$$C
        ARG B=1

        FROM b
      args: [A=$$x, C=3]
      target: first
      network: host
"""
    )
    text = text.replace("main:\n", "main:\n    networks: [front, default]\n")
    text += "    networks: [front]\n"
    one = "# no\nexport ONE=1 # so\nTWO=\"a $GIVEN\"\nTHREE=3\n\nFOUR='$GIVEN'\nFIVE=a#b\n"
    files = {"Dockerfile": "FROM a\n", "one.env": one}
    found = composition(tmp_path, text, {"GIVEN": "g", "EMPTY": ""}, **files)
    assert (
        found.builds["cache"][0].data.decode()
        == """\
FROM redis:7
ENV ONE="1"
ENV TWO="a g"
ENV THREE="givennoneblank"
ENV FOUR="\\$GIVEN"
ENV FIVE="a#b"
"""
    )
    dockerfile = next(file for file in found.builds["built"] if file.path == "Dockerfile")
    assert (
        dockerfile.data.decode()
        == """\
FROM a AS first
arg A="\\$x" B="1 C=1" \\
    C="3" D=$C
ARG B=1
"""
    )


def test_variables_are_those_that_compose_would_fill_in(tmp_path):
    env = """\
A=7 # seven
export B="${A}\\n\\$A \\"$GIVEN\\"" # its own lines and what is given
C: '$A'
D=a#b
E=
"""
    text = """\
services:
  main:
    build: {context: ., args: [A, UNKNOWN]}
    env_file: .env
    environment: {PORT: "${NONE:-$A}", SHELL: "$${A:-$${NONE}}", GIVEN: , NONE: }
"""
    found = composition(tmp_path, text, {"GIVEN": "g"}, **{".env": env}, Dockerfile="FROM a\nARG A")
    told = {"A": "7", "B": '7\n$A "g"', "C": "$A", "D": "a#b", "E": ""}
    more = {"PORT": "7", "SHELL": "${A:-${NONE}}", "GIVEN": "g"}
    assert found.environment == {**told, **more}
    (dockerfile,) = (one.data for one in found.builds["main"] if one.path == "Dockerfile")
    assert dockerfile == b'FROM a\nARG A="7"\n'


def test_tests_that_a_container_would_mount_are_no_empty_folder(tmp_path):
    text = "services: {client: {build: ., volumes: ['./tests:/tests']}}\n"
    task = {"task.yaml": "instruction: x\n", "run-tests.sh": "", "Dockerfile": "FROM a\n"}
    toy.write(tmp_path, {**task, "docker-compose.yaml": text, "tests/test_a.py": ""})
    (found,) = read_scripts(tmp_path)
    assert isinstance(found, Unreadable)
    assert "./tests is not for what works in the task" in found.reason


@pytest.mark.parametrize("many", ["services", "mounts"])
def test_a_file_cannot_have_the_same_files_copied_without_end(tmp_path, many):
    mounts = [f".:/m{number}" for number in range(300 if many == "mounts" else 0)]
    text = f"services:\n  main: {{build: ., volumes: {mounts}}}\n"
    text += "".join(f"  s{number}: {{build: .}}\n" for number in range(0 if mounts else 300))
    with pytest.raises(ValueError, match="its builds would take more than"):
        composition(tmp_path, text, Dockerfile="FROM a\n", data="x" * (16 << 20))


@pytest.mark.parametrize("name", ["docker-compose.yml", "compose.yaml", "compose.yml"])
def test_a_file_that_no_harness_reads_is_what_the_task_is_about(tmp_path, name):
    toy.write(tmp_path, {name: CACHE + "    privileged: true\n"})
    root = SafePath(tmp_path)
    assert read_composed(root, read_tree(root), "main", {}).composition is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            CACHE + "    privileged: true\n",
            "unknown key 'services.cache.privileged'; it is not car",
        ),
        (CACHE + "    network_mode: host\n", "'services.cache.network_mode'"),
        (CACHE + "    devices: [/dev/kvm]\n", "'services.cache.devices'"),
        (
            CACHE + "    volumes: ['/var/run/docker.sock:/s']\n",
            "/var/run/docker.sock is the host's",
        ),
        (CACHE + "    volumes: ['../up:/s']\n", "../up is the host's"),
        (CACHE + "    volumes: ['~/.ssh:/s']\n", "~/.ssh is the host's"),
        (CACHE + "    volumes: ['${GONE}:/s']\n", "':/s' does not say what is mounted"),
        (CACHE + "    volumes: [{type: bind, source: /, target: /s}]\n", "/ is the host's"),
        (
            CACHE
            + "    volumes: [{type: volume, source: a, target: /s, volume: {nocopy: true}}]\n",
            "services.cache.volumes[1]: ",
        ),
        (CACHE + "    volumes: [{type: bind}]\n", "services.cache.volumes[1]: "),
        (CACHE + "    hostname: 'a b'\n", "'a b' is no name of a host"),
        (CACHE + "    volumes: ['data:/']\n", "'data:/' mounts nothing below the root"),
        (CACHE + "    build: {context: ., secrets: [a]}\n", "'services.cache.build.secrets'"),
        (
            CACHE + "    environment: ['A=${TOKEN:?ask us}']\n",
            "the variable TOKEN is not given: ask us",
        ),
        (CACHE + "    environment: ['A=${B:-${C}}']\n", "a variable within another is not read"),
        (CACHE + "    environment: ['A=${B:-{}}']\n", "a variable within another is not read"),
        (CACHE + "    env_file: Dockerfile\n    build: .\n", "Dockerfile: A is not one text"),
        (
            CACHE + "    env_file: doubling.env\n    build: .\n",
            "doubling.env comes to more than 1,",
        ),
        (CACHE + "    env_file: gone.env\n", "gone.env is not in its directory"),
        (CACHE + "    build: {dockerfile: Other}\n", "cache: there is no Other"),
        (CACHE + "    build: {target: b}\n", "cache: there is no stage b"),
        ("services: {main: {extends: {file: a.yaml, service: b}}}\n", "'services.main.extends'"),
        ("services: {main: {build: .}}\ninclude: [more.yaml]\n", "unknown key 'include'"),
        (CACHE + "secrets: {a: {file: b}}\n", "unknown key 'secrets'"),
        (CACHE + "    networks: [back]\n", "networks without main are not supported: back"),
        (CACHE + "    depends_on: [b]\n  b: {image: c, depends_on: [cache]}\n", "cycle"),
        (CACHE + "  CACHE: {image: redis:6}\n", "its services differ in marks and capitals alone"),
        (CACHE + "    depends_on: [b]\n", "no service is called b"),
        (HEAD + "    cap_add: [ALL]\n  cache: {image: c}\n", "'services.main.cap_add'"),
        (HEAD + "  cache: {build: ./x}\n", "./x is not in its directory"),
    ],
)
def test_what_cannot_be_carried_is_refused_in_one_line(tmp_path, text, words):
    toy.write(
        tmp_path / "one",
        {
            "task.toml": "",
            "instruction.md": "x\n",
            "environment/Dockerfile": "FROM a\n#\nA='a\nb'\n",
            "environment/docker-compose.yaml": text,
            "environment/doubling.env": "A=ab\n" + "A=$A$A\n" * 99,
            "tests/test.sh": "true\n",
        },
    )
    (found,) = read_scripts(tmp_path)
    assert isinstance(found, Unreadable)
    assert words in found.reason
    assert "\n" not in found.reason


def test_a_profile_leaves_out_services_but_never_the_container_that_is_worked_in(tmp_path):
    text = """\
services:
  main:
    profiles: [work]
    depends_on: {cache: {condition: service_started, restart: true}}
    environment: {DEBUG: true}
  cache: {image: redis, profiles: []}
  spare: {image: redis, profiles: [debug]}
"""
    found = composition(tmp_path, text, Dockerfile="FROM a\n")
    assert [one.name for one in found.composition.services] == ["cache"]
    assert found.environment == {"DEBUG": "true"}
