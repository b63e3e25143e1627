"""The Python interface, as a script uses it; tests/examples has it in a real notebook."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import shutil
import signal
import threading
import time
import typing

import pandas as pd
import pytest

import instit_bench
from instit_bench.api.settings import JudgeSettings, RunSettings
from instit_bench.errors import InputError, InstitBenchError, NotComparableError
from instit_bench.evaluation.config import RunConfig
from instit_bench.judging.config import JudgeConfig
from instit_bench.resources import demo_data
from tests.command_line import REPOSITORY
from tests.openai_server import Reply, openai_server

DEMO = {"backend": "baseline", "data": "demo"}
TASKS = ["gpt4tools_seen", "inst_it_image_mc", "inst_it_image_oe"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return tmp_path_factory.mktemp("api") / "results"


@pytest.fixture(scope="module")
def runs(results):
    """Two runs; each is read by many tests, and changed by none."""
    return {
        model: instit_bench.run(
            model=model, tasks=TASKS, output=results, name=model, judge="lexical", **DEMO
        )
        for model in ("random", "first")
    }


def test_every_public_function_is_typed_and_on_the_page():
    page = (REPOSITORY / "docs/api.md").read_text()
    for name in instit_bench.__all__:
        value = getattr(instit_bench, name)
        if name == "__version__":
            continue
        assert f"::: instit_bench.api.{name}\n" in page, name
        assert inspect.getdoc(value)
        if inspect.isfunction(value):
            taken = inspect.signature(value).parameters
            assert all(p.annotation is not p.empty for p in taken.values()), name
            assert "return" in inspect.get_annotations(value), name


@pytest.mark.parametrize(
    ("typed", "model"), [(RunSettings, RunConfig), (JudgeSettings, JudgeConfig)]
)
def test_the_typed_settings_are_the_options(typed, model):
    assert typing.get_type_hints(typed).keys() == model.model_fields.keys()


def test_help_and_completion_show_every_setting():
    taken = inspect.signature(instit_bench.run).parameters
    assert RunConfig.model_fields.keys() <= taken.keys()
    assert (taken["model"].default, taken["tasks"].annotation) == (inspect.Parameter.empty, "Names")
    assert taken["max_frames"].default == RunConfig.model_fields["max_frames"].default
    assert "judge" in inspect.signature(instit_bench.judge).parameters
    assert dir(instit_bench) == sorted(instit_bench.__all__)


def numbers_of(function):
    """The parameters that are a number, or a number or something else."""
    taken = inspect.signature(function).parameters.values()
    return [p.name for p in taken if re.search(r"\b(int|float)\b", str(p.annotation))]


WITH_NUMBERS = [
    name
    for name in instit_bench.__all__
    if inspect.isfunction(getattr(instit_bench, name)) and numbers_of(getattr(instit_bench, name))
]


def called(function, **given):
    result = function(**given)
    return asyncio.run(result) if inspect.iscoroutine(result) else result


@pytest.mark.parametrize("name", WITH_NUMBERS)
def test_a_flag_is_not_a_number_of_any_function(name):
    function = getattr(instit_bench, name)
    taken = inspect.signature(function).parameters.values()
    required = {
        p.name: "x" for p in taken if p.default is p.empty and p.kind is not p.VAR_POSITIONAL
    }
    for number in numbers_of(function):
        told = number.replace("_", "[-_]") + ": must be a (number|count)"
        with pytest.raises(InputError, match=told):
            called(function, **required, **{number: True})


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("compare", {"reference": "x", "seed": -1}, "seed: Input should be greater than or equal"),
        ("explain", {"a": "x", "b": "y", "tie": "much"}, "tie: Input should be a valid number"),
        ("judge_sheet", {"run": "x", "n": 1}, "n: Input should be greater than or equal to 2"),
    ],
)
def test_numbers_have_the_bounds_of_the_command_line(name, given, told):
    with pytest.raises(InputError, match=told):
        getattr(instit_bench, name)(**given)


def test_functions_keep_their_names_although_packages_share_them(runs, tmp_path):
    import instit_bench.leaderboard.rows
    import instit_bench.report.report_page

    assert inspect.isfunction(instit_bench.report)
    assert inspect.isfunction(instit_bench.leaderboard)


def test_a_run_shows_itself_in_a_line_and_as_a_table(runs):
    run = runs["random"]
    assert repr(run) == "<RunFrames 'random': random, finished, 3 tasks, 56 of 56 samples scored>"
    page = run._repr_html_()
    assert "official_accuracy" in page
    assert "<script" not in page
    assert (run.tasks, run.model, run.status, run.problem) == (TASKS, "random", "finished", None)
    assert run.raise_for_problem() is run


def test_hostile_names_are_escaped(tmp_path):
    model = "text:<img src=x onerror=alert(1)>"
    run = instit_bench.run(
        model=model, tasks="gpt4tools_seen", limit=1, output=tmp_path, name="r", **DEMO
    )
    other = instit_bench.run(
        model="first", tasks="gpt4tools_seen", limit=1, output=tmp_path, name="s", **DEMO
    )
    shown = [run, instit_bench.leaderboard(run), instit_bench.compare(other, run)]
    for page in (value._repr_html_() for value in shown):
        assert "<img" not in page
    assert "&lt;img src=x" in run._repr_html_()


def test_a_stored_run_is_loaded_with_the_same_frames(runs):
    loaded = instit_bench.load_run(runs["random"].path)
    pd.testing.assert_frame_equal(loaded.metrics, runs["random"].metrics)
    pd.testing.assert_frame_equal(loaded.samples, runs["random"].samples)
    assert loaded.samples.state.unique().tolist() == ["scored"]
    judged = loaded.samples[loaded.samples.task == "inst_it_image_oe"]
    assert judged.lexical_score.notna().all()


def test_samples_of_many_runs_are_one_frame(runs, results):
    frame = instit_bench.load_samples(results / "*")
    assert frame.columns[:5].tolist() == ["run", "model", "task", "id", "state"]
    assert len(frame) == 2 * len(runs["random"].samples)
    accuracy = frame[frame.task == "inst_it_image_mc"].groupby("run").accuracy.mean()
    for name, run in runs.items():
        metric = run.results.tasks["inst_it_image_mc"].metrics["accuracy"]
        assert accuracy[name] == pytest.approx(metric.value)
    some = instit_bench.load_samples(*runs.values(), columns=["run", "sr"])
    assert some.columns.tolist() == ["run", "sr"]
    with pytest.raises(InputError, match="column 'acuracy': choose from run, model, "):
        instit_bench.load_samples(results / "*", columns=["acuracy"])
    with pytest.raises(InputError, match="matches no run"):
        instit_bench.load_samples(results / "nothing*")


def test_the_leaderboard_equals_the_command_line(runs, cli, tmp_path):
    board = instit_bench.leaderboard(*runs.values())
    cli("leaderboard", *(run.path for run in runs.values()), "--csv", "board.csv")
    written = pd.read_csv(tmp_path / "board.csv", dtype=board.frame.dtypes.to_dict())
    pd.testing.assert_frame_equal(board.frame, written, check_dtype=False)
    assert "<td" in board._repr_html_()
    published = instit_bench.leaderboard(published=True)
    assert "GPT-4o" in published._repr_html_()
    assert len(published.rows) > len(board.rows)


def test_a_comparison_equals_the_command_line(runs, cli, tmp_path):
    found = instit_bench.compare(runs["random"], runs["first"])
    cli("compare", runs["random"].path, runs["first"].path, "--json", "compared.json")
    [written] = json.loads((tmp_path / "compared.json").read_text())["comparisons"]
    for row in found.differences.itertuples():
        metric = written["tasks"][row.task]["metrics"][row.metric]
        assert (row.difference, row.p) == (metric["test"]["difference"], metric["p"])
        assert row.conclusion == metric["verdict"]
    flips = found.flips.groupby("change").size()
    groups = [group for task in written["tasks"].values() for group in task["flips"].values()]
    assert flips["to wrong"] == sum(len(group["to_wrong"]) for group in groups)
    assert repr(found) == "<Comparison of first with random: 3 tasks>"
    assert "conclusion" in found._repr_html_()


def test_runs_of_other_data_are_not_compared(runs, tmp_path):
    data = shutil.copytree(demo_data(), tmp_path / "data")
    [file] = data.rglob("gpt4tools_val_seen.json")
    file.write_text(file.read_text().replace("image/", "picture/"))
    other = instit_bench.run(
        **DEMO | {"data": str(data)}, model="first", tasks="gpt4tools_seen", output=tmp_path
    )
    with pytest.raises(NotComparableError, match="are not comparable"):
        instit_bench.compare(runs["random"], other)
    allowed = instit_bench.compare(runs["random"], other, allow_mismatch=True)
    assert allowed.mismatches
    assert all(text.split()[0] in allowed._repr_html_() for text in allowed.mismatches)


def test_a_check_passes_and_fails_as_the_command_does(runs, cli, tmp_path):
    policy = tmp_path / "checks.yaml"
    policy.write_text("tasks: {inst_it_image_mc: {metrics: {accuracy: {min_value: 0.9}}}}\n")
    checked = instit_bench.check(runs["random"], policy=policy)
    done = cli("check", runs["random"].path, "--policy", policy)
    assert checked.exit_code == done.returncode == 1
    assert not checked.passed
    assert done.stdout.splitlines()[-1] in repr(checked)
    broken = checked.findings[checked.findings.status == "regression"]
    assert broken.task.tolist() == ["inst_it_image_mc"]
    assert "regression" in checked._repr_html_()
    with pytest.raises(InputError, match="--baseline is needed"):
        instit_bench.check(runs["random"])


def test_a_report_and_exports_are_written(runs, tmp_path):
    page = instit_bench.report(*runs.values(), output=tmp_path / "a b.html", media=False)
    assert page.path.read_text().startswith("<!doctype html>")
    assert "a%20b.html" in page._repr_html_()
    written = instit_bench.export(runs["random"], output=tmp_path / "export")
    assert written
    assert all(path.is_file() for path in written.values())
    with pytest.raises(InputError, match="choose official, lmms-eval or inspect"):
        instit_bench.export(runs["random"], "excel")


def test_score_judge_and_rescore_write_runs(runs, tmp_path):
    journal = runs["random"].path / "samples/inst_it_image_oe.jsonl"
    scored = instit_bench.score(journal, "inst_it_image_oe", output=tmp_path, name="scored")
    assert scored.status == "finished"
    judged = instit_bench.judge(scored, judge="lexical")
    assert judged.samples.lexical_score.notna().all()
    rescored = instit_bench.rescore(judged)
    pd.testing.assert_frame_equal(rescored.samples, judged.samples)


def test_several_models_run_side_by_side(tmp_path):
    async def both():
        settings = {"tasks": "gpt4tools_seen", "output": tmp_path, **DEMO}
        return await asyncio.gather(
            instit_bench.arun(model="first", **settings),
            instit_bench.arun(model="random", **settings),
        )

    assert [run.model for run in asyncio.run(both())] == ["first", "random"]


def test_run_works_where_an_event_loop_is_running(tmp_path):
    async def inside():
        return instit_bench.run(
            model="first", tasks="gpt4tools_seen", limit=1, output=tmp_path, **DEMO
        )

    assert len(asyncio.run(inside()).samples) == 1


@pytest.fixture
def broken_data(tmp_path):
    """Demo data with one image missing."""
    copy = shutil.copytree(demo_data(), tmp_path / "data")
    (copy / "Inst-It-Bench/images_vpt/001.jpg").unlink()
    return copy


def test_there_are_frames_also_when_samples_failed(tmp_path, broken_data):
    with pytest.warns(instit_bench.RunWarning, match="2 of 16 samples failed"):
        run = instit_bench.run(
            **DEMO | {"data": str(broken_data)},
            model="first",
            tasks="inst_it_image_mc",
            output=tmp_path / "out",
        )
    assert run.status == "failed"
    assert run.samples.state.value_counts().to_dict() == {"scored": 14, "infer_error": 2}
    assert run.samples.accuracy.isna().sum() == 2, "a failure is never a zero"
    assert "2 of 16 samples failed" in run._repr_html_()
    with pytest.raises(InstitBenchError, match="2 of 16 samples failed"):
        run.raise_for_problem()


def test_if_no_sample_has_a_score_the_columns_are_there(tmp_path, broken_data):
    shutil.rmtree(broken_data / "Inst-It-Bench/images_vpt")
    (broken_data / "Inst-It-Bench/images_vpt").mkdir()
    with pytest.warns(instit_bench.RunWarning, match="16 of 16 samples failed"):
        run = instit_bench.run(
            **DEMO | {"data": str(broken_data)},
            model="first",
            tasks="inst_it_image_mc",
            output=tmp_path / "out",
            stop_after=0,
        )
    assert run.samples.accuracy.isna().all()
    assert run.metrics.set_index("metric").value.isna().all()
    assert "–" in run._repr_html_()


def test_an_endpoint_that_cannot_be_reached_is_an_error(tmp_path):
    with pytest.raises(InstitBenchError, match=r"127\.0\.0\.1:9"):
        instit_bench.run(
            model="m",
            backend="openai",
            base_url="http://127.0.0.1:9/v1",
            data="demo",
            tasks="gpt4tools_seen",
            max_retries=0,
            stop_after=3,
            concurrency=1,
            output=tmp_path,
        )


@pytest.fixture
def slow_server():
    """An endpoint that answers each request after a while."""

    def answer(_):
        time.sleep(0.3)
        return Reply("A")

    with openai_server(answer) as server:
        yield server


def endpoint(server, output):
    return {
        "model": "m", "backend": "openai", "base_url": server.base_url, "data": "demo",
        "tasks": "gpt4tools", "concurrency": 2, "output": output,
    }  # fmt: skip


def test_a_cancelled_run_stops_and_can_be_resumed(tmp_path, slow_server):
    settings = endpoint(slow_server, tmp_path)

    async def cancelled():
        running = asyncio.create_task(instit_bench.arun(**settings))
        while len(slow_server.requests) < 3:
            await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancelled())
    asked = len(slow_server.requests)
    stored = instit_bench.load_run(tmp_path / "m-demo")
    assert stored.status == "interrupted"
    time.sleep(0.5)
    assert len(slow_server.requests) == asked < 48, "nothing goes on in the background"


def test_interrupting_a_notebook_finishes_what_is_in_flight(tmp_path, slow_server):
    """The kernel runs a cell in the main thread, inside its event loop."""

    async def cell():
        return instit_bench.run(**endpoint(slow_server, tmp_path))

    def interrupt():
        while len(slow_server.requests) < 3:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    program = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    program.start()
    loop = asyncio.new_event_loop()  # unlike asyncio.run, a kernel's loop leaves SIGINT alone
    try:
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(cell())
    finally:
        loop.close()
        program.join()
        signal.signal(signal.SIGINT, before)
    stored = instit_bench.load_run(tmp_path / "m-demo")
    assert stored.status == "interrupted"
    done = stored.samples.prediction.notna().sum()
    assert 2 <= done == len(slow_server.requests) < 48, "what was sent was awaited"
