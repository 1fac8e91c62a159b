"""Where a run stands: what going on with it needs, without a row a trial."""

from collections import defaultdict
from dataclasses import dataclass

from arena.matrix import trial_specs
from arena.money.budget import Amount
from arena.rundir import Manifest, RunDir
from arena.score import index
from arena.score.fold import TrialState
from arena.score.load import share_machines


@dataclass(frozen=True)
class Standing:
    """A run between two sessions."""

    done: frozenset[str]
    """Trials with a verdict."""
    tries: dict[str, int]
    """Tries so far of the trials without one."""
    spent: dict[str, Amount]
    """By contestant, all tries together; possibly billed calls count at their bound."""


def standing(rundir: RunDir, manifest: Manifest) -> Standing:
    """Read where a run stands.

    Raises:
        InputError: the ledger is broken.
    """
    if not rundir.ledger_path.exists():
        return Standing(frozenset(), {}, {})
    planned = {spec.id: (spec.contestant, spec.digest) for spec in trial_specs(manifest)}
    done: set[str] = set()
    tries: dict[str, int] = defaultdict(int)
    spent: dict[str, Amount] = defaultdict(Amount)

    def take(trial_id: str, part: TrialState) -> None:
        contestant, digest = planned.get(trial_id, ("", ""))
        sums = part.sums
        tokens = sums.token_sums()
        spent[contestant] += Amount(sums.known_usd + sums.bound, tokens.input + tokens.output)
        tries[trial_id] += part.tries
        if part.record is not None:
            counts = part.record.verdict is not None and part.record.digest == digest
            (done.add if counts else done.discard)(trial_id)

    fold = index.Index(rundir, manifest).replay(lambda line: take(*index.part(line)))
    fold.settle_open()
    share_machines(fold, manifest)
    for trial_id, part in fold.trials.items():
        take(trial_id, part)
    left = {trial_id: count for trial_id, count in tries.items() if trial_id not in done}
    return Standing(frozenset(done), left, dict(spent))
