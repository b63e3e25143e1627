"""Real output of a fork's two steps against ours: equal in all that the format fixes.

docs/generate.md lists and explains the differences.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from instit_bench.scorers.tool_call.prompt import read_prompt
from tests.command_line import cli_in
from tests.finished_run import read_jsonl

EDIT = """
tools:
  - name: Edit Image Using Text
    description: Changes what an image shows as a text says.
    arguments: [the text]
    result: file
"""
_FILE = re.compile(r"Human: (?:.*'file_name': '([^']+)'|.*named ([^ ]+)\. )")


@pytest.fixture(scope="module")
def both(request, tmp_path_factory):
    """The fork's records by image, and our items of the same instructions by image and turn."""
    shared = Path(__file__).resolve().parents[3] / "shared" / "data" / "generation"
    if not shared.is_dir():
        pytest.skip("the real data are not beside this checkout")
    folder = tmp_path_factory.mktemp("real")
    (folder / "edit.yaml").write_text(EDIT)
    tools = ("--tools", "gpt4tools,edit.yaml")
    raw = shared / "instructions_40.json"
    done = cli_in(folder)("generate", "items", raw, *tools, "--step")
    assert done.returncode == 0, done.stderr
    ours = {}
    for item in read_jsonl(folder / "items" / "items.jsonl"):
        ours.setdefault(item["provenance"]["image"], {})[item["provenance"].get("turn")] = item
    dropped = read_jsonl(folder / "items" / "dropped.jsonl")
    records = json.loads((shared / "annotations_40.json").read_text())
    theirs = {re.search(r"'file_name': '([^']+)'", r["instruction"])[1]: r for r in records}
    return theirs, ours, dropped, json.loads(raw.read_text())


def test_every_real_line_is_read(both):
    _, ours, dropped, raw = both
    assert dropped == []
    assert ours.keys() == {record["file_name"] for record in raw}
    assert all(turns.keys() == {0, 1} for turns in ours.values()), "a call and an answer each"


def test_tool_arguments_and_turns_agree(both):
    theirs, ours, _, _ = both
    shared = theirs.keys() & ours.keys()
    assert len(shared) == 5
    for image in shared:
        record = theirs[image]
        made = ours[image][0 if "\nAction: " in record["output"] else 1]
        told, own = (_steps(one) for one in (record, made))
        assert _shape(told) == _shape(own)
        calls = [[_call(found) for found in _CALL.findall(text)] for text in (told, own)]
        # Theirs keeps the caption's file name; ours is the one that the conversation names.
        assert calls[0] == [(tool, image, text) for tool, _, text in calls[1]]
        named = read_prompt(made["instruction"]).files
        assert all(file in named for _, file, _ in calls[1])


_CALL = re.compile(r"Action: (.*)\nAction Input: (.*)\n")


def _call(found: tuple[str, str]) -> tuple[str, str, str]:
    image, _, text = found[1].partition(", ")
    return found[0], image, text


def _steps(record: dict) -> str:
    """The steps in the prompt, and the target."""
    return record["instruction"].rpartition("Let's think step by step.\n")[2] + record["output"]


def _shape(text: str) -> str:
    """The text without what is random: file names, and how a result is told."""
    text = re.sub(r"Result saved as ", "", text)
    return re.sub(r"[\w/-]*\w+\.png", "FILE", text)


def test_prompts_have_the_same_parts(both):
    theirs, ours, _, _ = both
    texts = [record["instruction"] for record in theirs.values()]
    texts += [item["instruction"] for turns in ours.values() for item in turns.values()]
    for text in texts:
        prompt = read_prompt(text)
        names = [tool.name for tool in prompt.tools]
        assert 2 <= len(names) <= 5
        assert "Edit Image Using Text" in names
        assert f"should be one of [{', '.join(names)}]\n" in text
        assert "\nAI: Received.\n\nNew input: " in text
        edit = next(tool for tool in prompt.tools if tool.name == "Edit Image Using Text")
        assert (edit.arity, edit.takes_file) == (2, (True, False))
        assert not prompt.trace or re.fullmatch(
            r"Thought: Do I need to use a tool\? Yes\nAction: .*\nAction Input: .*, .*\n"
            r"Observation: (Result saved as )?[a-z/]*\.png\n",
            prompt.trace,
        )


def test_their_request_lacks_the_letters_that_ours_keeps(both):
    theirs, ours, _, raw = both
    for image in theirs.keys() & ours.keys():
        whole = ours[image][0]["conversation"]["request"]
        cut = re.search(r"New input: (.*)", theirs[image]["instruction"])[1]
        assert whole[3:].strip() == cut
    lines = {record["file_name"]: record["instructions"] for record in raw}
    assert all(
        lines[image].startswith(turns[0]["conversation"]["request"])
        for image, turns in ours.items()
    )
