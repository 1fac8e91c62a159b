"""What the stand-in endpoint itself takes for a call, which every other benchmark includes.

.venv/bin/python tests/benchmarks/stub.py [CALLS]
"""

import sys
import time

import openai

from tests.servers.openai_stub import Stub, text

if __name__ == "__main__":
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with Stub(lambda _: text("ok")) as stub:
        client = openai.OpenAI(base_url=stub.base_url, api_key="k", max_retries=0)
        began = time.monotonic()
        for _ in range(calls):
            client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "hello"}]
            )
        took_s = time.monotonic() - began
    print(f"{calls} calls one after the other: {took_s / calls * 1000:.1f} ms a call")
