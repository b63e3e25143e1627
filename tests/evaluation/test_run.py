"""``instit-bench run``: states, exit codes, resuming with other settings, and Python calls."""

from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest

import instit_bench
from instit_bench.errors import InstitBenchError
from instit_bench.resources import demo_data
from tests.openai_server import Reply, openai_server

GOLD = ["run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo"]
RANDOM = ["run", "--model", "random", "--backend", "baseline", "--data", "demo"]


def load(path):
    return json.loads(path.read_text())


def journal(run, task):
    return [json.loads(line) for line in (run / f"samples/{task}.jsonl").read_text().splitlines()]


def test_a_run_on_the_demo_data_prints_the_leaderboard_row(cli, tmp_path):
    done = cli(*GOLD)
    assert done.returncode == 0, done.stderr
    assert "echo-gold" in done.stdout
    assert "100.0 GDP" in done.stdout
    assert "on the embedded demo data, not on the benchmark" in done.stdout
    results = load(tmp_path / "results/echo-gold-demo/results.json")
    assert (results["model"], results["backend"]) == ("echo-gold", "baseline")
    assert len(results["tasks"]) == 6
    task = results["tasks"]["inst_it_image_mc"]
    assert (task["n_total"], task["n_counted"], task["coverage"]) == (16, 16, 1.0)
    assert task["metrics"]["official_accuracy"]["value"] == 1.0
    assert set(task["metrics"]["accuracy"]) == {"value", "stderr", "ci95", "n"}


def test_a_journal_line_records_everything_about_a_sample(cli, tmp_path):
    cli(*GOLD, "--tasks", "inst_it_video_mc", "--limit", 1)
    (line,) = journal(tmp_path / "results/echo-gold-demo", "inst_it_video_mc")
    assert line["id"] == "001-01"
    assert line["state"] == "scored"
    assert line["prediction"] == line["target"] == line["extracted"]
    assert line["scores"] == {"official_accuracy": 1.0, "accuracy": 1.0}
    assert line["method"] == "letter"
    assert line["error"] is None
    assert {"usage", "latency_s"} <= line.keys()
    assert len(line["media"]) == 12


def test_open_ended_predictions_are_kept_as_not_judged_without_a_judge(cli, tmp_path):
    cli(*GOLD, "--tasks", "inst_it_image_oe")
    results = load(tmp_path / "results/echo-gold-demo/results.json")
    task = results["tasks"]["inst_it_image_oe"]
    assert task["states"]["not_judged"] == task["n_total"] == 16
    assert task["coverage"] == 0.0
    assert task["metrics"]["official_score"] == {
        "value": None,
        "stderr": None,
        "ci95": None,
        "n": 0,
    }
    assert all(
        r["prediction"] for r in journal(tmp_path / "results/echo-gold-demo", "inst_it_image_oe")
    )


def test_coverage_below_the_required_one_has_its_own_exit_code(cli):
    done = cli(*GOLD, "--tasks", "inst_it_image_oe", "--min-coverage", "0.9")
    assert done.returncode == 3
    assert "inst_it_image_oe: coverage 0.0000 (0 of 16) is below" in done.stderr


@pytest.fixture
def broken_data(tmp_path):
    """Demo data with one image missing and one truncated; each has two questions."""
    copy = tmp_path / "data"
    shutil.copytree(demo_data(), copy)
    pictures = copy / "Inst-It-Bench/images_vpt"
    (pictures / "001.jpg").unlink()
    half = (pictures / "002.jpg").read_bytes()[:3000]
    (pictures / "002.jpg").write_bytes(half)
    return copy


def test_a_broken_image_fails_its_samples_but_not_the_run(cli, tmp_path, broken_data):
    command = [
        *("run", "--model", "first", "--backend", "baseline", "--data", broken_data),
        *("--tasks", "inst_it_image_mc", "--name", "r"),
    ]
    done = cli(*command)
    assert done.returncode == 1
    assert "4 of 16 samples failed (--fail-on-error 0)" in done.stderr
    run = tmp_path / "results/r"
    task = load(run / "results.json")["tasks"]["inst_it_image_mc"]
    assert task["states"]["infer_error"] == 4
    assert task["metrics"]["accuracy"]["n"] == 12, "a failure is never a zero"
    failed = [r for r in journal(run, "inst_it_image_mc") if r["state"] == "infer_error"]
    assert {r["prediction"] for r in failed} == {None}
    assert any("001.jpg: No such file" in r["error"] for r in failed)
    assert any("002.jpg: the file is truncated" in r["error"] for r in failed)

    for allowed, code in (("4", 0), ("3", 1), ("0.25", 0), ("0.1", 1)):
        assert cli(*command, "--fail-on-error", allowed).returncode == code

    for name in ("001.jpg", "002.jpg"):
        shutil.copy(
            demo_data() / "Inst-It-Bench/images_vpt" / name,
            broken_data / "Inst-It-Bench/images_vpt",
        )
    assert cli(*command).returncode == 0, "failed samples are requested again"
    records = journal(run, "inst_it_image_mc")
    assert len(records) == 16
    assert {r["state"] for r in records} == {"scored"}


def test_a_reply_cut_off_while_reasoning_is_truncated_and_counts_as_wrong(cli, tmp_path):
    with openai_server(lambda _: Reply("<think>Let me see", finish_reason="length")) as server:
        done = cli(
            *("run", "--model", "m", "--backend", "openai", "--base-url", server.base_url),
            *("--data", "demo", "--tasks", "inst_it_image_mc"),
        )
    assert done.returncode == 0, done.stderr
    task = load(tmp_path / "results/m-demo/results.json")["tasks"]["inst_it_image_mc"]
    assert task["states"]["truncated"] == task["n_counted"] == 16
    assert task["metrics"]["accuracy"]["value"] == 0.0
    assert task["metrics"]["official_accuracy"]["n"] == 0
    assert task["usage"]["prompt_tokens"] == 1600


@pytest.mark.parametrize("status", [401, 404])
def test_an_endpoint_that_refuses_stops_the_run_early_with_exit_code_1(cli, status):
    with openai_server(lambda _: Reply("no", status=status)) as server:
        done = cli(
            *("run", "--model", "m", "--backend", "openai", "--base-url", server.base_url),
            *("--data", "demo", "--concurrency", 2),
        )
    assert done.returncode == 1
    assert server.base_url in done.stderr
    assert "Traceback" not in done.stderr
    assert len(server.requests) <= 4


def test_concurrency_is_limited(cli):
    with openai_server(lambda _: Reply("A", delay_s=0.05)) as server:
        cli(
            *("run", "--model", "m", "--backend", "openai", "--base-url", server.base_url),
            *("--data", "demo", "--concurrency", 3, "--limit", 6),
        )
    assert server.most_in_flight == 3


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ([*RANDOM, "--seed", "1"], "seed was 0, now 1"),
        ([*RANDOM, "--temperature", "0.5"], "temperature was None, now 0.5"),
        ([*RANDOM, "--max-frames", "4"], "max_frames was 32, now 4"),
        (["first" if word == "random" else word for word in RANDOM], "model was 'random', now"),
    ],
)
def test_resuming_with_different_settings_is_refused_with_the_differences(cli, command, named):
    assert cli(*RANDOM, "--name", "r", "--limit", 2).returncode == 0
    done = cli(*command, "--name", "r")
    assert done.returncode == 3
    assert named in done.stderr
    assert "--fresh" in done.stderr


def test_a_run_without_predictions_does_not_block_different_settings(cli):
    nobody = ("--backend", "openai", "--base-url", "http://127.0.0.1:9", "--max-retries", 0)
    common = ("run", "--data", "demo", "--name", "r", "--limit", 2)
    assert cli(*common, *nobody, "--model", "mistyped").returncode == 1
    assert cli(*common, "--backend", "baseline", "--model", "random").returncode == 0


def test_resuming_with_different_data_or_prompts_is_refused(cli, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(demo_data(), copy)
    command = [*RANDOM[:-1], copy, "--name", "r", "--tasks", "inst_it_image_mc"]
    assert cli(*command).returncode == 0
    file = copy / "Inst-It-Bench/image_multi_choices.json"
    text = file.read_text()
    file.write_text(text.replace('"answer": "A"', '"answer": "B"', 1))
    assert "data_digest was" in cli(*command).stderr
    file.write_text(text)
    assert cli(*command).returncode == 0
    prompts = copy / "prompts/inst_it_bench_prompts.json"
    prompts.parent.mkdir()
    pair = {"pre_prompt": "P", "post_prompt": "Q"}
    names = ("image_mc", "image_oe", "video_mc", "video_oe")
    prompts.write_text(
        json.dumps(dict.fromkeys(names, pair) | {"gpt_eval": {"image": "J", "video": "J"}})
    )
    done = cli(*command)
    assert done.returncode == 3
    assert "prompts was 'own', now 'official'" in done.stderr


def test_what_comes_next_is_a_comparison_that_is_possible(cli, tmp_path):
    def told(name, *options):
        done = cli("run", "--model", "first", *options, "--name", name)
        return done.stderr.splitlines()[-1]

    demo = ("--backend", "baseline", "--data", "demo", "--tasks", "gpt4tools_seen")
    assert told("a", *demo) == "next: instit-bench report results/a"
    empty = tmp_path / "results/a/results.json"
    empty.write_text(empty.read_text().replace('"n_counted": 24', '"n_counted": 0'))
    assert "compare" not in told("b", *demo)
    assert told("c", *demo).endswith("or instit-bench compare results/b results/c")


def test_fresh_starts_over_and_moves_the_old_run_aside(cli, tmp_path):
    cli(*RANDOM, "--name", "r", "--tasks", "gpt4tools_seen")
    assert cli("report", "results/r").returncode == 0
    assert cli(*RANDOM, "--name", "r", "--tasks", "gpt4tools_unseen", "--fresh").returncode == 0
    assert list(load(tmp_path / "results/r/results.json")["tasks"]) == ["gpt4tools_unseen"]
    (kept,) = (tmp_path / "results/.replaced").iterdir()
    assert list(load(kept / "results.json")["tasks"]) == ["gpt4tools_seen"]
    assert (kept / "report.html").is_file()
    assert not (tmp_path / "results/r/report.html").exists()


def test_resume_needs_a_run_and_excludes_fresh(cli):
    assert "there is no run" in cli(*RANDOM, "--resume").stderr
    assert cli(*RANDOM, "--resume", "--fresh").returncode == 2


def test_a_limited_run_can_be_extended_to_the_full_one(cli, tmp_path):
    cli(*RANDOM, "--name", "grown", "--limit", 3)
    limited = load(tmp_path / "results/grown/results.json")["tasks"]["gpt4tools_seen"]
    assert (limited["n_total"], "limited" in limited["marks"]) == (3, True)
    cli(*RANDOM, "--name", "grown", "--sample-id", 20)
    cli(*RANDOM, "--name", "grown")
    cli(*RANDOM, "--name", "whole")
    grown, whole = (load(tmp_path / f"results/{name}/results.json") for name in ("grown", "whole"))
    assert grown == whole
    cli(*RANDOM, "--name", "grown", "--limit", 3)
    assert load(tmp_path / "results/grown/results.json") == whole, "a selection never shrinks"


def test_a_config_file_the_command_line_and_python_are_equivalent(cli, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text(
        "model: random\nbackend: baseline\ndata: demo\ntasks: [gpt4tools, inst_it_image_mc]\n"
        "limit: 5\nname: from-file\n"
    )
    assert cli("run", "--config", config).returncode == 0
    cli(*RANDOM, "--tasks", "gpt4tools,inst_it_image_mc", "--limit", 5, "--name", "from-options")
    frames = instit_bench.run(
        model="random",
        backend="baseline",
        data="demo",
        tasks=["gpt4tools", "inst_it_image_mc"],
        limit=5,
        output=tmp_path / "results",
        name="from-python",
    )
    tables = [
        load(tmp_path / f"results/{name}/results.json")
        for name in ("from-file", "from-options", "from-python")
    ]
    assert tables[0] == tables[1] == tables[2]
    assert isinstance(frames.metrics, pd.DataFrame)
    assert isinstance(frames.samples, pd.DataFrame)
    assert len(frames.samples) == 15
    sr = frames.metrics.set_index(["task", "metric"]).loc[("gpt4tools_seen", "sr"), "value"]
    assert sr == tables[0]["tasks"]["gpt4tools_seen"]["metrics"]["sr"]["value"]
    assert frames.samples.query("task == 'gpt4tools_seen'")["sr"].mean() == pytest.approx(sr)


def test_options_override_the_config_file(cli, tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("model: first\nbackend: baseline\ndata: demo\nlimit: 1\n")
    cli("run", "--config", config, "--model", "random", "--name", "r")
    assert load(tmp_path / "results/r/results.json")["model"] == "random"


def test_python_callers_get_exceptions():
    settings = {"model": "first", "backend": "baseline", "tasks": "inst_it_image_mc"}
    with pytest.raises(InstitBenchError, match="is not known; did you mean 'backend'"):
        instit_bench.run(**settings, backnd="x")


def test_the_manifest_describes_the_run_and_contains_no_key(cli, tmp_path):
    with openai_server(lambda _: Reply("A")) as server:
        cli(
            *("run", "--model", "org/m", "--backend", "openai", "--base-url", server.base_url),
            *("--data", "demo", "--tasks", "gpt4tools_seen", "--limit", 2),
            OPENAI_API_KEY="sk-secret",
        )
    run = tmp_path / "results/org-m-demo"
    manifest = load(run / "manifest.json")
    assert manifest["status"] == "finished"
    assert manifest["identity"]["model"] == "org/m"
    assert manifest["settings"]["backend"]["base_url"] == server.base_url
    assert manifest["environment"]["instit_bench"] == instit_bench.__version__
    task = manifest["tasks"]["gpt4tools_seen"]
    assert len(task["data_digest"]) == len(task["prompt_digest"]) == 64
    assert task["selected"] == ["0", "1"]
    for path in run.rglob("*"):
        assert not path.is_file() or "sk-secret" not in path.read_text()


def test_a_third_party_task_runs_with_its_own_scoring(cli, tmp_path):
    plugin = tmp_path / "plugin"
    plugin.mkdir()
    (plugin / "colours.yaml").write_text(
        "task: colours\ndataset_path: json\ndataset_kwargs: {data_files: colours.json}\n"
        "doc_to_text: question\ndoc_to_target: answer\n"
        "process_results: !function utils.process_results\n"
        "metric_list: [{metric: exact, aggregation: mean, higher_is_better: true}]\n"
    )
    (plugin / "utils.py").write_text(
        "def process_results(doc, results):\n    return {'exact': results[0] == doc['answer']}\n"
    )
    docs = [{"id": i, "question": "Sky?", "answer": a} for i, a in enumerate(["blue", "red"])]
    (plugin / "colours.json").write_text(json.dumps(docs))
    done = cli(
        *("run", "--model", "text:blue", "--backend", "baseline", "--tasks", "colours"),
        *("--include-path", plugin, "--name", "r"),
    )
    assert done.returncode == 0, done.stderr
    metric = load(tmp_path / "results/r/results.json")["tasks"]["colours"]["metrics"]["exact"]
    assert (metric["value"], metric["n"]) == (0.5, 2)


def test_metrics_on_the_real_unseen_split(cli, tmp_path, shared_data):
    command = ("run", "--backend", "baseline", "--tasks", "gpt4tools_unseen", "--data", shared_data)
    assert cli(*command, "--model", "echo-gold", "--name", "gold").returncode == 0
    task = load(tmp_path / "results/gold/results.json")["tasks"]["gpt4tools_unseen"]
    found = {name: metric["value"] for name, metric in task["metrics"].items()}
    assert found["sr_args"] == pytest.approx(0.995398772834773, abs=1e-12)
    assert found["sr"] == pytest.approx(0.995398773006135, abs=1e-12)
    assert found["iou"] == pytest.approx(0.998466257611591, abs=1e-12)
    assert found["strict_sr"] == found["sr_thought"] == found["sr_action"] == 1.0
    differing = {
        record["id"]: record["details"]["difference"]
        for record in journal(tmp_path / "results/gold", "gpt4tools_unseen")
        if "difference" in record["details"]
    }
    assert set(differing) == {"52", "191", "402"}
    assert all("empty" in reason for reason in differing.values())

    no_tool = "text:Thought: Do I need to use a tool? No\\nAI: hi"
    assert cli(*command, "--model", no_tool, "--name", "no").returncode == 0
    task = load(tmp_path / "results/no/results.json")["tasks"]["gpt4tools_unseen"]
    for name in ("sr_thought", "sr_action", "sr_args", "sr", "iou"):
        assert task["metrics"][name]["value"] == pytest.approx(50 / 652, abs=1e-12)


def test_a_style_of_some_tasks_only_names_them(cli):
    done = cli(
        *("run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo"),
        *("--prompt-style", "davinci"),
    )
    assert done.returncode == 2
    assert "inst_it_image_mc has no such style" in done.stderr
    assert done.stderr.endswith("choose --tasks gpt4tools_seen,gpt4tools_unseen\n")


def test_each_address_that_answered_stays_on_record(cli, tmp_path):
    run = ["run", "--model", "m", "--backend", "openai", "--data", "demo", "--name", "r"]
    addresses = []
    for limit in (1, 2, 3):
        with openai_server(lambda _: Reply("A")) as server:
            addresses.append(server.base_url)
            tasks = ["--tasks", "inst_it_image_mc", "--limit", limit]
            done = cli(*run, "--base-url", server.base_url, *tasks)
        assert done.returncode == 0, done.stderr
        assert server.keys == [""]  # no key is set, so none is sent
    backend = load(tmp_path / "results/r/manifest.json")["settings"]["backend"]
    assert backend["base_url"] == addresses[2]
    assert backend["earlier_base_urls"] == addresses[:2]


def test_what_differs_in_several_tasks_is_said_once(cli):
    assert cli(*GOLD, "--name", "r").returncode == 0
    done = cli(*GOLD, "--name", "r", "--max-tokens", "7")
    assert done.returncode == 3
    assert done.stderr.count("max_tokens was None, now 7") == 1
    assert done.stderr.count("generation was") == 2  # one setting for tools, one for Inst-IT
    assert "inst_it_image_mc, inst_it_image_oe, inst_it_video_mc" in done.stderr
