"""Budgets in USD and tokens: reserve before a call, settle after.

A trial reserves its whole cap from its contestant and from the run before it starts, and gives back
what it did not spend when it ends; inside it each call reserves its expected cost first. So a
budget is overshot by at most what the calls in flight cost beyond their own reservations.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from arena.errors import HarnessError, InputError
from arena.records import Budget, Limits

Resource = Literal["usd", "tokens"]
ZERO = Decimal(0)


@dataclass(frozen=True)
class Amount:
    """Money and tokens together. Unknown money counts as 0 here: tokens bound it."""

    usd: Decimal = ZERO
    tokens: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.usd + other.usd, self.tokens + other.tokens)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.usd - other.usd, self.tokens - other.tokens)


class Account:
    """One budget shared by threads: `spent + held` stays within it whenever something is held."""

    def __init__(self, ceiling: Budget, spent: Amount | None = None) -> None:
        self._ceiling = ceiling
        self.spent = spent or Amount()
        """Settled so far."""
        self.held = Amount()
        """Set aside and not settled yet."""
        self._lock = threading.RLock()

    def hold(self, amount: Amount) -> Resource | None:
        """Set an amount aside, or say what there is too little of and set nothing aside."""
        with self._lock:
            short = self._short(self.spent + self.held + amount)
            if short is None:
                self.held += amount
            return short

    def lasts(self, amount: Amount) -> bool:
        """Whether an amount could be held once everything held now is given back unspent."""
        with self._lock:
            return self._short(self.spent + amount) is None

    def _short(self, needed: Amount) -> Resource | None:
        """What there is too little of for an amount in all."""
        most = self._ceiling
        if most.usd is not None and needed.usd > most.usd:
            return "usd"
        return "tokens" if most.tokens is not None and needed.tokens > most.tokens else None

    def settle(self, held: Amount, spent: Amount) -> None:
        """Turn a held amount into a spent one; they may differ."""
        with self._lock:
            self.held -= held
            self.spent += spent


class TrialBudget(Account):
    """One trial's, open until `close`; its cap is held by its parents, contestant's and run's."""

    def __init__(
        self,
        ceiling: Budget,
        cap: Amount | None = None,
        parents: Sequence[Account] = (),
        spent: Amount | None = None,
    ) -> None:
        super().__init__(ceiling, spent)
        self._cap = cap or Amount()
        self._parents = parents
        self._uncertain = Amount()  # the part of what is spent that may have cost nothing
        self._closed = False

    def hold(self, amount: Amount) -> Resource | None:
        """Reserve one call, or say which limit is reached.

        Raises `HarnessError` once the trial is over: its parents would know nothing of the call.
        """
        with self._lock:
            if self._closed:
                raise HarnessError("the trial is over")
            return super().hold(amount)

    def settle(self, held: Amount, spent: Amount, *, certain: bool = True) -> None:
        """Settle one call, which may have outlived its trial; doubtful spending counts too."""
        with self._lock:
            if not certain:
                self._uncertain += spent
            super().settle(held, spent)
            for parent in self._parents if self._closed else ():
                parent.settle(held, spent)

    def held_by_doubt(self, amount: Amount) -> bool:
        """Whether only uncertain spending keeps an amount from being held."""
        with self._lock:
            return self._short(self.spent + self.held + amount - self._uncertain) is None

    def close(self) -> None:
        """Give back what was not spent, less what calls still in flight hold; once is enough."""
        with self._lock:
            for parent in () if self._closed else self._parents:
                parent.settle(self._cap - self.held, self.spent)
            self._closed = True


class Budgets:
    """The run's budget and those of its contestants."""

    def __init__(
        self,
        limits: Limits,
        run: Budget,
        contestants: Mapping[str, Budget],
        spent: Mapping[str, Amount],
    ) -> None:
        """With what contestants spent in earlier sessions; raises what `check_budgets` does."""
        self._ceiling = Budget(usd=limits.usd, tokens=limits.tokens)
        self._cap = Amount(limits.usd or ZERO, limits.tokens or 0)
        self._run = Account(run, sum(spent.values(), Amount()))
        self._contestants = {
            name: Account(ceiling, spent.get(name)) for name, ceiling in contestants.items()
        }
        check_budgets(limits, (run, *contestants.values()))

    def open_trial(self, contestant: str, *, metered: bool = True) -> TrialBudget | str:
        """Reserve a trial's cap, or say why it cannot start; controls are not `metered`."""
        if not metered:
            return TrialBudget(self._ceiling)
        own, cap = self._contestants.get(contestant, Account(Budget())), self._cap
        if (short := own.hold(cap)) is not None:
            return _short(short, contestant)
        if (short := self._run.hold(cap)) is not None:
            own.settle(cap, Amount())
            return _short(short, "the run")
        return TrialBudget(self._ceiling, cap, (own, self._run))

    def may_open_later(self, contestant: str) -> bool:
        """Whether a trial that cannot start now may start when running ones give back."""
        own = self._contestants.get(contestant, self._run)
        return self._run.lasts(self._cap) and own.lasts(self._cap)


def _short(kind: str, of: str) -> str:
    return f"what is left of the {kind} budget of {of} is less than one trial may spend"


def check_budgets(limits: Limits, budgets: Iterable[Budget]) -> None:
    """Raise `InputError` at a budget without the trial limit that makes it enforceable."""
    for budget in budgets:
        for name in ("usd", "tokens"):
            if getattr(budget, name) is not None and getattr(limits, name) is None:
                what = f"budget.{name} cannot be held without limits.{name}"
                remedy = f"set limits.{name}: what one trial may spend at most"
                raise InputError(what, where="[budget]", remedy=remedy)
