"""`arena baseline`: the search baseline as a server of its own."""

import sys
import threading
from typing import Annotated

import typer

app = typer.Typer(help="The search baseline, which needs no language model.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `serve` a command of its own."""


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8765,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve the baseline as an OpenAI-compatible endpoint until interrupted.

    Example: arena baseline serve --port 8765
    """
    from arena.demo.baseline import server

    with server.serve(host, port) as base_url:
        print(f"serving {base_url}; interrupt to stop", file=sys.stderr)
        threading.Event().wait()
