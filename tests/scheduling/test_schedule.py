"""Who goes when: one request computes what several share, and nothing ever waits for nobody."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.scheduling.dispatch import ask_all
from instit_bench.scheduling.schedule import Item, Schedule, leads_ahead


def schedule(*shares, ahead=4):
    """Items named by their number, which share a letter or nothing."""
    return Schedule([Item(number, key or None) for number, key in enumerate(shares)], ahead)


def taken(plan):
    """Everything that may go now."""
    turns = []
    while (turn := plan.take()) is not None:
        turns.append(turn)
    return turns


def values(turns):
    return [turn.item.value for turn in turns]


def test_the_first_of_an_image_goes_alone_and_the_others_once_it_is_computed():
    plan = schedule("a", "a", "a")
    (lead,) = taken(plan)
    assert lead.leads
    plan.computed(lead)
    assert values(taken(plan)) == [1, 2]
    assert plan.empty


def test_leads_of_other_images_go_ahead_but_only_so_many():
    plan = schedule(*"aabbccddeeff", ahead=3)
    leads = taken(plan)
    assert values(leads) == [0, 2, 4]
    plan.computed(leads[1])
    assert values(taken(plan)) == [3, 6], "a follower goes, which makes room for one more lead"


def test_what_shares_nothing_goes_at_once():
    plan = schedule("", "a", "a", "b", "")
    assert values(taken(plan)) == [0, 1, 3, 4]


def test_an_only_item_is_no_lead():
    (turn,) = taken(schedule("a"))
    assert not turn.leads


def test_without_a_prefix_cache_everything_goes_in_its_order():
    assert values(taken(schedule("a", "a", "b", "a", ahead=None))) == [0, 1, 2, 3]


def test_one_at_a_time_the_order_is_kept():
    plan = schedule(*"aaabbbab", ahead=leads_ahead(1, 1))
    order = []
    while (turn := plan.take()) is not None:
        order.append(turn.item.value)
        plan.computed(turn)
    assert order == list(range(8))


def test_when_a_lead_fails_the_next_one_leads():
    plan = schedule("a", "a", "a")
    (first,) = taken(plan)
    plan.failed(first)
    (second,) = taken(plan)
    assert (second.item.value, second.leads) == (1, True)
    plan.failed(second)
    (third,) = taken(plan)
    assert not third.leads, "nobody is left to wait for it"


def test_a_lead_that_fails_after_it_was_computed_has_done_its_work():
    plan = schedule("a", "a", "a")
    (lead,) = taken(plan)
    plan.computed(lead)
    plan.failed(lead)
    assert [turn.leads for turn in taken(plan)] == [False, False]


@pytest.mark.parametrize(
    ("in_flight", "engines", "ahead"),
    [(1, 1, 0), (2, 1, 1), (8, 1, 4), (64, 1, 4), (64, 4, 16), (8, 4, 4), (64, 0, None)],
)
def test_how_many_leads_are_ahead(in_flight, engines, ahead):
    assert leads_ahead(in_flight, engines) == ahead


groups = st.lists(st.sampled_from(["", *"abcde"]), max_size=30)


@given(groups, st.integers(1, 9), st.sampled_from([None, 0, 1, 4]), st.randoms())
def test_whatever_fails_each_item_goes_once_and_no_two_compute_the_same(
    shares, in_flight, ahead, chance
):
    """Turns end in any order, with or without an answer, some computed before they end."""
    plan = schedule(*shares, ahead=ahead)
    flying, seen, computed, early = [], [], set(), set()
    while True:
        while len(flying) < in_flight and (turn := plan.take()) is not None:
            key = turn.item.shares
            if key not in (None, *computed) and ahead is not None:
                assert key not in {other.item.shares for other in flying}, "two compute the same"
            flying.append(turn)
            seen.append(turn.item.value)
        if not flying:
            break
        turn = flying.pop(chance.randrange(len(flying)))
        if chance.random() < 0.4 and turn not in early:
            plan.computed(turn)
            computed.add(turn.item.shares)
            early.add(turn)
            flying.append(turn)  # its answer is still to come
            continue
        if chance.random() < 0.3:
            plan.failed(turn)
        else:
            plan.computed(turn)
            computed.add(turn.item.shares)
    assert sorted(seen) == list(range(len(shares)))
    assert plan.empty


@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.integers(1, 16))
def test_only_so_many_images_are_begun_at_a_time(letters, in_flight):
    """A cache has to hold those being asked and those ahead, not all."""
    letters.sort()
    ahead = leads_ahead(in_flight, 1)
    plan = schedule(*letters, ahead=ahead)
    while turns := [t for _ in range(in_flight) if (t := plan.take()) is not None]:
        uncomputed = [turn for turn in turns if turn.leads]
        assert len(uncomputed) <= max(1, ahead)
        for turn in turns:
            plan.computed(turn)


class Asked:
    """An engine that takes a moment: what was in flight together, and at most how many."""

    def __init__(self, fails=(), early=False):
        self.order, self.most, self.now = [], 0, 0
        self.fails, self.early = fails, early

    async def __call__(self, turn, computed):
        self.order.append(turn.item.value)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        if self.early:
            computed()
        await asyncio.sleep(0.001)
        self.now -= 1
        return turn.item.value not in self.fails


@pytest.mark.parametrize("in_flight", [1, 2, 8, 100])
@pytest.mark.parametrize("early", [False, True])
def test_everything_is_asked_once_within_the_concurrency(in_flight, early):
    shares = [random.Random(n).choice(["", *"abcd"]) for n in range(60)]
    ask = Asked(fails=set(range(0, 60, 3)), early=early)
    plan = schedule(*shares, ahead=leads_ahead(in_flight, 1))
    asyncio.run(asyncio.wait_for(ask_all(plan, in_flight, ask), 30))
    assert sorted(ask.order) == list(range(60))
    assert ask.most <= in_flight
    if in_flight == 100:
        assert ask.most > 10


def test_others_follow_at_the_first_token_and_not_at_the_end():
    ended = []

    async def ask(turn, computed):
        if turn.leads:
            computed()
            await asyncio.sleep(0.2)
        ended.append(turn.item.value)
        return True

    asyncio.run(ask_all(schedule("a", "a", "a"), 8, ask))
    assert ended == [1, 2, 0]


def test_what_stops_everything_is_raised_and_nothing_goes_on():
    cancelled = []

    async def ask(turn, _):
        if turn.item.value == 2:
            raise RuntimeError("no server")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(turn.item.value)
            raise
        return True

    with pytest.raises(RuntimeError, match="no server"):
        asyncio.run(ask_all(schedule("a", "b", "", "a", "b"), 8, ask))
    assert sorted(cancelled) == [0, 1]


def test_nothing_to_ask_ends_at_once():
    asyncio.run(ask_all(schedule(), 8, Asked()))
