"""A stand-in for a vendor with all the APIs that its profile knows.

Chat completions are held to the vendor's rules (`tests.servers.vendor`), the other two to those of
the APIs (`tests.servers.many_apis`).
"""

from collections.abc import Callable

from tests.servers.many_apis import ManyStub, api
from tests.servers.openai_stub import Answer, Request, error
from tests.servers.vendor import SHIPPED, Turn, Vendor


class ManyVendor(Vendor):
    """`Vendor` with Messages and Responses beside chat completions."""

    def __init__(self, provider: str, script: Callable[[Request], Answer], *, key: str) -> None:
        super().__init__(provider, lambda request: _turn(script(request)), key=key)
        self._script = script
        self.stub: ManyStub = ManyStub(self._answer)

    @property
    def endpoints(self) -> dict[str, str]:
        """Where the profile's other APIs are found here."""
        region = next(iter(SHIPPED.profiles[self.provider].regions.values()))
        return {name: f"{self.stub.url}{_path(url)}" for name, url in region.endpoints.items()}

    @property
    def told(self) -> tuple[int, int]:
        """Prompt and output tokens of everything served, by any API."""
        chat = [(g.prompt, g.output) for g in self.truth]
        other = [
            (s.usage["prompt_tokens"], s.usage["completion_tokens"])
            for s in self.stub.served
            if api(s.request) != "chat"
        ]
        both = [*chat, *other]
        return sum(prompt for prompt, _ in both), sum(output for _, output in both)

    def _reply(self, request: Request, number: int, *, crowded: bool) -> Answer:
        if api(request) == "chat":
            return super()._reply(request, number, crowded=crowded)
        sent = request.headers.get("authorization"), request.headers.get("x-api-key")
        if sent not in {(f"Bearer {self.key}", None), (None, self.key)}:
            return error(401)
        return self._script(request)


def _turn(answer: Answer) -> Turn:
    return Turn(answer.message, str(answer.finish_reason))


def _path(url: str) -> str:
    return "/" + url.partition("://")[2].partition("/")[2].rstrip("/")
