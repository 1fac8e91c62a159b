import pytest

from arena.records import File
from arena.sandbox.image.images import Images


@pytest.fixture(scope="session")
def image(engine, any_task):
    """A small image with one file in its work tree."""
    tree = (File(path="file", data=b"content\n"),)
    return Images(engine, lambda _: tree).ensure([any_task])[any_task.id].id
