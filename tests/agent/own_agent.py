"""A small agent that a user might bring: chat completions, one tool, nothing but the library."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

BASE, TOKEN, MODEL = (os.environ[n] for n in ("BASE_URL", "TOKEN", "MODEL"))
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "bash",
            "parameters": {"type": "object", "properties": {"command": {"type": "string"}}},
        },
    }
]


def ask(history):
    body = {"model": MODEL, "messages": history, "tools": TOOLS}
    request = urllib.request.Request(
        f"{BASE}/chat/completions",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        print("refused:", error.read().decode(), flush=True)
        sys.exit(7)


history = [{"role": "user", "content": sys.stdin.read()}]
total_in = total_out = 0
while True:
    reply = ask(history)
    message = reply["choices"][0]["message"]
    total_in += reply["usage"]["prompt_tokens"]
    total_out += reply["usage"]["completion_tokens"]
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
scale = float(os.environ.get("SCALE", "1"))
print(json.dumps({"used": {"in": int(total_in * scale), "out": total_out}}))
