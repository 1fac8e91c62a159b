"""A gateway with as many open sessions as a test wants, in front of a scripted endpoint."""

from contextlib import contextmanager

import httpx2

from arena.gateway.proxy_session import ProxySession
from arena.gateway.server import Gateway
from tests.backend.rig import PRICE, Rig
from tests.servers.many_apis import ManyStub

PATHS = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
}
MESSAGES = [{"role": "user", "content": "Fix it."}]
TOOL = {"type": "object", "properties": {"command": {"type": "string"}}}


def request(api, *, model="m", stream=False, **more):
    """A small request of an API, with one tool."""
    body = {"model": model, "stream": stream, **more}
    if api == "chat":
        tools = [{"type": "function", "function": {"name": "bash", "parameters": TOOL}}]
        return {"messages": MESSAGES, "tools": tools, **body}
    if api == "messages":
        tools = [{"name": "bash", "input_schema": TOOL}]
        return {
            "messages": MESSAGES,
            "system": "You fix.",
            "tools": tools,
            "max_tokens": 50,
            **body,
        }
    tools = [{"type": "function", "name": "bash", "parameters": TOOL}]
    return {"input": MESSAGES, "instructions": "You fix.", "tools": tools, **body}


class Sessions:
    """Opens sessions of one gateway; each is a trial with a client that has its token."""

    def __init__(self, gateway, stub, api, **how):
        self.gateway, self.stub, self.api = gateway, stub, api
        self.rig = Rig(stub, api=api, prices=(PRICE,), **how)

    @contextmanager
    def open(self, name="t1"):
        session = ProxySession(self.rig.trial(name))
        host, port = self.gateway.address
        with (
            self.gateway.serving(session),
            httpx2.Client(
                base_url=f"http://{host}:{port}",
                headers={
                    "authorization": f"Bearer {session.token}",
                    "anthropic-version": "2023-06-01",
                },
                timeout=30,
            ) as client,
        ):
            yield session, Asking(client, self.api)

    @property
    def book(self):
        return self.rig.book

    @property
    def notes(self):
        return self.rig.notes.entries


class Asking:
    """A client of one API."""

    def __init__(self, client, api):
        self.client, self.api = client, api

    def post(self, **how):
        return self.client.post(PATHS[self.api], json=request(self.api, **how))

    def stream(self, **how):
        body = request(self.api, stream=True, **how)
        return self.client.stream("POST", PATHS[self.api], json=body)


@contextmanager
def sessions(script, api="chat", **how):
    with ManyStub(script) as stub, Gateway() as gateway:
        made = Sessions(gateway, stub, api, **how)
        with made.rig.pool:
            yield made
