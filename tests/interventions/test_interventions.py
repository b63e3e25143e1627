"""Interventions alter a sample and its request, and keep question, options and target together."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.evaluation.config import make_config
from instit_bench.evaluation.plan import make_plan
from instit_bench.interventions.base import ShownVideo
from instit_bench.interventions.frames import moments, renumbered
from instit_bench.interventions.registry import INTERVENTIONS
from instit_bench.interventions.tool_list import called, read_tools, renamed
from instit_bench.media import resolve_media
from instit_bench.media.frames import ordered
from instit_bench.scorers.tool_call.prompt import read_prompt
from instit_bench.types import ImagePart, Prediction, State, TextPart

ONE_VIDEO = ShownVideo("7", range(10))


def planned(task, intervention=None, **settings):
    values = {"model": "m", "backend": "baseline", "data": "demo", "tasks": task}
    if intervention:
        values["intervention"] = intervention
    return make_plan(make_config(None, values | settings)).tasks[0]


def shown(plan, sample, max_frames=32):
    """Return the names of the frames or images in a request, in order."""
    request = resolve_media(plan.request(sample), max_frames)
    parts = [part for message in request.messages for part in message.parts]
    return [p.path.name if p.path else p.origin for p in parts if isinstance(p, ImagePart)]


def words(plan, sample):
    parts = [part for message in plan.request(sample).messages for part in message.parts]
    return "\n".join(part.text for part in parts if isinstance(part, TextPart))


@pytest.mark.parametrize("task", ["inst_it_image_mc", "inst_it_video_oe"])
def test_blind_sends_the_words_alone(task):
    plain, blind = planned(task), planned(task, "blind")
    for before, after in zip(plain.samples, blind.samples, strict=True):
        assert shown(plain, before)
        assert shown(blind, after) == []
        assert words(blind, after) == words(plain, before)


def test_the_data_are_the_same_whatever_is_made_of_them():
    assert (
        planned("inst_it_video_mc").data_digest
        == planned("inst_it_video_mc", "reversed-frames").data_digest
    )


@pytest.mark.parametrize("name", ["reversed-frames", "shuffled-frames"])
def test_the_same_frames_come_in_another_order(name):
    plain, altered = planned("inst_it_video_mc"), planned("inst_it_video_mc", name)
    untold = planned("inst_it_video_mc", f"{name}-untold")
    for before, after, as_asked in zip(plain.samples, altered.samples, untold.samples, strict=True):
        frames, moved = shown(plain, before), shown(altered, after)
        assert moved != frames
        assert sorted(moved) == sorted(frames)
        assert shown(untold, as_asked) == moved
        assert words(untold, as_asked) == words(plain, before)
        # A moment of the question still names the same frame.
        old, new = (re.findall(r"<(\d+)>", s.question) for s in (before, after))
        assert [frames[int(t) - 1] for t in old] == [moved[int(t) - 1] for t in new]
        assert after.target == before.target


def test_only_the_middle_frame_is_shown():
    plain, altered = planned("inst_it_video_mc"), planned("inst_it_video_mc", "one-frame")
    frames = shown(plain, plain.samples[0])
    assert shown(altered, altered.samples[0]) == [frames[len(frames) // 2]]


def test_moments_in_targets_of_open_questions_are_rewritten_too():
    plain, altered = planned("inst_it_video_oe"), planned("inst_it_video_oe", "reversed-frames")
    before, after = plain.samples[0], altered.samples[0]
    count = len(shown(plain, before))
    assert before.target == "[4] appears at <5>."
    assert after.target == f"[4] appears at <{count + 1 - 5}>."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("What happens at <1>?", "What happens at <10>?"),
        ("From <2>-<4>, then <10>", "From <9>-<7>, then <1>"),
        ("<11> and <0> are not in the video", "<11> and <0> are not in the video"),
        ("no moment, [3] and < 4 >", "no moment, [3] and < 4 >"),
    ],
)
def test_moments_of_a_reversed_video(text, told):
    assert renumbered(text, moments(ONE_VIDEO, "reversed")) == told


def test_a_moment_that_is_not_shown_is_told_by_the_nearest_that_is():
    numbers = moments(ShownVideo("7", [0, 9, 18, 27]), "reversed")
    assert numbers == {1: 28, 10: 19, 19: 10, 28: 1}
    assert renumbered("<12>, <15>", numbers) == "<19>, <10>"


@given(count=st.integers(1, 60), name=st.text(max_size=5))
def test_a_shuffle_is_a_permutation_that_is_repeated_and_moves_something(count, name):
    places = ordered(count, "shuffled", name)
    assert sorted(places) == list(range(count))
    assert places == ordered(count, "shuffled", name)
    assert count == 1 or places != sorted(places)
    numbers = moments(ShownVideo(name, range(count)), "shuffled")
    assert {new - 1: old - 1 for old, new in numbers.items()} == dict(enumerate(places))


def test_over_all_rotations_each_option_has_each_letter_once():
    plans = [planned("inst_it_image_mc")]
    plans += [planned("inst_it_image_mc", f"rotated-options-{by}") for by in (1, 2, 3)]
    for samples in zip(*(plan.samples for plan in plans), strict=True):
        right = {sample.choices["ABCD".index(sample.target)] for sample in samples}
        assert len(right) == 1, "the same option is right in every order"
        assert {sample.target for sample in samples} == set("ABCD")
        for letter in range(4):
            assert len({sample.choices[letter] for sample in samples}) == 4
    first = plans[1].samples[0]
    options = "\n".join(f"{x}. {o}" for x, o in zip("ABCD", first.choices, strict=True))
    assert options in words(plans[1], first)


TOOL_TASK = "gpt4tools_unseen"


def right_sr(plan, predictions):
    """Score predictions for a plan's samples; return how many succeed."""
    scorer = plan.task.scorer.make(plan.task)
    scores = [
        scorer.score(sample, Prediction(text))
        for sample, text in zip(plan.samples, predictions, strict=True)
    ]
    assert all(score.state is State.SCORED for score in scores)
    return sum(score.values["strict_sr"] for score in scores)


@pytest.mark.parametrize("name", ["renamed-tools", "swapped-descriptions"])
def test_tools_are_renamed_wherever_they_are_named(name):
    plain, altered = planned(TOOL_TASK), planned(TOOL_TASK, name)
    changed = 0
    for before, after in zip(plain.samples, altered.samples, strict=True):
        old, new = read_prompt(before.question), read_prompt(after.question)
        assert [tool.description for tool in new.tools] == [tool.description for tool in old.tools]
        names = {a.name: b.name for a, b in zip(old.tools, new.tools, strict=True)}
        assert all(a != b for a, b in names.items())
        assert called(after.target) == {names[tool] for tool in called(before.target)}
        assert (new.conversation, new.new_input) == (old.conversation, old.new_input)
        assert read_tools(after.question) is not None
        changed += before.target != after.target
    assert changed > 10
    targets = [sample.target for sample in altered.samples]
    assert right_sr(altered, targets) == len(targets)
    assert right_sr(altered, [sample.target for sample in plain.samples]) < len(targets)


def test_a_call_earlier_in_the_conversation_is_renamed_too(tmp_path):
    plain = planned(TOOL_TASK)
    doc = dict(plain.dataset.docs[0])
    tool = read_prompt(doc["instruction"]).tools[0].name
    doc["instruction"] += (
        f"\nThought: Do I need to use a tool? Yes\nAction: {tool}\nAction Input: x"
    )
    (tmp_path / "gpt4tools").mkdir()
    file = tmp_path / "gpt4tools" / "gpt4tools_test_unseen.json"
    file.write_text(json.dumps([doc]))
    sample = planned(TOOL_TASK, "renamed-tools", data=str(tmp_path)).samples[0]
    assert called(sample.question) & {t.name for t in read_prompt(sample.question).tools}
    assert tool not in sample.question


NAMES = {"Detect Face": "Crop It", "Crop It": "Text", "Text": "Detect Face"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Tag all faces by using Detect Face,", "Tag all faces by using Crop It,"),
        ("Crop It, then Detect Face", "Text, then Crop It"),
        ("detect face; Detect Faces; Text", "detect face; Detect Faces; Text"),
        ("Action: Text\nAction Input: Text", "Action: Detect Face\nAction Input: Text"),
    ],
)
def test_a_request_that_names_a_tool_in_full_follows(text, told):
    assert renamed(text, NAMES) == told


def test_shuffled_tools_are_the_same_tools():
    plain, altered = planned(TOOL_TASK), planned(TOOL_TASK, "shuffled-tools")
    for before, after in zip(plain.samples, altered.samples, strict=True):
        old, new = read_prompt(before.question).tools, read_prompt(after.question).tools
        assert set(old) == set(new)
        assert old != new or len(old) == 1
        assert after.target == before.target


def test_distractors_are_doubled():
    plain, altered = planned(TOOL_TASK), planned(TOOL_TASK, "doubled-distractors")
    for before, after in zip(plain.samples, altered.samples, strict=True):
        old, new = (
            {tool.name for tool in read_prompt(sample.question).tools} for sample in (before, after)
        )
        assert old <= new
        distractors = len(old - called(before.target))
        assert len(new - called(after.target)) == max(2 * distractors, 1)


def test_every_tool_list_of_the_real_data_is_read(shared_data):
    records = json.loads((shared_data / "gpt4tools/gpt4tools_test_unseen.json").read_text())
    records += json.loads((shared_data / "gpt4tools/seen_fragments.json").read_text())
    for record in records:
        found = read_tools(record["instruction"])
        tools = read_prompt(record["instruction"]).tools
        assert found is not None
        assert [tool.name for tool in found.tools] == [tool.name for tool in tools]
        assert found.text == record["instruction"]
        new = {name: f"tool {n}" for n, name in enumerate(tool.name for tool in found.tools)}
        assert not any(name in found.with_names(new).text for name in new)


@pytest.mark.parametrize(
    ("task", "name", "why"),
    [
        ("gpt4tools_seen", "blind", "it shows no image or video"),
        ("inst_it_image_mc", "reversed-frames", "it shows no video"),
        ("inst_it_video_oe", "rotated-options-1", "it has no options"),
        ("inst_it_image_mc", "rotated-options-4", "it has 4 options"),
        ("inst_it_image_mc", "renamed-tools", "its prompts offer no tools"),
    ],
)
def test_an_intervention_that_does_not_apply_is_refused(cli, task, name, why):
    done = cli(
        *("run", "--model", "first", "--backend", "baseline", "--data", "demo"),
        *("--tasks", task, "--intervention", name),
    )
    assert done.returncode == 2
    assert f"--intervention {name}: does not apply to task {task}: {why}" in done.stderr


def run(cli, name, *options):
    return cli(
        *("run", "--model", "first", "--backend", "baseline", "--data", "demo", "--name", name),
        *("--tasks", "inst_it_image_mc", *options),
    )


def test_a_run_keeps_its_intervention(cli, tmp_path):
    assert run(cli, "plain").returncode == 0
    assert run(cli, "blind", "--intervention", "blind").returncode == 0
    again = run(cli, "blind", "--intervention", "rotated-options-1")
    assert again.returncode == 3
    assert "intervention was 'blind', now 'rotated-options-1'" in again.stderr
    compared = cli("compare", "results/plain", "results/blind")
    assert compared.returncode == 3
    assert "intervention: none against blind" in compared.stderr
    board = cli("leaderboard", "results/plain", "results/blind")
    assert "altered by an intervention" in board.stdout
    saved = cli("baseline", "save", "results/blind", "--output", "blind.json")
    assert saved.returncode == 0, saved.stderr
    assert cli("compare", "blind.json", "results/plain").returncode == 3
    assert cli("compare", "blind.json", "results/blind").returncode == 0


def test_marks_are_renamed_in_words_as_in_the_image():
    drawn = {"marks": "number", "renamed_marks": {"1": "3", "3": "1"}}
    plain = planned("inst_it_image_oe")
    altered = planned("inst_it_image_oe", "renamed-marks", **drawn)
    old, new = plain.samples[1], altered.samples[1]
    assert (old.question, old.target) == (
        "Where is [1] in relation to [4]?",
        "[1] is to the left of [4].",
    )
    assert (new.question, new.target) == (
        "Where is [3] in relation to [4]?",
        "[3] is to the left of [4].",
    )


def test_words_alone_are_not_renamed(cli):
    done = run(cli, "x", "--intervention", "renamed-marks")
    assert done.returncode == 2
    assert "the run renames no marks (set renamed_marks, see docs/marks.md)" in done.stderr


def test_an_unknown_intervention_is_named(cli):
    done = run(cli, "x", "--intervention", "blnd")
    assert done.returncode == 2
    assert "--intervention blnd: is not known; did you mean 'blind'?" in done.stderr


def test_the_names_are_those_of_the_docs():
    assert len(INTERVENTIONS) == 20
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in INTERVENTIONS)
