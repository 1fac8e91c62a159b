"""A small agent that streams, and asks again a few times when a stream breaks off."""

import json
import os
import subprocess
import sys
import urllib.request
from typing import Any

BASE, TOKEN, MODEL = (os.environ[n] for n in ("BASE_URL", "TOKEN", "MODEL"))
TRIES = int(os.environ["SCALE"])
PARAMETERS = {"type": "object", "properties": {"command": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "bash", "parameters": PARAMETERS}}]


def streamed(history):
    body = {"model": MODEL, "messages": history, "tools": TOOLS, "stream": True}
    request = urllib.request.Request(
        f"{BASE}/chat/completions",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
    )
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    done = False
    with urllib.request.urlopen(request) as reply:
        for line in reply:
            data = line.removeprefix(b"data:").strip()
            if data == b"[DONE]":
                done = True
            elif line.startswith(b"data:") and json.loads(data)["choices"]:
                delta = json.loads(data)["choices"][0]["delta"]
                message["content"] += delta.get("content") or ""
                for piece in delta.get("tool_calls", []):
                    made = message.setdefault("tool_calls", [])
                    if piece["index"] == len(made):
                        made.append({k: v for k, v in piece.items() if k != "index"})
                    else:
                        arguments = piece["function"]["arguments"]
                        made[piece["index"]]["function"]["arguments"] += arguments
    if not done:
        raise OSError("the stream broke off")
    return message


def ask(history):
    for number in range(TRIES):
        try:
            return streamed(history)
        except (OSError, ValueError) as error:
            print(number, repr(error), flush=True)
    sys.exit(7)


history = [{"role": "user", "content": sys.stdin.read()}]
while True:
    message = ask(history)
    history.append(message)
    if not message.get("tool_calls"):
        break
    for made in message["tool_calls"]:
        command = json.loads(made["function"]["arguments"])["command"]
        done = subprocess.run(
            ["bash", "-c", command], check=False, capture_output=True, text=True, errors="replace"
        )
        history.append(
            {"role": "tool", "tool_call_id": made["id"], "content": done.stdout + done.stderr}
        )
