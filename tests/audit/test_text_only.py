"""The baseline of words finds what words give away, and never learns from the same image."""

from __future__ import annotations

import random

import pytest

from instit_bench.audit.text_only import Question, text_only
from instit_bench.interventions.options import place_of


def questions(option, clusters=30, of_each=4):
    """Return questions whose right option ``option`` words, given a random source."""
    draw = random.Random(0)
    found = []
    for cluster in range(clusters):
        for _ in range(of_each):
            right = draw.randrange(4)
            choices = [f"a {draw.choice('kqxzjv')} thing" for _ in range(4)]
            choices[right] = option(cluster, draw)
            found.append(Question("What is [1]?", tuple(choices), right, str(cluster)))
    return found


def test_a_word_that_gives_the_answer_away_is_found():
    found = text_only(questions(lambda _, draw: f"surely {draw.choice('kqxzjv')}"))
    assert found.accuracy.value == 1.0
    assert (found.chance, found.accuracy.n) == (0.25, 120)


def test_nothing_is_learned_where_words_say_nothing():
    found = text_only(questions(lambda _, draw: f"a {draw.choice('kqxzjv')} thing"))
    low, high = found.accuracy.ci95
    assert low < 0.25 < high


def test_what_only_the_same_image_could_teach_is_not_learned():
    """Each image has four words of its own, one of which is right in all of its questions."""
    draw = random.Random(0)
    found = []
    for cluster in range(30):
        words = [f"a {chr(0x4E00 + 4 * cluster + n)} thing" for n in range(4)]
        for _ in range(4):
            choices = draw.sample(words, 4)
            found.append(
                Question("What is [1]?", tuple(choices), choices.index(words[0]), str(cluster))
            )
    low, high = text_only(found).accuracy.ci95
    assert low < 0.25 < high


def test_a_record_that_stands_under_two_images_does_not_answer_itself():
    draw = random.Random(0)
    found = []
    for number in range(60):
        words = [f"a {chr(0x4E00 + 4 * number + n)} thing" for n in range(4)]
        for copy in "ab":
            choices = draw.sample(words, 4)
            right = choices.index(words[0])
            found.append(Question("What is [1]?", tuple(choices), right, f"{number}{copy}"))
    low, high = text_only(found).accuracy.ci95
    assert low < 0.25 < high
    assert text_only(found[:2]).accuracy.n == 2, "nothing is left to learn from"


def test_the_longest_option_is_a_cue():
    found = text_only(questions(lambda _, draw: f"a {draw.choice('kqxzjv')} thing thing thing"))
    assert found.accuracy.value == 1.0


def test_one_image_teaches_nothing():
    assert text_only(questions(lambda *_: "x", clusters=1)) is None


@pytest.mark.parametrize(
    ("target", "place"), [("A", 0), (" c ", 2), ("d", 3), ("E", None), ("", None), ("blue", None)]
)
def test_a_target_is_a_letter(target, place):
    assert place_of(target, 4) == place
