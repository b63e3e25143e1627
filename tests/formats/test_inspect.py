"""``export --format inspect``: logs that the real ``inspect_ai`` and its viewer can read."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

from inspect_ai.log import list_eval_logs, read_eval_log

from instit_bench.resources import demo_data
from tests.command_line import cli_environment

TASKS = ("inst_it_image_mc", "inst_it_image_oe", "inst_it_video_mc", "gpt4tools_unseen")
RUN = ["run", "--backend", "baseline", "--model", "random", "--name", "r"]
EXPORT = ["export", "results/r", "--format", "inspect", "--output", "logs"]


def load(path):
    return json.loads(path.read_text())


def journal(tmp_path, run, task):
    text = (tmp_path / f"results/{run}/samples/{task}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def logs(folder):
    """Return the logs in a folder by task, as ``inspect_ai`` finds and reads them."""
    found = [read_eval_log(info) for info in list_eval_logs(str(folder))]
    return {log.eval.task: log for log in found}


def test_every_task_is_a_log_with_the_run_s_metrics(cli, tmp_path):
    cli(*RUN, "--data", "demo", "--tasks", ",".join(TASKS), "--judge", "lexical")
    done = cli(*EXPORT)
    assert done.returncode == 0, done.stderr
    found = logs(tmp_path / "logs")
    assert set(found) == set(TASKS)
    tasks = load(tmp_path / "results/r/results.json")["tasks"]
    for task, log in found.items():
        assert (log.status, log.eval.model) == ("success", "random")
        assert log.results.total_samples == log.results.completed_samples == len(log.samples)
        scores = {score.name: score for score in log.results.scores}
        counted = {name: m for name, m in tasks[task]["metrics"].items() if m["n"]}
        assert set(scores) == set(counted)
        for name, metric in counted.items():
            assert scores[name].metrics["mean"].value == metric["value"]
            assert scores[name].metrics["stderr"].value == metric["stderr"]
            assert scores[name].scored_samples == metric["n"]


def test_samples_match_the_journal(cli, tmp_path):
    cli(*RUN, "--data", "demo", "--tasks", "inst_it_image_mc")
    cli(*EXPORT)
    samples = logs(tmp_path / "logs")["inst_it_image_mc"].samples
    records = journal(tmp_path, "r", "inst_it_image_mc")
    assert [sample.id for sample in samples] == [record["id"] for record in records]
    for sample, record in zip(samples, records, strict=True):
        picture, text = sample.input[0].content
        assert ([picture.image], text.text) == (record["media"], record["prompt"])
        assert sample.choices == record["choices"]
        assert sample.target == record["target"]
        assert sample.output.completion == record["prediction"]
        assert sample.output.choices[0].stop_reason == record["finish_reason"]
        assert sample.messages[-1].content == record["prediction"]
        score = sample.scores["choice"]
        assert score.value == record["scores"]
        assert score.answer == record["extracted"]
        assert score.metadata["state"] == record["state"]
        assert score.explanation == record["details"].get("difference")


def test_states_usage_and_tool_calls_are_exported(cli, tmp_path):
    """Records from an endpoint: truncated, with token counts, with native tool calls."""
    rows = [
        {"prediction": "The answer is", "finish_reason": "length", "latency_s": 1.5}
        | {"usage": {"prompt_tokens": 10, "completion_tokens": 3, "cached_tokens": 4}},
        {"prediction": "I do not know."},
        {"prediction": "", "tool_calls": [{"name": "see", "arguments": '{"mark": 3}'}]},
        {"prediction": "", "tool_calls": [{"name": "see", "arguments": "{mark"}]},
        {"prediction": None, "state": "infer_error", "error": "001.jpg: No such file"},
        {"prediction": None, "state": "not_run", "reason": "missing_prediction"},
    ]
    base = {"state": "scored", "target": "A", "question": "Which?", "choices": list("wxyz")}
    lines = [json.dumps(base | {"id": f"1-{n}"} | row) for n, row in enumerate(rows)]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    cli("score", "rows.jsonl", "--task", "inst_it_image_mc", "--name", "r")
    done = cli(*EXPORT)
    assert done.returncode == 0, done.stderr
    log = logs(tmp_path / "logs")["inst_it_image_mc"]
    cut, unparsed, called, badly, failed, unasked = log.samples
    states = [sample.metadata["state"] for sample in log.samples]
    assert states[:2] == ["truncated", "unparsed"]
    assert states[4:] == ["infer_error", "not_run"]
    assert cut.output.choices[0].stop_reason == "max_tokens"
    usage = cut.output.usage
    assert (usage.input_tokens, usage.input_tokens_cache_read, usage.output_tokens) == (6, 4, 3)
    assert cut.total_time == 1.5
    assert unparsed.scores["choice"].value["accuracy"] == 0.0
    assert unparsed.scores["choice"].explanation
    assert called.messages[-1].tool_calls[0].arguments == {"mark": 3}
    assert badly.messages[-1].tool_calls[0].parse_error
    assert (failed.error.message, failed.scores) == ("001.jpg: No such file", {})
    assert (unasked.error, unasked.scores, unasked.output.completion) == (None, {}, "")
    assert (log.results.total_samples, log.results.completed_samples) == (6, 4)


def test_a_failed_run_is_exported_as_failed(cli, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(demo_data(), data)
    (data / "Inst-It-Bench/images_vpt/002.jpg").write_bytes(b"no picture")
    assert cli(*RUN, "--data", data, "--tasks", "inst_it_image_mc").returncode == 1
    cli(*EXPORT)
    log = logs(tmp_path / "logs")["inst_it_image_mc"]
    assert log.status == "error"
    assert [sample.id for sample in log.samples if sample.error] == ["002-01", "002-02"]


def test_exporting_again_replaces_the_logs(cli, tmp_path):
    cli(*RUN, "--data", "demo", "--tasks", "inst_it_image_mc", "--limit", "2")
    cli(*EXPORT)
    (log,) = (tmp_path / "logs").iterdir()
    assert log.name.endswith(".eval")
    assert read_eval_log(str(log)).eval.config.limit == 2
    cli(*RUN, "--data", "demo", "--tasks", "inst_it_image_mc")
    cli(*EXPORT)
    assert list((tmp_path / "logs").iterdir()) == [log]
    assert len(read_eval_log(str(log)).samples) == 16


def test_its_viewer_serves_them(cli, tmp_path):
    cli(*RUN, "--data", "demo", "--tasks", "inst_it_image_mc")
    cli("export", "results/r", "--format", "inspect")
    folder = tmp_path / "results/r/export/inspect"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ["-m", "inspect_ai._cli.main", "view", "--log-dir", folder, "--port", port]
    server = subprocess.Popen(
        [sys.executable, *map(str, command)],
        env=cli_environment(HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        (log,) = fetch(f"http://127.0.0.1:{port}/api/logs", server)["files"]
        assert log["task"] == "inst-it-image-mc"
        shown = fetch(f"http://127.0.0.1:{port}/api/logs/{quote(log['name'], safe='')}", server)
    finally:
        server.terminate()
        server.wait(timeout=30)
    assert [sample["id"] for sample in shown["samples"]][:2] == ["001-01", "001-02"]


def fetch(url, server):
    """Return the JSON at a URL, once the server is up."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(url, timeout=30) as reply:
                return json.load(reply)
        except URLError as error:
            assert server.poll() is None, "the viewer has exited"
            if time.monotonic() > deadline:
                raise TimeoutError(url) from error
            time.sleep(0.2)


def test_without_the_package_the_error_names_the_extra(cli, cli_process, tmp_path):
    cli(*RUN, "--data", "demo", "--tasks", "inst_it_image_mc", "--limit", "1")
    (tmp_path / "path/inspect_ai").mkdir(parents=True)
    (tmp_path / "path/inspect_ai/__init__.py").write_text("raise ImportError('gone')")
    path = f"{tmp_path / 'path'}:{cli_environment()['PYTHONPATH']}"
    done = cli_process(*EXPORT, PYTHONPATH=path)
    assert done.returncode == 2
    assert "pip install 'instit-bench[inspect]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "logs").exists()
