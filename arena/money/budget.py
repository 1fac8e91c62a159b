"""Budgets in USD and tokens: reserve before a call, settle after.

Two levels. A trial reserves its whole cap from its contestant and from the run before it starts,
and gives back what it did not spend when it ends. Inside a trial each call reserves its expected
cost first. So a budget is overshot by at most what the calls in flight cost beyond their own
reservations.
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
        self._spent = spent or Amount()
        self._held = Amount()
        self._lock = threading.RLock()

    @property
    def spent(self) -> Amount:
        """Settled so far."""
        with self._lock:
            return self._spent

    @property
    def held(self) -> Amount:
        """Set aside and not settled yet."""
        with self._lock:
            return self._held

    def hold(self, amount: Amount) -> Resource | None:
        """Set an amount aside, or say what there is too little of and set nothing aside."""
        with self._lock:
            short = self._short(self._spent + self._held + amount)
            if short is None:
                self._held += amount
            return short

    def lasts(self, amount: Amount) -> bool:
        """Whether an amount could be held once everything held now is given back unspent."""
        with self._lock:
            return self._short(self._spent + amount) is None

    def _short(self, needed: Amount) -> Resource | None:
        """What there is too little of for an amount in all."""
        most = self._ceiling
        if most.usd is not None and needed.usd > most.usd:
            return "usd"
        return "tokens" if most.tokens is not None and needed.tokens > most.tokens else None

    def settle(self, held: Amount, spent: Amount) -> None:
        """Turn a held amount into a spent one; they may differ."""
        with self._lock:
            self._held -= held
            self._spent += spent


class TrialBudget(Account):
    """The budget of one trial, open until `close`. Calls may come from several threads.

    Args:
        ceiling: limits of the trial.
        cap: what it has reserved from its parents.
        parents: its contestant's budget and the run's.
        spent: what was spent of it before.
    """

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

        Raises:
            HarnessError: the trial is over, so that its parents would know nothing of it.
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
            return self._short(self._spent + self._held + amount - self._uncertain) is None

    def close(self) -> None:
        """Give back what was not spent, less what calls still in flight hold; once is enough."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for parent in self._parents:
                parent.settle(self._cap - self._held, self._spent)


class Budgets:
    """The run's budget and those of its contestants."""

    def __init__(
        self,
        limits: Limits,
        run: Budget,
        contestants: Mapping[str, Budget],
        spent: Mapping[str, Amount],
    ) -> None:
        """Budgets of one run.

        Args:
            limits: of each trial.
            run: ceilings of the whole run.
            contestants: ceilings by contestant name.
            spent: by contestant, what earlier sessions of the run spent.

        Raises:
            InputError: a budget without the trial limit that makes it enforceable.
        """
        total = sum(spent.values(), Amount())
        self._limits = limits
        self._cap = Amount(limits.usd or ZERO, limits.tokens or 0)
        self._run = Account(run, total)
        self._contestants = {
            name: Account(ceiling, spent.get(name)) for name, ceiling in contestants.items()
        }
        check_budgets(limits, (run, *contestants.values()))

    def open_trial(self, contestant: str, *, metered: bool = True) -> TrialBudget | str:
        """Reserve a trial's cap, or say in words why it cannot start.

        Args:
            contestant: whose trial.
            metered: False for controls, which make no calls.
        """
        limits = self._limits
        ceiling = Budget(usd=limits.usd, tokens=limits.tokens)
        if not metered:
            return TrialBudget(ceiling)
        own, cap = self._contestants.get(contestant), self._cap
        if own is not None and (short := own.hold(cap)) is not None:
            return _short(short, contestant)
        if (short := self._run.hold(cap)) is not None:
            if own is not None:
                own.settle(cap, Amount())
            return _short(short, "the run")
        return TrialBudget(ceiling, cap, (self._run,) if own is None else (own, self._run))

    def may_open_later(self, contestant: str) -> bool:
        """Whether a trial that cannot start now may start when running ones give back."""
        own = self._contestants.get(contestant)
        return self._run.lasts(self._cap) and (own is None or own.lasts(self._cap))

    @property
    def spent(self) -> Amount:
        """Settled by finished trials, earlier sessions included."""
        return self._run.spent


def _short(kind: str, of: str) -> str:
    return f"what is left of the {kind} budget of {of} is less than one trial may spend"


def check_budgets(limits: Limits, budgets: Iterable[Budget]) -> None:
    """Make sure that budgets can be held.

    Raises:
        InputError: a budget without the trial limit that makes it enforceable.
    """
    for budget in budgets:
        for name in ("usd", "tokens"):
            if getattr(budget, name) is not None and getattr(limits, name) is None:
                raise InputError(
                    f"budget.{name} cannot be held without limits.{name}",
                    where="[budget]",
                    remedy=f"set limits.{name}: what one trial may spend at most",
                )
