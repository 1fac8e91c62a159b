"""What a suite can see: tasks needed for a gap, smallest gap for a number of tasks."""

from math import ceil, sqrt

from arena.errors import InputError
from arena.records import Record
from arena.stats.intervals import ALPHA, normal_quantile

POWER = 0.8
DISCORDANT = 0.2


def tasks_for_gap(
    gap: float, *, discordant: float = DISCORDANT, alpha: float = ALPHA, power: float = POWER
) -> int:
    """Tasks for a two-sided paired test to see a true `gap` of pass rates, 0 < |gap| <= 1, one
    attempt a task; `discordant` is the share of tasks that only one of the two passes.
    """
    share = max(discordant, abs(gap))
    root = normal_quantile(1 - alpha / 2) * sqrt(share) + normal_quantile(power) * sqrt(
        share - gap * gap
    )
    return ceil(root * root / (gap * gap))


def smallest_gap(
    tasks: int, *, spread: float = sqrt(DISCORDANT), alpha: float = ALPHA, power: float = POWER
) -> float:
    """Smallest true difference of pass rates that `tasks` paired tasks can see; at most 1.

    `spread` is the standard deviation of the per-task differences; with one attempt its square
    is about the share of discordant tasks.
    """
    z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return min(1.0, z * spread / sqrt(tasks))


class SuitePower(Record):
    """What a number of tasks can show, planned at one attempt a task and 20% discordant tasks.

    More attempts see a little more: they take the attempts' noise away, not the tasks'.
    """

    tasks: int
    smallest_gap: float
    """Difference of two pass rates seen with 80% power (two-sided, 5%)."""
    tasks_for: dict[float, int]
    """Tasks needed to see a gap of so much."""

    @property
    def line(self) -> str:
        """One sentence for plans and reports."""
        gaps = ", ".join(f"{gap * 100:.0f}" for gap in self.tasks_for)
        needs = ", ".join(str(tasks) for tasks in self.tasks_for.values())
        seen = self.smallest_gap * 100
        noun = "task" if self.tasks == 1 else "tasks"
        return (
            f"{self.tasks} {noun} can show a gap of {seen:.0f} points or more between two pass"
            f" rates (80% power, 5% error, one attempt); gaps of {gaps} points need {needs} tasks."
        )


def checked_margin(margin: float | None, tasks: int) -> float:
    """The margin to use: the given one if it is one, or the default.

    Raises:
        InputError: not a share between 0 and 1.
    """
    if margin is None:
        return default_margin(tasks)
    return _share(margin, "margin", "0.10")


def suite_power(tasks: int, gaps: tuple[float, ...] = (0.20, 0.10, 0.05)) -> SuitePower:
    """What `tasks` (at least one) can show, and what the gaps would need.

    Raises:
        InputError: a gap is not a share between 0 and 1.
    """
    return SuitePower(
        tasks=tasks,
        smallest_gap=smallest_gap(tasks),
        tasks_for={gap: tasks_for_gap(_share(gap, "gap", "0.05")) for gap in gaps},
    )


def _share(value: float, what: str, example: str) -> float:
    if 0 < value < 1:
        return value
    raise InputError(
        f"a {what} of {value} is none", where=f"--{what}", remedy=f"give a share, such as {example}"
    )


def default_margin(tasks: int) -> float:
    """Margin of "not worse" when none is given: 10 points from 100 tasks, else 20."""
    return 0.10 if tasks >= 100 else 0.20
