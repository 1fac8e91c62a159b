import urllib.request
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from arena import config
from arena.errors import InputError
from arena.records.base import Address

GOOD = """
name = "nightly"
tasks = ["core", "./our-pack"]
attempts = 3
concurrency = 8
[limits]
steps = 60
seconds = 900
usd = 1.50
output_tokens = 16000
[[contestant]]
name = "oracle"
agent = "oracle"
[[contestant]]
name = "local-qwen"
agent = "shell"
backend = { base_url = "http://127.0.0.1:8000/v1/", model = "qwen3-coder", api_key_env = "LOCAL_KEY", hourly_usd = 2.10 }
params = { protocol = "tools" }
"""


def load(tmp_path: Path, text: str) -> config.BakeoffConfig:
    path = tmp_path / "bakeoff.toml"
    path.write_text(text)
    return config.load(path)


def complaint(tmp_path: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    line = caught.value.line()
    assert "\n" not in line
    assert "bakeoff.toml" in line
    return line


def test_the_documented_example_is_read(tmp_path):
    made = load(tmp_path, GOOD)
    assert made.limits.usd == Decimal("1.50")
    assert made.contestant[1].backend.base_url == "http://127.0.0.1:8000/v1"
    assert made.contestant[1].backend.hourly_usd == Decimal("2.10")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("attempts = 3", "atempts = 3", ["unknown key 'atempts'", "did you mean 'attempts'"]),
        ("steps = 60", "stesp = 60", ["limits.stesp", "did you mean 'steps'"]),
        ("attempts = 3", "attempts = 0", ["attempts", "greater than or equal to 1"]),
        ('agent = "oracle"', 'agnet = "oracle"', ["contestant[1].agnet", "did you mean 'agent'"]),
        ("hourly_usd = 2.10", "hourly_eur = 2", ["contestant[2].backend.hourly_eur", "hourly_usd"]),
        (
            'agent = "oracle"',
            'efforts = ["hihg"]',
            ["contestant[1].efforts[1]: 'hihg' is not known", "did you mean 'high'?"],
        ),
        ('agent = "oracle"', 'efforts = ["low", "mid"]', ["efforts[2]", "did you mean 'medium'?"]),
        ('agent = "oracle"', 'efforts = [""]', ["efforts[1]", "known: none, minimal, low"]),
        ("hourly_usd = 2.10", "hourly_usd = -1", ["contestant[2].backend.hourly_usd"]),
        ("http://127.0.0.1:8000/v1/", "127.0.0.1:8000", ["base_url", "http://"]),
        ("http://127.0.0.1:8000/v1/", "http://me:hunter2@h/v1", ["base_url", "api_key_env"]),
        ("8000/v1/", "8000/v1?key=hunter2", ["base_url", "api_key_env"]),
        ("http://127.0.0.1:8000", "http://llm..example", ["base_url", "http://"]),
        ("http://127.0.0.1:8000", "http://llm.example:99999", ["base_url", "http://"]),
        ("http://127.0.0.1:8000", "http://[::1", ["base_url", "http://"]),
        ("http://127.0.0.1:8000", "http://two words", ["base_url", "http://"]),
        ("http://127.0.0.1:8000", "http://llm.m\u00fcnchen.example", ["base_url", "punycode"]),
        (
            "hourly_usd = 2.10",
            'hourly_usd = 2.10, endpoints = { messages = "https://h/v1?key=hunter2" }',
            ["endpoints.messages", "api_key_env"],
        ),
        ("LOCAL_KEY", "sk-hunter2-abc", ["contestant[2].backend.api_key_env"]),
        ("hourly_usd = 2.10", "hourly_usd = 1, price = { input = 1, output = 1 }", ["not both"]),
        ("attempts = 3", "attempts = " + "[" * 5000, ["nested too deeply"]),
        ('name = "local-qwen"', 'name = "oracle"', ["two contestants are called 'oracle'"]),
        ('name = "local-qwen"', 'name = "../up"', ["contestant[2].name"]),
        ('name = "nightly"', "", ["'name' is missing"]),
        ("[limits]", "[limits", ["not valid TOML"]),
        ("attempts = 3", "seed = -1", ["seed", "greater than or equal to 0"]),
        ("seconds = 900", "seconds = inf", ["inf, nan", "not taken"]),
        ('{ protocol = "tools" }', "{ temperature = nan }", ["inf, nan", "not taken"]),
        ("attempts = 3", 'agents = ["a\\u0000b"]', ["holds a NUL"]),
        ("attempts = 3", "seed = 0x" + "f" * 5000, ["thousands of digits", "not taken"]),
    ],
)
def test_bad_input_is_named(tmp_path, old, new, says):
    line = complaint(tmp_path, GOOD.replace(old, new))
    for part in says:
        assert part in line
    assert "hunter2" not in line


def test_a_text_may_speak_of_a_nul(tmp_path):
    text = GOOD.replace("attempts = 3", r"agents = ['a\u0000b', 'c\\u0000']")
    assert load(tmp_path, text).agents == (r"a\u0000b", r"c\\u0000")


def test_a_secret_in_the_address_is_not_repeated(tmp_path):
    line = complaint(tmp_path, GOOD.replace("http://127.0.0.1:8000", "http://me:hunter2@h"))
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hourly_usd = 2.10", 'extra_body = "Bearer hunter2"'),
        ('api_key_env = "LOCAL_KEY"', 'api_key_env = ["hunter2"]'),
        ("hourly_usd = 2.10", 'price = "hunter2"'),
    ],
)
def test_a_text_where_none_belongs_is_not_repeated(tmp_path, old, new):
    assert "hunter2" not in complaint(tmp_path, GOOD.replace(old, new))


ADDRESS = TypeAdapter(Address)
GOOD_ADDRESSES = (
    "http://h",
    "https://h:443/v1",
    "http://[::1]:8000/v1",
    "http://[::ffff:127.0.0.1]/v1",
    "http://10.0.0.7:65535/v1",
    "http://llm_1.local./v1",
    "http://xn--mnchen-3ya.example/v1",
    "http://h/caf%C3%A9/@team;x=1",
    "http://" + ".".join(["a" * 63] * 3) + "/v1",
)
BAD_NUMBERS = ("256.1.1.1", "1.2.3.4.5", "127.1", "0", "2130706433", "0x7f.1", "1.2.3.4.")
BAD_BRACKETS = ("[::1]x", "[::1", "[v1.a]", "[]", "[fe80::1%eth0]", "[fe80::1%25eth0]", "[1.2.3.4]")
BAD_NAMES = ("::1", "-a.de", "a-.de", ".a", "a..b", ".", "h%00", "h%2fx", "{host}", "$HOST", "h*")
BAD_ENDS = ("h;", "h\\x", "a[b]", "h:", "h:0", "h:65536", "h:99999999", "h:+80", "h:8_0")
TOO_LONG = ("a" * 64, ".".join(["a" * 63] * 4))
BAD_HOSTS = (*BAD_NUMBERS, *BAD_BRACKETS, *BAD_NAMES, *BAD_ENDS, *TOO_LONG)


@pytest.mark.parametrize("address", GOOD_ADDRESSES)
def test_an_address_is_kept_without_its_last_slash(address):
    assert ADDRESS.validate_python(f"{address}/") == address


@pytest.mark.parametrize(
    "address",
    [
        *(f"http://{host}/v1" for host in BAD_HOSTS),
        *(f"http://h/{path}" for path in ("a b", "a\tb", "\n", "\0", "\x7f", "x" * 2000)),
        *("", "h", "http:h", "http:///v1", "ftp://h", "HTTP://h", " http://h", "http://h\0"),
    ],
    ids=lambda address: ascii(address)[:40],
)
def test_what_no_client_could_connect_to_is_no_address(address):
    with pytest.raises(ValidationError, match="must be an http:// or https:// address"):
        ADDRESS.validate_python(address)


@pytest.mark.parametrize(
    "rest",
    ["m\u00fcnchen.de", "\u2603.net", "h/\u00e9", "h:\uff18\uff10", "a\u200bb", "h/\ud800"],
    ids=ascii,
)
def test_an_address_is_ascii(rest):
    with pytest.raises(ValidationError, match=r"punycode|unicode"):
        ADDRESS.validate_python(f"http://{rest}")


PIECES = st.sampled_from(
    [*".:/[]%@-_x0\\~|^{};'", "xn--", "[::1]", "127.0.0.1", "256.", "a.b", ":80", "%zz"]
)


@settings(max_examples=500)
@given(st.lists(PIECES, max_size=8).map("".join))
def test_clients_take_every_address(rest):
    try:
        address = ADDRESS.validate_python(f"http://{rest}")
    except ValidationError:
        return
    for client in (httpx2.URL, urllib.request.Request):
        client(f"{address}/models")
    parts = urlsplit(address)
    assert parts.hostname.encode("idna")
    assert parts.port != 0


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        config.load(tmp_path / "nothing.toml")
