"""The writer's options, and their errors: one line that names file, record, field and remedy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from instit_bench.generation.catalogue import SHIPPED, read_catalogue
from tests.command_line import REPOSITORY, cli_environment
from tests.finished_run import read_jsonl
from tests.generation.inputs import CAPTION, captions, catalogue, put, words
from tests.generation.scripted_writer import caption_of, write
from tests.openai_server import Reply, openai_server


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.json", [CAPTION, {**CAPTION, "caption": "There is a mat."}, CAPTION]),
        (
            "c.json",
            {
                "images": [{"id": 7, "file_name": "1.jpg"}],
                "annotations": [
                    {"image_id": 7, "caption": text}
                    for text in ("A cat sits on a mat.", "There is a mat.", "a cat sits on a mat")
                ],
            },
        ),
        (
            "c.jsonl",
            '{"image": "1.jpg", "captions": ["A cat sits on a mat.", "There is a mat."]}\n',
        ),
        ("c.csv", 'file_name,caption\n1.jpg,A cat sits on a mat.\n1.jpg,"There is\n a mat."\n'),
    ],
    ids=["GPT4Tools", "COCO", "JSONL", "CSV"],
)
def test_captions_are_read_in_every_format_and_joined_per_image(
    cli, tmp_path, server, name, content
):
    put(tmp_path, name, content)
    command = [name if word == "c.json" else word for word in words(server)]
    done = cli(*command)
    assert done.returncode == 0, done.stderr
    assert [caption_of(body) for body in server.requests] == [
        "A cat sits on a mat. There is a mat."
    ]
    (line,) = read_jsonl(tmp_path / "instructions" / "instructions.jsonl")
    assert (line["id"], line["file_name"]) == (1, "1.jpg")
    assert line["usage"] == {"prompt_tokens": 100, "completion_tokens": 2, "cached_tokens": 60}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "contains no captions"),
        ([{"file_name": "1.jpg"}], "record 1: field 'caption' is missing"),
        ([{"caption": "A cat."}], "record 1: field 'file_name' must be a number or text"),
        ([CAPTION, {**CAPTION, "caption": 3}], "record 2: field 'caption' must be text"),
        ({"annotations": [{"image_id": 1}]}, "annotations 1: field 'caption' is missing"),
        ({"annotations": [3]}, "annotations 1: is not a JSON object"),
        (
            {
                "images": [{"id": 1, "file_name": "1"}],
                "annotations": [{"image_id": 2, "caption": "x"}],
            },
            "annotations 1: field 'image_id' names no image",
        ),
        ("[", "is not valid JSON"),
    ],
)
def test_broken_captions_are_refused(cli, tmp_path, server, content, message):
    put(tmp_path, "c.json", content)
    done = cli(*words(server))
    assert (done.returncode, server.requests) == (2, [])
    assert "c.json: " in done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tools: 3", "t.yaml: key 'tools' must be a list of tools"),
        ("tool: []", "t.yaml: key 'tool' is not known"),
        (catalogue({"name": ""}), "t.yaml: tool 1 (): field 'name'"),
        (catalogue({}, {"name": "A, B"}), "t.yaml: tool 2 (A, B): field 'name'"),
        (catalogue({"descripton": "x"}), "field 'descripton' is not known; did you mean"),
        (catalogue({"arguments": ["a thing and more"]}), "a reader of its description would take"),
        (catalogue({"arguments": ["the file name"]}), "of which 2 are files"),
        (catalogue({"needs_image": False}), "a tool without an image needs at least one"),
        (catalogue({}, {"name": "bake cake"}), "its name or an alias is also that of tool"),
        (catalogue({"predecessor": "Mix"}), "field 'predecessor': there is no tool 'Mix'"),
        (catalogue({"predecessor": "Bake Cake"}), "the tool would need itself first"),
        (
            catalogue({"name": "Mix", "result": "[mixed]"}, {"predecessor": "Mix"}),
            "'Mix' must take an image alone and return a file",
        ),
    ],
)
def test_a_broken_catalogue_is_refused(cli, tmp_path, text, message):
    put(tmp_path, "t.yaml", text)
    put(tmp_path, "raw.json", [CAPTION | {"instructions": "x"}])
    done = cli("generate", "items", "raw.json", "--tools", "t.yaml")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_shipped_catalogues_have_the_benchmark_s_tools():
    sizes = [len(read_catalogue([name]).tools) for name in SHIPPED]
    assert sizes == [23, 8]
    both = read_catalogue(SHIPPED)
    assert sum(tool.predecessor is not None for tool in both.tools.values()) == 7
    assert Counter(tool.arity for tool in read_catalogue(["gpt4tools"]).tools.values()) == {
        1: 10,
        2: 12,
        3: 1,
    }
    assert both.digest == read_catalogue(SHIPPED[::-1]).digest
    renamed, _ = both.renamed()
    assert not renamed.tools.keys() & both.tools.keys()


def test_a_dry_run_sends_and_writes_nothing(cli, tmp_path, server):
    captions(tmp_path)
    put(tmp_path, "p.json", {"m": {"input": 1, "output": 2}})
    done = cli(*words(server, "--dry-run", "--prices", "p.json", "--limit", 3))
    assert done.returncode == 0, done.stderr
    assert "3 requests of 3, 31 tools each: about" in done.stdout
    assert "US dollars" in done.stdout
    assert server.contacts == 0
    assert not (tmp_path / "instructions").exists()


def test_variables_of_run_s_own_options_do_not_reach_the_writer(cli, tmp_path, server):
    captions(tmp_path)
    of_run = {"OUTPUT": "results", "LIMIT": "1", "MAX_TOKENS": "5", "BASE_URL": server.base_url}
    own = {"GENERATE_INSTRUCTIONS_LIMIT": "2"}
    variables = {f"INSTIT_BENCH_{name}": value for name, value in (of_run | own).items()}
    command = words(server)
    place = command.index("--base-url")
    done = cli(*command[:place], *command[place + 2 :], **variables)
    assert done.returncode == 0, done.stderr
    assert "2 replies, 0 failed" in done.stdout
    assert {body["max_tokens"] for body in server.requests} == {4096}
    assert (tmp_path / "instructions" / "instructions.jsonl").is_file()
    assert not (tmp_path / "results").exists()


def test_other_settings_are_refused_and_a_larger_limit_is_not(cli, tmp_path, server):
    captions(tmp_path)
    assert cli(*words(server, "--limit", 1)).returncode == 0
    done = cli(*words(server, "--temperature", 0.1))
    assert done.returncode == 3
    assert "temperature was 0.7, now 0.1; choose another --output" in done.stderr
    assert cli(*words(server)).returncode == 0
    assert Counter(map(caption_of, server.requests)) == {f"A cat {n}.": 1 for n in range(4)}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--budget", 0.05, "--prices", "p.json"), "--budget 0.05 USD"),
        (("--token-budget", 15_000), "--token-budget 15,000"),
    ],
)
def test_a_budget_stops_before_it_is_exceeded_and_counts_earlier_processes(
    cli, tmp_path, options, told
):
    captions(tmp_path, 5)
    put(tmp_path, "p.json", {"m": {"input": 1, "output": 10}})

    def expensive(body):
        text = write(body).text
        usage = {"prompt_tokens": 2000, "completion_tokens": 1500}
        choice = {"message": {"content": text}, "finish_reason": "stop"}
        return Reply(body=json.dumps({"choices": [choice], "usage": usage}).encode())

    with openai_server(expensive) as server:
        more = ("--concurrency", 1, "--max-tokens", 2000, *options)
        done = cli(*words(server, *more))
        assert done.returncode == 3, done.stderr
        assert f"the next request could exceed {told}" in done.stderr
        sent = len(server.requests)
        assert 0 < sent < 5
        again = cli(*words(server, *more))
        assert again.returncode == 3
        assert len(server.requests) == sent, "what was spent before counts"


def test_a_budget_without_a_known_price_is_refused_first(cli, tmp_path, server):
    captions(tmp_path)
    done = cli(*words(server, "--budget", 1))
    assert done.returncode == 2
    assert "--budget: the price of 'm' is not known; name it in --prices" in done.stderr
    assert not (tmp_path / "instructions").exists()


def test_failed_captions_fail_the_command_and_are_asked_again(cli, tmp_path):
    captions(tmp_path)
    refused = {"A cat 2."}

    def sometimes(body):
        return Reply("no", status=400) if caption_of(body) in refused else write(body)

    with openai_server(sometimes) as server:
        done = cli(*words(server))
        assert done.returncode == 1
        assert "1 of 4 captions failed (--fail-on-error 0); the first is caption 3" in done.stderr
        refused.clear()
        assert cli(*words(server)).returncode == 0
    assert Counter(map(caption_of, server.requests))["A cat 2."] == 2
    stored = {one["id"]: one for one in read_jsonl(tmp_path / "instructions/instructions.jsonl")}
    assert all(one["error"] is None for one in stored.values())


def test_an_interrupt_finishes_what_is_in_flight_and_exits_with_130(tmp_path):
    captions(tmp_path, 12)
    with openai_server(lambda body: Reply(write(body).text, delay_s=0.3)) as server:
        command = words(server, "--concurrency", "2")
        process = subprocess.Popen(
            [sys.executable, "-m", "instit_bench", *command],
            cwd=tmp_path,
            env=cli_environment(INSTIT_BENCH_HOME=str(tmp_path / "home")),
            stderr=subprocess.PIPE,
            text=True,
        )
        while len(server.requests) < 3:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "in flight will be finished" in told
        lines = read_jsonl(tmp_path / "instructions" / "instructions.jsonl")
        assert len(lines) == len(server.requests) < 12


@pytest.mark.skipif(sys.platform != "linux", reason="vLLM runs on Linux")
def test_an_engine_shares_captions_out_to_its_copies_and_its_counters_are_added_up(
    cli, tmp_path, monkeypatch
):
    captions(tmp_path)
    put(tmp_path, "fake.json", {})
    serve = (sys.executable, str(REPOSITORY / "tests/backends/fake_engine.py"))
    stand_in = (*serve, "--fake", str(tmp_path / "fake.json"))
    monkeypatch.setattr("instit_bench.backends.vllm.backend.SERVE", stand_in)
    monkeypatch.setattr("instit_bench.backends.vllm.backend.installed_version", lambda: "0.19.1")
    command = ("generate", "instructions", "--captions", "c.json", "--model", "m")
    counted = []
    for more in (("--limit", 2), (), ()):
        done = cli(*command, "--data-parallel", 2, *more)
        assert done.returncode == 0, done.stderr
        manifest = json.loads((tmp_path / "instructions/writer.json").read_text())
        counted.append(manifest["engine"]["prefix_cache_queries"])
        assert manifest["settings"]["backend"]["command"]
    assert counted == [10, 20, 20], "the third process has nothing to ask"
    ranks = {record["rank"] for record in read_jsonl(tmp_path / "fake.asked")}
    assert ranks == {None}, "one named for all would leave the others idle"


@pytest.mark.parametrize("option", [("--replicas", 2), ("--adaptive-concurrency",)])
def test_options_of_replicas_need_a_cluster(cli, tmp_path, server, option):
    captions(tmp_path)
    done = cli(*words(server, *option))
    assert (done.returncode, server.requests) == (2, [])
    assert f"{option[0]}: needs --ray" in done.stderr
