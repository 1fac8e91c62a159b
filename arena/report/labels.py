"""Where names go on a chart so that they cover neither points nor each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

CHAR_PX = 6.8
LINE_PX = 15.0
GAP_PX = 9.0
MAX_CHARS = 26


class Box(NamedTuple):
    """Pixels, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, x: float, y: float, reach: float) -> "Box":
        """A square around a point."""
        return cls(x - reach, y - reach, x + reach, y + reach)

    def meets(self, other: "Box") -> bool:
        """Whether the two overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True, slots=True)
class Label:
    """A name and its offset from its point in pixels."""

    text: str
    align: Literal["left", "right"]
    dx: float
    dy: float


def place(
    names: Sequence[tuple[str, tuple[float, float]]],
    obstacles: Sequence[Box],
    width: float,
    height: float,
) -> list[Label | None]:
    """A place for each name, first come first served; None where there is none.

    Args:
        names: text and position of the point it belongs to, in pixels.
        obstacles: what no name may cover.
        width: of the plot, in pixels.
        height: of the plot, in pixels.
    """
    taken = list(obstacles)
    placed: list[Label | None] = []
    for name, (x, y) in names:
        text = name if len(name) <= MAX_CHARS else name[: MAX_CHARS - 1] + "…"
        placed.append(None)
        for label in _candidates(text):
            box = _box(label, x, y)
            inside = box.left >= 0 and box.right <= width + 12
            inside = inside and box.top >= -LINE_PX and box.bottom <= height
            if inside and not any(box.meets(other) for other in taken):
                taken.append(box)
                placed[-1] = label
                break
    return placed


def _candidates(text: str) -> Iterator[Label]:
    for dy in (-LINE_PX * 0.8, LINE_PX * 0.8, 0.0, -25.0, 25.0, -38.0, 38.0):
        yield Label(text, "left", GAP_PX, dy)
        yield Label(text, "right", -GAP_PX, dy)


def _box(label: Label, x: float, y: float) -> Box:
    length = len(label.text) * CHAR_PX
    start = x + label.dx - (length if label.align == "right" else 0.0)
    middle = y + label.dy
    return Box(start, middle - LINE_PX / 2, start + length, middle + LINE_PX / 2)
