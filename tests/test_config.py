from decimal import Decimal
from pathlib import Path

import pytest

from arena import config
from arena.errors import InputError

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
        ("hourly_usd = 2.10", "hourly_usd = -1", ["contestant[2].backend.hourly_usd"]),
        ("http://127.0.0.1:8000/v1/", "127.0.0.1:8000", ["base_url", "http://"]),
        ("http://127.0.0.1:8000/v1/", "http://me:hunter2@h/v1", ["base_url", "api_key_env"]),
        ("8000/v1/", "8000/v1?key=hunter2", ["base_url", "api_key_env"]),
        ("http://127.0.0.1:8000", "http://llm..example", ["base_url", "http://"]),
        ("http://127.0.0.1:8000", "http://llm.example:99999", ["base_url", "http://"]),
        ("http://127.0.0.1:8000", "http://[::1", ["base_url", "http://"]),
        ("http://127.0.0.1:8000", "http://two words", ["base_url", "http://"]),
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
        ("[limits]", "[limits", ["not TOML"]),
    ],
)
def test_bad_input_is_named(tmp_path, old, new, says):
    line = complaint(tmp_path, GOOD.replace(old, new))
    for part in says:
        assert part in line
    assert "hunter2" not in line


def test_a_secret_in_the_address_is_not_repeated(tmp_path):
    line = complaint(tmp_path, GOOD.replace("http://127.0.0.1:8000", "http://me:hunter2@h"))
    assert "hunter2" not in line


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        config.load(tmp_path / "nothing.toml")
