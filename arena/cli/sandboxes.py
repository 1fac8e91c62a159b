"""`arena sandboxes`: the images that trials run in."""

import typer

app = typer.Typer(help="Build, list and prune the images trials run in.", no_args_is_help=True)


@app.command("build")
def build() -> None:
    """Build every language image."""
