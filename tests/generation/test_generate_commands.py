"""The commands' options, and their errors: one line that names file, record, field and remedy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise

import pytest

from instit_bench.generation.catalogue import SHIPPED, read_catalogue
from instit_bench.generation.lines import Reason
from tests.command_line import cli_environment
from tests.finished_run import read_jsonl
from tests.generation.scripted_writer import EDGES, caption_of, write
from tests.openai_server import Reply, openai_server

CAPTION = {"file_name": "1.jpg", "caption": "A cat sits on a mat."}
ONE_TOOL = {"name": "Bake Cake", "description": "Bakes.", "result": "file"}


def put(folder, name, value):
    (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))


def captions(folder, number=4):
    put(
        folder,
        "c.json",
        [{"file_name": f"{n}.jpg", "caption": f"A cat {n}."} for n in range(number)],
    )


def words(server, *more):
    options = ("--captions", "c.json", "--model", "m", "--backend", "openai")
    return ("generate", "instructions", *options, "--base-url", server.base_url, *more)


@pytest.fixture
def server():
    with openai_server(write) as running:
        yield running


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


def catalogue(*changes):
    return json.dumps({"tools": [ONE_TOOL | change for change in changes]})  # JSON is YAML


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


def reply(*lines):
    return [CAPTION | {"instructions": "\n".join(lines)}]


def items(cli, tmp_path, *options, raw="raw.json"):
    done = cli("generate", "items", raw, *options)
    assert done.returncode == 0, done.stderr
    return read_jsonl(tmp_path / "items" / "items.jsonl")


LINES = (
    f"1. Show me the edges, [{EDGES}]",
    f"2. Show me the edges!, [{EDGES}]",
    '3. Make a fox of the edges, [Generate Image Condition On Canny Image, "example.jpg", a fox]',
    '4. Show me the edges, [Line Detection On Image, "example.jpg"]',
    "5. Draw a fox, [Generate Image From User Input Text, a fox]",
)


def test_equal_items_are_always_dropped_and_equal_requests_with_filter(cli, tmp_path):
    put(tmp_path, "raw.json", reply(*LINES))
    assert {item["id"] for item in items(cli, tmp_path)} == {"1-1", "1-3", "1-4", "1-5"}
    assert {item["id"] for item in items(cli, tmp_path, "--filter")} == {"1-1", "1-3", "1-5"}
    reasons = [one["reason"] for one in read_jsonl(tmp_path / "items" / "dropped.jsonl")]
    assert sorted(reasons) == ["duplicate", "request repeated (--filter)"]


def test_another_catalogue_than_the_writer_s_is_told(cli, tmp_path, server):
    captions(tmp_path, 1)
    assert cli(*words(server, "--tools", "novel")).returncode == 0
    told = [
        cli("generate", "items", "instructions", *tools).stderr
        for tools in (("--tools", "novel"), ())
    ]
    assert ["are for another catalogue; name the same --tools" in text for text in told] == [
        False,
        True,
    ]


def test_a_chain_gold_a_step_gold_and_the_complement(cli, tmp_path):
    put(tmp_path, "raw.json", reply(LINES[2]))
    (whole,) = items(cli, tmp_path)
    steps = {item["id"]: item for item in items(cli, tmp_path, "--step")}
    assert sorted(steps) == ["1-1-t0", "1-1-t1", "1-1-t2"]
    assert whole["output"].count("Action: ") == 2
    first, second, last = (steps[f"1-1-t{n}"] for n in range(3))
    assert first["instruction"] == whole["instruction"]
    assert "Action: Edge Detection On Image\n" in first["output"]
    assert second["instruction"].startswith(first["instruction"])
    image = whole["conversation"]["image"]
    edges = whole["conversation"]["steps"][0]["observation"]
    assert second["instruction"].endswith(f"Action Input: {image}\nObservation: {edges}\n")
    assert last["output"].startswith("Thought: Do I need to use a tool? No\nAI: ")
    assert whole["output"].endswith(last["output"])
    (one,) = items(cli, tmp_path, "--complement")
    assert one == steps[one["id"]]


@pytest.mark.parametrize("chains", ["1", "2..2", "1..3", "3"])
def test_chains_have_the_lengths_asked_for(cli, tmp_path, chains):
    put(tmp_path, "raw.json", reply(*LINES))
    low, high = int(chains[0]), int(chains[-1])
    made = items(cli, tmp_path, "--chains", chains)
    lengths = {len(item["conversation"]["steps"]) for item in made}
    assert min(lengths) >= low
    assert max(lengths) == high
    for item in made:
        steps = item["conversation"]["steps"]
        for before, after in pairwise(steps):
            assert before["observation"].endswith(after["arguments"][0])


def test_tools_shown_and_caps_are_kept_to(cli, tmp_path):
    more = [
        {"file_name": f"{n}.jpg", "caption": f"A cat {n}.", "instructions": line}
        for n, line in enumerate([*LINES, *LINES])
    ]
    put(tmp_path, "raw.json", more)
    shown = {
        len(item["conversation"]["tools"]) for item in items(cli, tmp_path, "--tools-shown", 3)
    }
    assert shown == {3}
    assert len(items(cli, tmp_path, "--max-items", 3)) == 3
    few = items(cli, tmp_path, "--max-per-tool", 1)
    last = Counter(item["conversation"]["steps"][-1]["tool"] for item in few)
    assert set(last.values()) == {1}
    images = {item["provenance"]["image"] for item in items(cli, tmp_path, "--max-images", 2)}
    assert len(images) == 2


def test_an_item_does_not_change_with_the_others(cli, tmp_path):
    put(tmp_path, "raw.json", reply(*LINES))
    whole = {item["id"]: item for item in items(cli, tmp_path)}
    put(tmp_path, "raw.json", reply(LINES[0], "", "", LINES[3]))
    for item in items(cli, tmp_path):
        assert item == whole[item["id"]]


def test_refusals_are_limited_by_their_ratio(cli, tmp_path):
    put(tmp_path, "raw.json", reply(*LINES))
    alpaca = [{"instruction": f"Say {n}.", "input": "", "output": str(n)} for n in range(9)]
    put(tmp_path, "r.json", alpaca)
    made = items(cli, tmp_path, "--refusals", "r.json", "--refusal-ratio", 0.5)
    refusals = [item for item in made if not item["conversation"]["steps"]]
    assert (len(made), len(refusals)) == (6, 2)
    assert all("Action: " not in item["output"] for item in refusals)


def test_refusals_that_are_repeated_or_hold_the_prompt_s_format_are_dropped(cli, tmp_path):
    put(tmp_path, "raw.json", reply(*LINES))
    said = [
        ("Name a prime.", "Two."),
        ("name a  prime", "Three."),
        ("Say hi.", "Thought: Do I need to use a tool? No\nAI: hi"),
        ("Say\x00it.", "it"),
        ("Say nothing.", ""),
    ]
    alpaca = [{"instruction": request, "input": "", "output": answer} for request, answer in said]
    put(tmp_path, "r.json", alpaca)
    made = items(cli, tmp_path, "--refusals", "r.json", "--refusal-ratio", 9)
    assert [item["id"] for item in made if not item["conversation"]["steps"]] == ["r1"]
    dropped = [one for one in read_jsonl(tmp_path / "items/dropped.jsonl") if one["line"] == 0]
    assert [(one["text"][:2], one["reason"], one["detail"][:7]) for one in dropped] == [
        ("r2", "duplicate", "of r1"),
        ("r3", Reason.FORMAT_WORDS, ""),
        ("r4", Reason.FORMAT_WORDS, ""),
        ("r5", Reason.EMPTY_ARGUMENT, "request"),
    ]


@pytest.mark.parametrize("value", ["\ud800", 5])
def test_a_refusal_s_input_must_be_text_that_can_be_written(cli, tmp_path, value):
    put(tmp_path, "raw.json", reply(*LINES))
    put(tmp_path, "r.json", [{"instruction": "Say it.", "input": value, "output": "x"}])
    done = cli("generate", "items", "raw.json", "--refusals", "r.json")
    assert done.returncode == 2
    assert "r.json: record 1: field 'input'" in done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--chains", "3..1"), "--chains: must begin with the smaller number"),
        (("--chains", "0..2"), "--chains: must be within 1..9"),
        (("--tools-shown", "x"), "--tools-shown: must be a number or a range"),
        (("--refusal-ratio", "-1"), "--refusal-ratio: Input should be greater"),
        (("--complement", "--step"), "cannot be combined"),
        (("--tools", "novl"), "--tools novl: no such file; name a YAML file"),
        (("--refusals", "none.json"), "none.json: cannot be read"),
    ],
)
def test_a_wrong_option_is_named(cli, tmp_path, options, message):
    put(tmp_path, "raw.json", reply(*LINES))
    done = cli("generate", "items", "raw.json", *options)
    assert done.returncode == 2
    assert message in done.stderr


def test_replies_of_which_nothing_can_be_used_fail_the_command(cli, tmp_path):
    put(tmp_path, "raw.json", reply("nothing", "to see"))
    done = cli("generate", "items", "raw.json")
    assert done.returncode == 1
    assert "no item could be made; items/dropped.jsonl says why" in done.stderr
    assert len(read_jsonl(tmp_path / "items" / "dropped.jsonl")) == 2


def test_splits_refuse_unknown_tools_and_items_of_another_catalogue(cli, tmp_path):
    put(tmp_path, "raw.json", reply(*LINES))
    items(cli, tmp_path)
    done = cli("generate", "splits", "items", "--unseen-tools", "Detect Fase")
    assert done.returncode == 2
    assert "has no tool 'Detect Fase'; did you mean 'Detect Face'?" in done.stderr
    done = cli("generate", "splits", "items", "--unseen-tools", "Detect Face")
    assert done.returncode == 2
    assert "no item calls Detect Face; name others (Edge Detection On Image, " in done.stderr
    assert not (tmp_path / "generated").exists()
    put(tmp_path, "items/catalogue.yaml", catalogue({}))
    done = cli("generate", "splits", "items")
    assert done.returncode == 2
    assert "line 1: its item is from another catalogue" in done.stderr
    done = cli("generate", "splits", "nowhere")
    assert "nowhere/items.jsonl: no such file" in done.stderr
