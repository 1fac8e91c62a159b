"""Reserve before, settle after, whatever the threads do."""

import random
import threading
from decimal import Decimal

import pytest

from arena.errors import HarnessError, InputError
from arena.money.budget import Account, Amount, Budgets
from arena.records import Budget, Limits

LIMITS = Limits(usd=Decimal(1), tokens=1000)


def usd(value):
    return Amount(Decimal(str(value)), 0)


def test_what_is_held_cannot_be_held_again():
    account = Account(Budget(usd=Decimal(1)))
    assert account.hold(usd("0.6")) is None
    assert account.hold(usd("0.6")) == "usd"
    account.settle(usd("0.6"), usd("0.1"))
    assert account.hold(usd("0.6")) is None


def test_tokens_are_a_budget_of_their_own():
    account = Account(Budget(tokens=10))
    assert account.hold(Amount(Decimal(99), 10)) is None
    assert account.hold(Amount(tokens=1)) == "tokens"


def test_thirty_two_threads_overshoot_by_no_more_than_their_surprises():
    """Each call costs up to twice its reservation; the sum of the excess is all that may be over."""
    account = Account(Budget(usd=Decimal(100)))
    reservation, worst_excess = Decimal("0.5"), Decimal("0.5")
    in_flight, peak, lock = [0], [0], threading.Lock()

    def spend(seed):
        dice = random.Random(seed)
        while account.hold(Amount(reservation)) is None:
            with lock:
                in_flight[0] += 1
                peak[0] = max(peak[0], in_flight[0])
            cost = reservation + worst_excess * Decimal(str(round(dice.random(), 3)))
            with lock:
                in_flight[0] -= 1
            account.settle(Amount(reservation), Amount(cost))

    threads = [threading.Thread(target=spend, args=(n,)) for n in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Decimal("99.5") < account.spent.usd <= 100 + 32 * worst_excess
    assert account.held == Amount()


def test_a_trial_starts_only_if_its_whole_cap_fits():
    budgets = Budgets(LIMITS, Budget(usd=Decimal("2.5")), {}, {})
    first, second = budgets.open_trial("a"), budgets.open_trial("b")
    assert (
        budgets.open_trial("a")
        == "what is left of the usd budget of the run is less than one trial may spend"
    )
    first.hold(usd("0.2"))
    first.settle(usd("0.2"), usd("0.1"))
    first.close()
    first.close()
    third = budgets.open_trial("a")
    assert not isinstance(third, str)
    second.close()
    third.close()
    assert budgets._run.spent == usd("0.1")


def test_one_contestant_cannot_spend_what_is_another_ones():
    budgets = Budgets(LIMITS, Budget(), {"a": Budget(tokens=1500)}, {})
    assert not isinstance(budgets.open_trial("a"), str)
    assert (
        budgets.open_trial("a")
        == "what is left of the tokens budget of a is less than one trial may spend"
    )
    assert not isinstance(budgets.open_trial("b"), str)


def test_a_refusal_by_the_run_gives_the_contestants_share_back():
    budgets = Budgets(LIMITS, Budget(usd=Decimal(1)), {"a": Budget(usd=Decimal(1))}, {})
    other = budgets.open_trial("b")
    assert (
        budgets.open_trial("a")
        == "what is left of the usd budget of the run is less than one trial may spend"
    )
    other.close()
    assert not isinstance(budgets.open_trial("a"), str)


def test_earlier_sessions_count():
    budgets = Budgets(LIMITS, Budget(usd=Decimal(2)), spent={"a": usd("1.5")}, contestants={})
    assert (
        budgets.open_trial("b")
        == "what is left of the usd budget of the run is less than one trial may spend"
    )


def test_controls_hold_nothing():
    budgets = Budgets(LIMITS, Budget(usd=Decimal(1)), spent={"a": usd(1)}, contestants={})
    assert not isinstance(budgets.open_trial("oracle", metered=False), str)


def test_a_budget_needs_the_limit_that_makes_it_hold():
    with pytest.raises(InputError, match=r"limits\.usd"):
        Budgets(Limits(tokens=5), Budget(usd=Decimal(1)), {}, {})


def test_thirty_two_trials_at_once_stay_within_the_run():
    budgets = Budgets(Limits(usd=Decimal("0.3")), Budget(usd=Decimal(5)), {}, {})
    reservation = usd("0.1")

    def work():
        while not isinstance(trial := budgets.open_trial("a"), str):
            while trial.hold(reservation) is None:
                trial.settle(reservation, usd("0.11"))
            trial.close()

    threads = [threading.Thread(target=work) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A trial spends at most its cap and the excess of one call.
    assert budgets._run.spent.usd <= 5 + 32 * Decimal("0.03")
    assert budgets._run.spent.usd > Decimal("4.5")


def test_a_call_that_outlives_its_trial_still_reaches_the_run():
    budgets = Budgets(LIMITS, Budget(usd=Decimal("1.5")), {"a": Budget(usd=Decimal("1.5"))}, {})
    trial = budgets.open_trial("a")
    trial.hold(usd("0.1"))
    trial.settle(usd("0.1"), usd("0.2"))
    trial.hold(usd("0.4"))
    trial.close()
    assert budgets._run.spent == usd("0.2")
    # 0.2 spent and 0.4 still held by the call: a trial's cap of 1 does not fit into what is left.
    assert (
        budgets.open_trial("a")
        == "what is left of the usd budget of a is less than one trial may spend"
    )
    trial.settle(usd("0.4"), usd("0.3"), certain=False)
    assert budgets._run.spent == usd("0.5")
    assert trial.spent == usd("0.5")
    assert not isinstance(budgets.open_trial("a"), str)


def test_a_call_settled_while_its_trial_closes_counts_once():
    for _ in range(200):
        budgets = Budgets(LIMITS, Budget(usd=Decimal(100)), {}, {})
        trial = budgets.open_trial("a")
        trial.hold(usd("0.4"))
        ends = [
            threading.Thread(target=trial.settle, args=(usd("0.4"), usd("0.3"))),
            threading.Thread(target=trial.close),
        ]
        for thread in ends:
            thread.start()
        for thread in ends:
            thread.join()
        assert budgets._run.spent == usd("0.3")
        assert budgets._run.held == Amount()


def test_no_call_is_reserved_once_its_trial_has_given_the_rest_back():
    budgets = Budgets(LIMITS, Budget(usd=Decimal("1.5")), {}, {})
    trial = budgets.open_trial("a")
    trial.close()
    with pytest.raises(HarnessError, match="over"):
        trial.hold(usd("0.4"))
    assert budgets._run.held == Amount()


def test_whether_a_trial_may_start_later_does_not_depend_on_who_holds_what_meanwhile():
    """Asked while others open and close trials: what they hold comes back, so it is always yes."""
    budgets = Budgets(LIMITS, Budget(usd=Decimal(1)), {}, {})
    over = threading.Event()

    def churn():
        while not over.is_set():
            if not isinstance(trial := budgets.open_trial("a"), str):
                trial.close()

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        answers = {budgets.may_open_later("a") for _ in range(20_000)}
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert answers == {True}
