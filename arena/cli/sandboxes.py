"""`arena sandboxes` and `arena baseline`: what this machine provides, images and an endpoint."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Format, FormatFlag, argument, emit, our_images, say, unset, write_file
from arena.errors import InputError

app = typer.Typer(help="Build, list and prune what trials run in.", no_args_is_help=True)
baseline = typer.Typer(help="The search baseline: no language model.", no_args_is_help=True)

GB = 10**9
COLUMNS = ("kind", "name", "size_gb", "last_used", "in_use", "id")


@app.command()
def build(
    names: Annotated[list[str] | None, argument("Languages.", otherwise="all")] = None,
) -> None:
    """Build the language images, each on its base, where they are missing.

    Example: arena sandboxes build python
    """
    with our_images() as (_, ours):
        for name, image in ours.ensure_languages(names, say).items():
            print(f"{name} {image.id}")


@app.command("list")
def list_(format_: FormatFlag = Format.TABLE) -> None:
    """List our images and agents' programs on the engine, the least recently used first.

    Example: arena sandboxes list
    """
    from arena.sandbox.image import layer
    from arena.sandbox.image.store import Image

    rows = []
    with our_images() as (engine, _):
        for one in layer.kept(engine.connection):
            used, what = datetime.fromtimestamp(one.last_used_s, UTC), one.what
            row = {
                "kind": what.kind,
                "name": what.name,
                "size_gb": round(one.own_bytes / GB, 3),
                "last_used": used.isoformat(timespec="seconds"),
                "in_use": one.in_use,
                "id": what.id.removeprefix("sha256:")[:12],
                "base": what.base if isinstance(what, Image) else "",
            }
            rows.append(row)
    emit("images", rows, COLUMNS, format_)


@app.command()
def prune(
    keep_gb: Annotated[float, typer.Option(min=0, max=1e9, help="Keep at most this much, in GB.")],
) -> None:
    """Remove the least recently used, never what is in use and nothing that is not ours.

    Example: arena sandboxes prune --keep-gb 20
    """
    from arena.sandbox.image import layer

    with our_images() as (engine, _):
        for one in layer.prune(engine.connection, int(keep_gb * GB)):
            print(f"removed {one.what.kind} {one.what.name}")


@app.command()
def push(
    to: Annotated[str, typer.Argument(help="A .tar, or a registry and repository.")],
    lock: Annotated[Path | None, unset("For a registry: where to write what was pushed.")] = None,
    name: Annotated[list[str] | None, unset("A language; may be repeated.", "all built")] = None,
) -> None:
    """Keep the base and language images, for other machines and later nights: fetched, not rebuilt.

    Example: arena sandboxes push 127.0.0.1:5000/arena --lock images.json
    """
    from arena.sandbox.image import store

    to_file = to.endswith(".tar")
    if to_file == (lock is not None):
        what = "a tar has no lock" if to_file else "what is pushed has to be found again"
        remedy = "leave it away" if to_file else "name a file, such as --lock images.json"
        raise InputError(what, where="--lock", remedy=remedy)
    with our_images() as (engine, ours):
        images = ours.kept(name)
        if lock is None:
            store.save(engine.connection, images, Path(to))
        else:
            pushed = store.push(engine.connection, images, to, say)
            write_file(lock, store.text_of(pushed), flag="--lock")
    for image in images:
        print(f"{image.kind} {image.name} {image.content[:12]}")


@app.command()
def pull(
    source: Annotated[Path, typer.Argument(help="A .tar, or the lock that push wrote.")],
) -> None:
    """Take images that push kept. They are trusted as if built here.

    Example: arena sandboxes pull images.json
    """
    from arena.sandbox.image import store

    with our_images() as (engine, _):
        if source.suffix == ".tar":
            found = store.load(engine.connection, source)
        else:
            found = store.fetch(engine.connection, store.read_lock(source), say)
    for image in found:
        print(f"{image.kind} {image.name} {image.content[:12]}")


@baseline.callback()
def _group() -> None:
    """Keeps `serve` a command of its own."""


@baseline.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8765,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve the baseline as an OpenAI-compatible endpoint until interrupted.

    Example: arena baseline serve --port 8765
    """
    from arena.demo import server

    with server.serve(host, port) as base_url:
        say(f"serving {base_url}; interrupt to stop")
        threading.Event().wait()
