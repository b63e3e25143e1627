"""GPT4Tools records: all known file names, and clear errors for broken records."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from instit_bench.datasets.gpt4tools import read_gpt4tools
from instit_bench.datasets.layout import GPT4TOOLS_FILES, GPT4TOOLS_FOLDERS
from instit_bench.datasets.source import open_source
from instit_bench.errors import InputError

ITEM = {"instruction": "Use a tool.", "input": "", "output": "AI: hi", "id": 0}


def write(file: Path, *items: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(items))
    return file


def read(split: str, path: Path) -> Any:
    return read_gpt4tools(split, open_source(str(path)))


NAMES = [(split, name) for split, names in GPT4TOOLS_FILES.items() for name in names]


@pytest.mark.parametrize(("split", "name"), NAMES)
@pytest.mark.parametrize("folder", [*GPT4TOOLS_FOLDERS, "."])
def test_all_known_names_of_files_and_folders_are_found(tmp_path, split, name, folder):
    file = write(tmp_path / folder / name, ITEM)
    dataset = read(split, tmp_path)
    assert list(dataset.docs) == [{k: v for k, v in ITEM.items() if k != "input"}]
    assert dataset.files == (file,)
    assert dataset.revision is None


def test_upstream_s_file_name_takes_precedence_over_those_of_copies(tmp_path):
    names = GPT4TOOLS_FILES["seen"]
    for name in reversed(names):
        write(tmp_path / name, ITEM)
    assert read("seen", tmp_path).files == (tmp_path / names[0],)


def test_a_split_is_not_mistaken_for_the_other(tmp_path):
    write(tmp_path / "gpt4tools" / "gpt4tools_val_seen.json", ITEM)
    with pytest.raises(InputError, match=r"GPT4Tools split 'unseen' not found.*test_unseen\.json"):
        read("unseen", tmp_path)


def test_a_single_file_can_be_given_whatever_its_name(tmp_path):
    file = write(tmp_path / "mine.json", ITEM)
    assert read("unseen", file).files == (file,)


@pytest.mark.parametrize("identity", [0, 651, "0", "a-1"])
def test_ids_are_kept_unchanged(tmp_path, identity):
    file = write(tmp_path / "x.json", {**ITEM, "id": identity})
    assert read("seen", file).docs[0]["id"] == identity


BROKEN = [
    ({"id": None}, "field 'id' must be a number or text, found None"),
    ({"id": True}, "field 'id' must be a number or text, found True"),
    ({"id": 1.5}, "field 'id' must be a number or text, found 1.5"),
    ({"id": ""}, "field 'id' must be a number or text, found ''"),
    ({"id": [1]}, "field 'id' must be a number or text"),
    ({"instruction": None}, "(id 0): field 'instruction' is missing"),
    ({"instruction": ""}, "(id 0): field 'instruction' must be text"),
    ({"output": None}, "(id 0): field 'output' is missing"),
    ({"output": ["AI: hi"]}, "(id 0): field 'output' must be text"),
]


@pytest.mark.parametrize(("changes", "message"), BROKEN)
def test_a_broken_record_is_named_by_file_number_and_field(tmp_path, changes, message):
    file = write(tmp_path / "x.json", ITEM, {**ITEM, **changes})
    with pytest.raises(InputError) as caught:
        read("seen", file)
    assert str(caught.value).startswith(f"{file}: record 2")
    assert message in str(caught.value)


@pytest.mark.parametrize("field", ["instruction", "output"])
def test_a_missing_field_is_named(tmp_path, field):
    file = write(tmp_path / "x.json", {k: v for k, v in ITEM.items() if k != field})
    with pytest.raises(InputError, match=rf"record 1.*field '{field}'"):
        read("seen", file)


def test_an_unknown_split_is_an_error_that_lists_the_known_ones():
    with pytest.raises(InputError, match=r"'test'.*seen, unseen and train"):
        read_gpt4tools("test", open_source("demo"))


def test_the_demo_has_both_splits():
    source = open_source("demo")
    assert [len(read_gpt4tools(split, source).docs) for split in GPT4TOOLS_FILES] == [24, 24]


@pytest.mark.parametrize("where", [".", "gpt4tools", "gpt4tools/gpt4tools_test_unseen.json"])
def test_the_real_unseen_split_is_read(shared_data, where):
    docs = read("unseen", shared_data / where).docs
    assert len(docs) == len({doc["id"] for doc in docs}) == 652
    assert sum("Action: " in doc["output"] for doc in docs) == 602


CALL = "Thought: Do I need to use a tool? Yes\nAction: Edges\nAction Input: a.png\nObservation:\n"
FINAL = "Thought: Do I need to use a tool? No\nAI: b.png\n\n"
WHOLE = f"{CALL}b.png\n{FINAL}"
TURNS = [("user", "Find the edges."), ("assistant", CALL), ("user", "b.png"), ("assistant", FINAL)]
CHAT = [{"role": role, "content": text} for role, text in TURNS]
SHARE_GPT = [
    {"from": {"user": "human", "assistant": "gpt"}[role], "value": text} for role, text in TURNS
]
RECORD = {"instruction": "Find the edges.", "input": "", "output": WHOLE}


@pytest.mark.parametrize(
    "record",
    [RECORD, CHAT, {"messages": CHAT}, {"conversations": SHARE_GPT}],
    ids=["upstream", "lists of turns", "messages", "ShareGPT"],
)
@pytest.mark.parametrize(
    "name", ["gpt4tools_71k.json", "gpt4tools/gpt4tools_train.jsonl", "gpt4tools/gpt4tools.json"]
)
def test_training_records_are_read_in_every_layout_and_numbered(tmp_path, record, name):
    file = write(tmp_path / name, record, record)
    if name.endswith("l"):
        file.write_text(f"{json.dumps(record)}\n" * 2)
    docs = read("train", tmp_path).docs
    assert docs == tuple(
        {"id": i, "instruction": "Find the edges.", "output": WHOLE} for i in range(2)
    )


@pytest.mark.parametrize(
    "names",
    [
        ("data/train-00000-of-00002-a1.parquet", "data/train-00001-of-00002-a0.parquet"),
        ("data/train-00000-of-00001-b7.parquet", "data/validation-00000-of-00001-14.parquet"),
        ("default/train/0000.parquet", "default/validation/0000.parquet"),
    ],
    ids=["shards", "cut in two", "converted by the hub"],
)
@pytest.mark.parametrize("folder", ["", "gpt4tools"])
def test_training_data_in_parquet_are_read_whole_and_in_order(tmp_path, names, folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    for number, name in enumerate(names):
        rows = [RECORD | {"instruction": f"Find {number}."}]
        file = tmp_path / folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pyarrow.Table.from_pylist(rows), file)
    docs = read("train", tmp_path).docs
    assert [(doc["id"], doc["instruction"]) for doc in docs] == [(0, "Find 0."), (1, "Find 1.")]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([{"role": "user", "content": "hi"}], "has no turn of the model after a turn of the user"),
        ([{"role": "assistant", "content": "hi"}], "has no turn of the model"),
        ({"messages": "hi"}, "field 'messages' must be a list of turns"),
        ([{"role": "wizard", "content": "hi"}], "turn 1: field 'role' must be a role such as user"),
        ({"conversations": [{"from": "gpt"}]}, "turn 1: field 'value' is missing"),
        ({"messages": ["hi"]}, "field 'messages' turn 1 is not a JSON object"),
    ],
)
def test_a_broken_training_record_is_named(tmp_path, record, message):
    file = write(tmp_path / "x.json", RECORD, record)
    with pytest.raises(InputError) as caught:
        read("train", file)
    assert str(caught.value).startswith(f"{file}: record 2")
    assert message in str(caught.value)


def test_missing_training_data_say_what_to_put_where(tmp_path):
    with pytest.raises(InputError, match=r"training data not found; put gpt4tools_71k\.json"):
        read("train", tmp_path)


def test_numbers_on_training_data_are_marked_as_contaminated(tmp_path, cli):
    write(tmp_path / "d" / "gpt4tools_71k.json", RECORD)
    options = ("--data", "d", "--tasks", "gpt4tools_train", "--backend", "baseline")
    done = cli("run", "--model", "echo-gold", *options)
    assert done.returncode == 0, done.stderr
    assert "GK" in done.stdout
    assert "K: run on the benchmark's training data" in done.stdout + done.stderr


def test_the_catalogues_of_generated_items_are_noted(tmp_path):
    origin = {"provenance": {"catalogue": "abc"}}
    file = write(tmp_path / "x.json", ITEM, {**ITEM, "id": 1, **origin})
    assert read("unseen", file).generated == ("abc",)


class TestDownload:
    """The downloader (gdown) needs the internet, so a stand-in replaces its only function."""

    STAND_IN = """
import os, pathlib
def download(id, output, quiet):
    reply = os.environ["REPLY"]
    if reply == "raise":
        raise RuntimeError("Too many users have viewed this file\\nmore")
    if reply == "none":
        return None
    pathlib.Path(output).write_text(reply)
    return output
"""

    @pytest.fixture(autouse=True)
    def place(self, tmp_path, monkeypatch):
        (tmp_path / "lib").mkdir()
        (tmp_path / "lib" / "gdown.py").write_text(self.STAND_IN)
        monkeypatch.syspath_prepend(tmp_path / "lib")
        monkeypatch.setenv("INSTIT_BENCH_HOME", str(tmp_path / "home"))
        sys.modules.pop("gdown", None)
        yield tmp_path / "home" / "gpt4tools"
        sys.modules.pop("gdown", None)

    def test_it_is_downloaded_only_if_missing(self, place, monkeypatch):
        monkeypatch.setenv("REPLY", json.dumps([ITEM]))
        first = read_gpt4tools("seen", open_source("hub"))
        assert first.files == (place / "gpt4tools_val_seen.json",)
        assert os.listdir(place) == ["gpt4tools_val_seen.json"]  # noqa: PTH208
        monkeypatch.setenv("REPLY", "raise")
        assert read_gpt4tools("seen", open_source("hub")).digest == first.digest

    @pytest.mark.parametrize(
        ("reply", "message"),
        [
            ("raise", "Too many users have viewed this file;"),
            ("none", "cannot download"),
            ("<html>quota exceeded</html>", "the download is not JSON"),
        ],
    )
    def test_a_failure_explains_how_to_download_by_hand(self, place, monkeypatch, reply, message):
        monkeypatch.setenv("REPLY", reply)
        with pytest.raises(InputError) as caught:
            read_gpt4tools("unseen", open_source("hub"))
        assert message in str(caught.value)
        assert "1BHm0HEwYaVdMRYZiDdECy8ozyix607PH" in str(caught.value)
        assert str(place / "gpt4tools_test_unseen.json") in str(caught.value)
        assert not (place / "gpt4tools_test_unseen.json").exists()

    def test_a_home_that_cannot_be_written_is_one_clear_error(self, tmp_path, monkeypatch):
        monkeypatch.setenv("REPLY", json.dumps([ITEM]))
        (tmp_path / "file").touch()
        monkeypatch.setenv("INSTIT_BENCH_HOME", str(tmp_path / "file"))
        with pytest.raises(InputError, match="cannot download"):
            read_gpt4tools("seen", open_source("hub"))
