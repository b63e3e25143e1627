"""One list for several engines: groups stay whole, nothing is lost, slow engines do not hold it."""

from __future__ import annotations

import heapq
import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.scheduling.schedule import Item
from instit_bench.scheduling.shares import Shares


class Simulation:
    """Engines that take a fixed time per request, on a clock that only this moves."""

    def __init__(self, shares, seconds, *, at_once=4, caches=1, computed_at_once=False):
        self.now = 0.0
        self.plan = Shares(
            [Item(number, key or None) for number, key in enumerate(shares)], lambda: self.now
        )
        self.seconds = dict(seconds)
        self.at_once, self.caches = at_once, caches
        self.computed_at_once = computed_at_once
        self.asked = defaultdict(list)  # by engine
        self.answered = Counter()
        self._open = []  # when it ends, a number to break ties, engine, turn
        self._count = 0
        for name in self.seconds:
            self.plan.join(name, at_once, caches)

    def hand_out(self):
        load = Counter(name for _, _, name, _ in self._open)
        free = set(self.seconds)
        while free:
            name = min(sorted(free), key=lambda n: load[n])
            turn = self.plan.take(name)
            if turn is None:
                free.remove(name)
                continue
            load[name] += 1
            self._count += 1
            self.asked[name].append(turn)
            heapq.heappush(self._open, (self.now + self.seconds[name], self._count, name, turn))
            if self.computed_at_once:
                self.plan.computed(name, turn)

    def step(self):
        """Move on to the next end, or half a second if an engine waits for time to pass."""
        end, _, name, turn = heapq.heappop(self._open)
        self.now = end
        self.answered[turn.item.value] += 1
        self.plan.ended(name, turn, True)

    def run(self, steps=None):
        self.hand_out()
        while self._open and (steps is None or steps > 0):
            self.step()
            self.hand_out()
            steps = None if steps is None else steps - 1
        return self.now

    def die(self, name):
        del self.seconds[name]
        self.plan.leave(name)
        for entry in [e for e in self._open if e[2] == name]:
            self._open.remove(entry)
            self.plan.lost(name, entry[3])
        heapq.heapify(self._open)

    def join(self, name, seconds):
        self.seconds[name] = seconds
        self.plan.join(name, self.at_once, self.caches)


def groups(count, size=5):
    return [f"image {number}" for number in range(count) for _ in range(size)]


def test_all_questions_of_an_image_go_to_one_engine_and_the_first_goes_alone():
    simulation = Simulation(groups(40), {"a": 1.0, "b": 1.0, "c": 1.0}, at_once=8)
    simulation.run()
    assert simulation.answered == Counter(range(200))
    where = defaultdict(set)
    for name, turns in simulation.asked.items():
        for turn in turns:
            where[turn.item.shares].add(name)
    split = [shares for shares, names in where.items() if len(names) > 1]
    assert set(split) <= {f"image {number}" for number in range(34, 40)}, "only at the end"
    for turns in simulation.asked.values():
        led = [turn.item.shares for turn in turns if turn.leads]
        assert len(led) == len(set(led))
        assert {turn.item.shares for turn in turns} - set(split) <= set(led)


def test_engines_of_one_speed_get_equal_parts_and_end_together():
    simulation = Simulation([""] * 400, dict.fromkeys("abcd", 1.0), caches=0)
    assert simulation.run() == 400 / 16
    assert {len(turns) for turns in simulation.asked.values()} == {100}


def test_groups_are_handed_out_late_so_that_the_quick_do_more():
    simulation = Simulation(groups(60), {"quick": 1.0, "slow": 3.0})
    simulation.run()
    quick, slow = (len(simulation.asked[name]) for name in ("quick", "slow"))
    assert 2.4 < quick / slow < 3.6


@pytest.mark.parametrize("shares", [[""] * 1200, groups(240)], ids=["texts", "images"])
def test_an_engine_ten_times_slower_costs_less_than_a_tenth(shares):
    quick = dict.fromkeys("abc", 1.0)
    without = Simulation(shares, quick).run()
    with_it = Simulation(shares, quick | {"slow": 10.0}).run()
    assert with_it < 1.1 * without


def test_a_slow_engine_begins_nothing_that_the_others_would_finish_before_it():
    """Not even the followers of a lead that it was given long before."""
    quick = {"a": 1.0, "b": 1.0}
    assert Simulation(groups(28), quick | {"slow": 10.0}).run() < 1.1 * 140 / 8


def led(simulation):
    """How often each image was computed as the first of a group."""
    turns = [turn for turns in simulation.asked.values() for turn in turns]
    return Counter(turn.item.shares for turn in turns if turn.leads)


def test_texts_fill_the_places_while_leads_are_computed():
    simulation = Simulation([*groups(16), *[""] * 40], {"a": 1.0, "b": 1.0})
    assert simulation.run() == 120 / 8
    assert set(led(simulation).values()) == {1}


def test_an_engine_begins_as_many_leads_as_may_be_ahead_at_once():
    simulation = Simulation(groups(40), {"a": 1.0}, at_once=8)
    simulation.hand_out()
    assert len(simulation.asked["a"]) == 4


def test_an_engine_that_has_just_begun_is_not_taken_for_a_quick_one():
    """Nothing is known of it: the others do not leave their images to it."""
    simulation = Simulation(groups(20), {"a": 1.0})
    simulation.hand_out()
    simulation.now = 0.5
    simulation.join("b", 1.0)
    simulation.hand_out()
    simulation.now = 0.51
    simulation.hand_out()
    simulation.run()
    assert set(led(simulation).values()) == {1}


@pytest.mark.parametrize(("size", "engines"), [(5, 1), (9, 2)])
def test_a_group_is_split_where_that_is_worth_another_lead(size, engines):
    """In the time of one lead an engine ends four followers: the ninth question would be late."""
    simulation = Simulation([*[""] * 8, *groups(1, size)], {"a": 1.0, "b": 1.0})
    assert simulation.run() == 1.0 + 2.0
    assert led(simulation)["image 0"] == engines


def test_a_lead_that_is_computed_long_before_its_answer_costs_little():
    shares = [*groups(2, 4), *["last"] * 7]
    simulation = Simulation(shares, {"a": 1.0, "b": 1.0}, computed_at_once=True)
    assert simulation.run() == 2.0
    assert led(simulation)["last"] == 2


def test_what_a_dead_engine_had_goes_to_the_others():
    simulation = Simulation(groups(40), {"a": 1.0, "b": 1.0})
    simulation.run(steps=30)
    simulation.die("a")
    simulation.run()
    assert simulation.plan.empty
    assert simulation.answered == Counter(range(200))
    assert max(turn.item.lost for turn in simulation.asked["b"]) == 1


@pytest.mark.parametrize("shares", [[""] * 60, groups(12)], ids=["texts", "images"])
def test_a_request_that_kills_engines_takes_no_other_with_it_twice(shares):
    """As what was in flight is asked again one at a time, only the culprit dies again."""
    simulation = Simulation(shares, {"a": 1.0, "b": 1.0})
    number, poison = 0, 30
    while not simulation.plan.empty or simulation._open:
        simulation.hand_out()
        name = next((n for _, _, n, turn in simulation._open if turn.item.value == poison), None)
        turns = [turn for _, _, n, turn in simulation._open if n == name]
        if name is None:
            simulation.step()
            continue
        culprit = next(turn for turn in turns if turn.item.value == poison)
        assert not culprit.item.lost or not any(t.item.lost for t in turns if t is not culprit)
        if culprit.item.lost == 2:
            break
        simulation.die(name)
        number += 1
        simulation.join(f"new {number}", 1.0)
    assert number == 2


def test_an_engine_that_joins_takes_its_part():
    simulation = Simulation(groups(40), {"a": 1.0})
    simulation.run(steps=100)
    simulation.join("b", 1.0)
    simulation.run()
    assert 40 <= len(simulation.asked["b"]) <= 60
    assert simulation.answered == Counter(range(200))


def test_the_followers_of_a_lead_that_fails_are_led_by_the_next():
    plan = Shares([Item(number, "image") for number in range(3)], lambda: 0.0)
    plan.join("a", 4, 1)
    first = plan.take("a")
    assert plan.take("a") is None
    plan.ended("a", first, False)
    assert plan.take("a").leads


def test_stopping_hands_out_nothing_more():
    plan = Shares([Item(number, "image") for number in range(9)], lambda: 0.0)
    plan.join("a", 4, 1)
    first = plan.take("a")
    plan.ended("a", first, True)
    second = plan.take("a")
    plan.stop()
    plan.lost("a", second)
    assert plan.empty
    assert plan.take("a") is None


@given(
    shares=st.lists(st.sampled_from(["", "a", "b", "c", "d"]), max_size=60),
    caches=st.sampled_from([0, 1, 2]),
    at_once=st.integers(1, 6),
    seed=st.integers(0, 10_000),
)
def test_whatever_dies_or_joins_everything_is_answered_once(shares, caches, at_once, seed):
    chance = random.Random(seed)
    engines = {name: chance.choice([1.0, 1.5, 10.0]) for name in "xyz"}
    simulation = Simulation(sorted(shares), engines, at_once=at_once, caches=caches)
    for number in range(6):
        simulation.run(steps=chance.randrange(8))
        if chance.random() < 0.5 and len(simulation.seconds) > 1:
            simulation.die(chance.choice(sorted(simulation.seconds)))
        else:
            simulation.join(f"new {number}", chance.choice([1.0, 20.0]))
    simulation.run()
    assert simulation.plan.empty
    assert simulation.answered == Counter(range(len(shares)))


def test_an_engine_a_little_slower_keeps_the_questions_whose_image_it_has_computed():
    """The other one has questions of its own to answer, and would compute the image again."""
    now = 0.0
    items = [*(Item(n, "first image") for n in range(8)), *(Item(n, "second") for n in (8, 9))]
    plan = Shares(items, lambda: now)
    for name in "ab":
        plan.join(name, 4, 1)
    leads = {name: plan.take(name) for name in "ab"}
    now = 1.0
    plan.ended("a", leads["a"], True)
    while plan.take("a") is not None:
        pass
    now = 1.3
    plan.ended("b", leads["b"], True)
    turn = plan.take("b")
    assert (turn.item, turn.leads) == (items[9], False)
