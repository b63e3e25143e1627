"""Items and splits: options, and errors that are one line with file, record and remedy."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from instit_bench.generation.lines import Reason
from tests.finished_run import read_jsonl
from tests.generation.inputs import CAPTION, captions, catalogue, put, words
from tests.generation.scripted_writer import EDGES


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


def test_items_of_an_earlier_command_are_not_replaced_without_a_word(cli, tmp_path):
    put(tmp_path, "raw.json", reply(*LINES))
    first, second = (cli("generate", "items", "raw.json", "--seed", n) for n in (1, 2))
    assert (first.returncode, second.returncode) == (0, 0), second.stderr
    assert "replaced" not in first.stderr
    assert "items: replaced the items of an earlier command; --output names" in second.stderr
