"""From captions to a leaderboard: instructions, items, splits and runs, with a scripted writer."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from instit_bench.datasets.gpt4tools import read_gpt4tools
from instit_bench.datasets.source import open_source
from instit_bench.generation.catalogue import read_catalogue
from instit_bench.generation.lines import Reason
from tests.command_line import cli_in
from tests.finished_run import read_jsonl
from tests.generation.scripted_writer import BAD, BROKEN, FLOOD, NOTHING, caption_of, write
from tests.openai_server import Reply, openai_server
from tests.reliability.processes import killed, start

GOOD = [f"A {animal} sits on a {thing}." for animal in ("cat", "dog") for thing in "abcd"]
CAPTIONS = [*GOOD, f"There is {NOTHING} here.", f"A {FLOOD} in a town.", f"A {BROKEN} vase."]
ASK = ("generate", "instructions", "--captions", "captions.json", "--model", "writer")
REFUSALS = [
    {"instruction": "Name a prime number.", "input": "It is even.", "output": "Two."},
    {"instruction": "Write a poem on rain.", "input": "", "output": "Drops fall.\nStreets shine."},
    {"instruction": "Say nothing.", "input": "", "output": ""},
]
SPLITS = ("generate", "splits", "items")


def write_captions(folder: Path) -> None:
    records = [{"file_name": f"{n}.jpg", "caption": text} for n, text in enumerate(CAPTIONS)]
    twice = {"file_name": "0.jpg", "caption": "a cat sits on a  a"}
    (folder / "captions.json").write_text(json.dumps([*records, twice]))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with instructions (asked for by three processes, two of them killed) and items."""
    folder = tmp_path_factory.mktemp("made")
    write_captions(folder)
    (folder / "refusals.json").write_text(json.dumps(REFUSALS))
    journal = folder / "instructions" / "instructions.jsonl"

    def slowly(body):
        reply = write(body)
        return Reply(reply.text, delay_s=0.02)

    snapshots = []
    with openai_server(slowly) as server:
        words = (*ASK, "--backend", "openai", "--base-url", server.base_url, "--concurrency", 2)
        for target in (3, 7):
            process = start(folder, *words)
            assert killed(process, lambda n=target: len(server.requests) >= n)
            lines = journal.read_bytes().splitlines(keepends=True) if journal.exists() else []
            whole = {line for line in lines if line.endswith(b"\n")}
            snapshots.append((whole, len(server.requests)))
        done = cli_in(folder)(*words)
        assert done.returncode == 0, done.stderr
        assert f"{len(CAPTIONS)} replies, 0 failed" in done.stdout
        again = cli_in(folder)(*words)
        assert again.returncode == 0
        snapshots.append((set(journal.read_bytes().splitlines(keepends=True)), None))
        asked = [caption_of(body) for body in server.requests]
    items = cli_in(folder)(
        *("generate", "items", "instructions", "--refusals", "refusals.json", "--seed", 7)
    )
    assert items.returncode == 0, items.stderr
    return folder, snapshots, asked


def test_kills_lose_no_reply_and_no_finished_caption_is_asked_twice(made):
    _, snapshots, asked = made
    final = snapshots[-1][0]
    assert {json.loads(line)["caption"] for line in final} == set(CAPTIONS)
    assert len(final) == len(CAPTIONS), "a repeated caption is asked once"
    for kept, requests in snapshots[:-1]:
        assert kept <= final
        finished = {json.loads(line)["caption"] for line in kept}
        assert not finished & set(asked[requests:])
    assert len(snapshots[1][0]) > len(snapshots[0][0])


def test_every_bad_line_is_logged_with_its_reason_and_no_good_one_is(made):
    folder, _, _ = made
    dropped = read_jsonl(folder / "items" / "dropped.jsonl")
    lines = [one for one in dropped if one["line"] or one["reason"] == Reason.NO_REPLY]
    numbers = {CAPTIONS.index(text): text for text in CAPTIONS[len(GOOD) :]}
    assert {one["caption"] - 1 for one in lines} == set(numbers)
    broken = CAPTIONS.index(f"A {BROKEN} vase.") + 1
    assert [one["reason"] for one in lines if one["caption"] == broken] == list(BAD)
    reasons = Counter(one["reason"] for one in lines)
    assert reasons[Reason.NO_REPLY] == 1
    assert reasons[Reason.MANY_LINES] == 500 - 4 * 31


def test_good_lines_become_items_with_their_origin(made):
    folder, _, _ = made
    items = read_jsonl(folder / "items" / "items.jsonl")
    calling = [item for item in items if item["conversation"]["steps"]]
    assert len(calling) == 31 * len(GOOD)
    assert len({item["id"] for item in items}) == len(items) == len(calling) + 2
    first = next(item for item in calling if item["id"] == "3-5")
    origin = first["provenance"]
    assert (origin["caption"], origin["image"], origin["line"], origin["seed"]) == (
        3,
        "2.jpg",
        5,
        7,
    )
    assert first["conversation"]["steps"][0]["tool"] == "Edge Detection On Image"
    page = (folder / "items" / "report.html").read_text()
    assert "unbalanced brackets" in page
    assert (
        f"| lines in them | {31 * len(GOOD) + 500 + len(BAD)} |"
        in (folder / "items" / "report.md").read_text()
    )


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(made, tmp_path):
    folder, _, _ = made
    cli = cli_in(tmp_path)
    make = ("generate", "items", folder / "instructions", "--refusals", folder / "refusals.json")
    split = ("generate", "splits")
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        assert cli(*make, "--seed", seed, "--output", name).returncode == 0
        done = cli(*split, name, "--output", f"{name}-data")
        assert done.returncode == 0, done.stderr
    a, b, c = (_contents(tmp_path, name) for name in "abc")
    assert a == b
    assert a.keys() == c.keys()
    other = {path for path in a if a[path] != c[path]}
    assert {"items.jsonl", "gpt4tools_test_unseen.json"} <= {Path(path).name for path in other}


def _contents(folder: Path, name: str) -> dict[str, bytes]:
    """The bytes of every file of some items and of their splits."""
    files = [path for end in ("", "-data") for path in (folder / f"{name}{end}").rglob("*.*")]
    return {
        str(path.relative_to(folder)).replace(name, "", 1): path.read_bytes()
        for path in files
        if path.is_file()
    }


@pytest.fixture(scope="module")
def split(made):
    """The folder, with splits and renamed splits."""
    folder, _, _ = made
    for more in ((), ("--rename-tools", "--output", "renamed")):
        done = cli_in(folder)(*SPLITS, *more)
        assert done.returncode == 0, done.stderr
    return folder


def records(folder: Path) -> dict[str, list[dict]]:
    names = {"train": "train", "seen": "val_seen", "unseen": "test_unseen"}
    files = {
        split: folder / "gpt4tools" / f"gpt4tools_{name}.json" for split, name in names.items()
    }
    return {split: json.loads(file.read_text()) for split, file in files.items()}


def test_splits_share_no_image_and_hide_the_unseen_tools(split):
    found = records(split / "generated")
    images = {
        name: {r["provenance"].get("image") for r in items} - {None}
        for name, items in found.items()
    }
    assert not images["train"] & images["seen"]
    assert not images["unseen"] & (images["train"] | images["seen"])
    assert all(images.values())
    for name in ("train", "seen"):
        told = "\n".join(r["instruction"] + r["output"] for r in found[name])
        assert "Recognize Face" not in told
        assert "\n> Detection:" not in told
    novel = ("Recognize Face", "Detect Face", "Image Super-Resolution", "Detection")
    unseen = "".join(r["output"] for r in found["unseen"])
    assert all(f"Action: {tool}\n" in unseen for tool in novel)
    assert "Action: Edge Detection On Image\n" not in unseen


def test_by_item_no_conversation_is_in_two_splits_and_none_that_calls_an_unseen_tool_is_lost(
    split, tmp_path
):
    done = cli_in(tmp_path)("generate", "splits", split / "items", "--by-item", "--seen", 0.5)
    assert done.returncode == 0, done.stderr
    found = records(tmp_path / "generated")
    made = read_jsonl(split / "items" / "items.jsonl")
    assert Counter(r["id"] for items in found.values() for r in items) == Counter(
        item["id"] for item in made
    )
    calls = {r["id"] for r in found["unseen"] if "Action: " in r["output"]}
    novel = {tool.name for tool in read_catalogue(["novel"]).tools.values()}
    assert calls == {
        item["id"]
        for item in made
        if novel & {step["tool"] for step in item["conversation"]["steps"]}
    }
    assert abs(len(found["seen"]) - len(found["train"])) <= 1
    images = [{r["provenance"].get("image") for r in items} for items in found.values()]
    assert set.intersection(*images), "by item, an image may be in several splits"


def test_conversations_for_training_are_the_same_items_turn_by_turn(split, tmp_path):
    done = cli_in(tmp_path)("generate", "splits", split / "items", "--messages")
    assert done.returncode == 0, done.stderr
    before, after = records(split / "generated"), records(tmp_path / "generated")
    assert {name: after[name] for name in ("seen", "unseen")} == {
        name: before[name] for name in ("seen", "unseen")
    }
    assert all(record.keys() == {"id", "messages", "provenance"} for record in after["train"])
    turns = {len(record["messages"]) for record in after["train"]}
    assert turns >= {4, 6}, "calls, what tools return, and an answer"
    for one in after["train"]:
        assert [turn["role"] for turn in one["messages"]] == ["user", "assistant"] * (
            len(one["messages"]) // 2
        )
    docs = [
        read_gpt4tools("train", open_source(str(folder / "generated"))).docs
        for folder in (split, tmp_path)
    ]
    assert docs[0] == docs[1]


def test_an_empty_split_removes_its_earlier_file_and_other_data_are_never_overwritten(
    split, tmp_path
):
    cli = cli_in(tmp_path)
    words = ("generate", "splits", split / "items", "--output", "d")
    file = tmp_path / "d" / "gpt4tools" / "gpt4tools_test_unseen.json"
    first = cli(*words)
    assert first.returncode == 0
    assert file.is_file()
    assert "replaced" not in first.stderr
    again = cli(*words, "--unseen-tools", "none")
    assert again.returncode == 0
    assert not file.exists()
    assert "d: replaced the splits of an earlier command; --output names another" in again.stderr
    (tmp_path / "d" / "generation.json").unlink()
    real = tmp_path / "d" / "gpt4tools" / "gpt4tools_val_seen.json"
    real.write_text("[]")
    done = cli(*words)
    assert done.returncode == 2
    assert "was not made by generate splits" in done.stderr
    assert real.read_text() == "[]"
    into_the_items = cli("generate", "splits", split / "items", "--output", split / "items")
    assert into_the_items.returncode == 2
    assert "items: is a folder of items; choose another --output" in into_the_items.stderr


def test_renamed_splits_are_the_same_items_with_other_tools(split):
    before, after = records(split / "generated"), records(split / "renamed")
    for name, items in before.items():
        assert [r["id"] for r in items] == [r["id"] for r in after[name]]
    told = "".join(r["instruction"] + r["output"] for items in after.values() for r in items)
    assert "Action: Name Persons\n" in told
    assert "Recognize Face" not in told
    digests = {r["provenance"]["catalogue"] for r in after["unseen"]}
    assert digests != {r["provenance"]["catalogue"] for r in before["unseen"]}


@pytest.mark.parametrize("data", ["generated", "renamed"])
def test_the_targets_score_one_on_every_metric_and_the_leaderboard_names_the_catalogue(split, data):
    cli = cli_in(split)
    tasks = ["gpt4tools_unseen", "gpt4tools_seen", "gpt4tools_train"]
    run = ("run", "--model", "echo-gold", "--backend", "baseline", "--data", data, "--name", data)
    done = cli(*run, "--tasks", ",".join(tasks))
    assert done.returncode == 0, done.stderr
    results = json.loads((split / "results" / data / "results.json").read_text())
    digest = json.loads((split / data / "generation.json").read_text())["catalogue"]
    for task in tasks:
        result = results["tasks"][task]
        assert "generated" in result["marks"]
        assert result["generated"] == [digest]
        assert result["coverage"] == 1.0
        for name, metric in result["metrics"].items():
            assert metric["value"] == pytest.approx(0.0 if name.endswith("_rate") else 1.0), name
    board = cli("leaderboard", "results")
    assert board.returncode == 0, board.stderr
    told = board.stdout + board.stderr
    assert "N: run on newly generated items" in told
    assert f"catalogue {digest[:12]}: echo-gold" in told


def test_a_file_of_generated_items_keeps_its_mark_wherever_it_is(split, tmp_path):
    file = split / "generated" / "gpt4tools" / "gpt4tools_test_unseen.json"
    (tmp_path / "mine.json").write_bytes(file.read_bytes())
    options = ("--backend", "baseline", "--tasks", "gpt4tools_unseen")
    done = cli_in(tmp_path)("run", "--model", "first", "--data", "mine.json", *options)
    assert done.returncode == 0, done.stderr
    assert "catalogue" in done.stdout + done.stderr
