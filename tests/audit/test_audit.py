"""Audits of scripted models on the demo data, whose figures are known by construction."""

from __future__ import annotations

import pytest

from instit_bench.audit.plan import plan_audit
from instit_bench.audit.results import audit_result
from instit_bench.evaluation.runner import run as carry_out
from instit_bench.progress import Silent
from tests.audit import scripted
from tests.openai_server import openai_server

MC = "inst_it_image_mc,inst_it_video_mc"
TOOLS = "gpt4tools_seen"
# Counted by hand in the demo data: 16 questions per task, each letter is right four times.
SHARE = 4 / 16
ORDERS = ("shuffled", "reversed")


def audited(folder, answer, *, tasks=MC, checks=()):
    """Carry out an audit in this process; return what it shows."""
    with openai_server(answer) as server:
        settings = {
            **{"model": "scripted", "backend": "openai", "base_url": server.base_url},
            **{"data": "demo", "tasks": tasks, "output": str(folder), "name": "audit"},
        }
        audit = plan_audit(settings, checks)
        for run in audit.suite.runs:
            assert carry_out(run.config, Silent()).problem is None
    return audit_result(audit)


@pytest.fixture(scope="module")
def knowledge():
    return scripted.known(*MC.split(","))


@pytest.fixture(scope="module")
def reader(tmp_path_factory, knowledge):
    """One that reads the marks in the very frames that a question names."""
    answer = scripted.server(scripted.reader(knowledge))
    checks = ("blind", "one-frame", "shuffled-frames", "reversed-frames", "permuted-options")
    return audited(tmp_path_factory.mktemp("reader"), answer, checks=checks)


@pytest.fixture(scope="module")
def always_b(tmp_path_factory):
    checks = ("blind", "permuted-options")
    answer = scripted.server(scripted.always_b)
    folder = tmp_path_factory.mktemp("b")
    return audited(folder, answer, tasks="inst_it_image_mc", checks=checks)


def gains(result):
    """Return the gains of the deciding metrics by intervention and task."""
    return {
        (gain.run, gain.task): round(gain.compared.test.difference, 9)
        for check in result.checks
        for gain in check.deciding
    }


def circular(result):
    found = next(c for c in result.checks if c.planned.check.name == "permuted-options")
    return {one.task: one for one in found.circular}


def test_one_that_reads_the_marks_loses_all_without_images(reader):
    found = gains(reader)
    assert reader.plain["inst_it_video_mc"][1].value == 1.0
    # Blind, it says A.
    for task in ("inst_it_image_mc", "inst_it_video_mc"):
        assert found["blind", task] == 1 - SHARE


def test_one_that_reads_the_marks_needs_to_be_told_of_another_order(reader, knowledge):
    found = gains(reader)

    def misled(one, images):
        texts = (one.question, *one.options)
        return any(
            scripted.looked_at(t, images) != scripted.looked_at(t, one.images) for t in texts
        )

    videos = knowledge[16:]
    for order in ORDERS:
        assert found[f"{order}-frames", "inst_it_video_mc"] == 0.0
    lost = sum(misled(one, one.images[::-1]) for one in videos) / 16
    assert lost > 0.5
    assert found["reversed-frames-untold", "inst_it_video_mc"] == lost
    assert found["shuffled-frames-untold", "inst_it_video_mc"] != 0.0
    middle = [one.images[len(one.images) // 2 :][:1] for one in videos]
    lost = sum(misled(one, frame) for one, frame in zip(videos, middle, strict=True)) / 16
    assert found["one-frame", "inst_it_video_mc"] == lost


def test_one_that_reads_the_marks_is_right_in_every_order_of_options(reader):
    for one in circular(reader).values():
        assert (one.plain.value, one.mean.value, one.circular.value) == (1.0, 1.0, 1.0)
        assert [letter.chosen.value for letter in one.letters] == [0.25] * 4
        assert [letter.accuracy.value for letter in one.letters] == [1.0] * 4


def test_one_that_always_says_b_is_never_right_in_every_order(always_b):
    assert set(gains(always_b).values()) == {0.0}
    for one in circular(always_b).values():
        assert (one.plain.value, one.mean.value, one.circular.value) == (SHARE, 0.25, 0.0)
        chosen = {letter.letter: letter.chosen.value for letter in one.letters}
        assert chosen == {"A": 0.0, "B": 1.0, "C": 0.0, "D": 0.0}
        right = {letter.letter: letter.accuracy.value for letter in one.letters}
        assert right == chosen, "where B is right, always"
        assert one.letters[1].chosen.ci95[0] > one.expected, "its liking is shown"


def test_one_that_ignores_the_order_of_frames_has_a_visual_gain_but_no_temporal_one(
    tmp_path, knowledge
):
    answer = scripted.server(scripted.glancer(knowledge))
    checks = ("blind", "one-frame", "shuffled-frames", "reversed-frames")
    found = gains(audited(tmp_path, answer, tasks="inst_it_video_mc", checks=checks))
    blind = found.pop(("blind", "inst_it_video_mc"))
    # "When does [4] become visible" has options that differ in their moments alone.
    assert blind == 1 - SHARE
    assert set(found) == {
        (name, "inst_it_video_mc")
        for name in ("one-frame", *(f"{o}-frames{u}" for o in ORDERS for u in ("", "-untold")))
    }
    assert set(found.values()) == {0.0}


def test_one_that_answers_from_the_text_gains_nothing_from_images(tmp_path, knowledge):
    result = audited(
        tmp_path,
        scripted.server(scripted.longest_option),
        checks=("blind", "permuted-options"),
        tasks="inst_it_image_mc",
    )
    assert gains(result)["blind", "inst_it_image_mc"] == 0.0
    images = knowledge[:16]
    orders = [[one.options[by:] + one.options[:by] for by in range(4)] for one in images]
    picks = [[max(options, key=len) for options in of] for of in orders]
    right = [[pick == one.right for pick in of] for one, of in zip(images, picks, strict=True)]
    one = circular(result)["inst_it_image_mc"]
    assert one.circular.value == sum(map(all, right)) / 16
    assert one.plain.value == sum(of[0] for of in right) / 16
    assert one.mean.value == sum(map(sum, right)) / 64


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """What the benchmark's marks show, and drawn ones, and these with [1] and [3] exchanged."""
    task = "inst_it_image_mc"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSTIT_BENCH_HOME", str(tmp_path_factory.mktemp("home")))
        drawn = scripted.known(task, marks="number")
        swapped = scripted.known(task, marks="number", renamed_marks=scripted.EXCHANGED)
        yield scripted.known(task), drawn, swapped


@pytest.mark.parametrize("reads", [True, False])
def test_exchanged_marks_and_none(tmp_path, marked, reads):
    task = "inst_it_image_mc"
    official, drawn, swapped = marked
    model = scripted.mark_reader([*official, *drawn], [*official, *swapped], reads=reads)
    checks = ("permuted-marks", "no-marks")
    found = gains(audited(tmp_path, scripted.server(model), tasks=task, checks=checks))
    assert found["drawn-marks", task] == 0.0
    assert found["no-marks", task] == 1 - SHARE
    about = [any("[1]" in t or "[3]" in t for t in (k.question, *k.options)) for k in official]
    assert found["permuted-marks", task] == (0.0 if reads else sum(about) / 16)


@pytest.mark.parametrize(
    ("model", "lost"),
    [(scripted.by_description, 0.0), (scripted.by_name, None)],
)
def test_names_and_descriptions_of_tools(tmp_path, model, lost):
    targets = scripted.tool_targets(TOOLS)
    calling = sum(bool(called) for _, called in targets.values()) / len(targets)
    named = ("renamed-tools", "swapped-descriptions")
    checks = () if lost == 0.0 else named
    result = audited(tmp_path, lambda body: model(body, targets), tasks=TOOLS, checks=checks)
    assert result.plain[TOOLS][1].value == 1.0
    found = gains(result)
    for name in named:
        assert found[name, TOOLS] == (round(calling, 9) if lost is None else lost)
    assert all(found[name] == 0.0 for name in found if name[0] not in named)
    assert len(found) == (2 if checks else 4)
