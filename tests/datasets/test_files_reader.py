"""Records of third-party tasks, from the files given in the task's YAML."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet
import pytest

from instit_bench.datasets.files import read_files
from instit_bench.errors import InputError

ROWS = [{"id": "1", "q": "a"}, {"id": "2", "q": "b"}]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.json").write_text(json.dumps(ROWS))
    (tmp_path / "data" / "b.jsonl").write_text("\n".join(json.dumps(row) for row in ROWS))
    (tmp_path / "data" / "c.csv").write_text("id,q\n1,a\n2,b\n")
    pa.parquet.write_table(pa.Table.from_pylist(ROWS), tmp_path / "data" / "d.parquet")
    return tmp_path


def read(folder, builder, data_files, split="test"):
    return read_files(builder, {"data_files": data_files}, split, folder / "task.yaml")


@pytest.mark.parametrize(
    ("builder", "data_files", "count"),
    [
        ("json", "data/a.json", 2),
        ("json", ["data/a.json"], 2),
        ("json", {"test": "data/a.json", "train": "data/no.json"}, 2),
        ("json", {"test": ["data/b.jsonl", "data/a.json"]}, 4),
        ("csv", "data/c.csv", 2),
        ("parquet", "data/d.parquet", 2),
    ],
)
def test_files_are_named_as_in_the_datasets_library(folder, builder, data_files, count):
    dataset = read(folder, builder, data_files)
    assert list(dataset.docs) == (ROWS * 2)[:count]
    assert len(dataset.files) == count // 2
    assert dataset.media_root == folder
    assert all(file.is_file() and file.is_relative_to(folder) for file in dataset.files)


def test_an_absolute_path_is_used_unchanged(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "x.json"
    elsewhere.write_text(json.dumps(ROWS[:1]))
    assert list(read(folder, "json", str(elsewhere)).docs) == ROWS[:1]


@pytest.mark.parametrize(
    ("builder", "kwargs", "message"),
    [
        ("Org/Name", {"data_files": "data/a.json"}, "key 'dataset_path': 'Org/Name' cannot be"),
        ("json", {}, "key 'dataset_kwargs.data_files': no file is named for split 'test'"),
        ("json", {"data_files": None}, "no file is named"),
        ("json", {"data_files": []}, "no file is named"),
        ("json", {"data_files": 3}, "no file is named"),
        ("json", {"data_files": {"train": "data/a.json"}}, "no file is named for split 'test'"),
        ("json", {"data_files": "data/no.json"}, "key 'dataset_kwargs.data_files': no file"),
        ("json", {"data_files": "data"}, "key 'dataset_kwargs.data_files': no file"),
        ("json", {"data_files": ["data/a.json", "data/no.json"]}, "no.json"),
    ],
)
def test_an_unreadable_source_is_named_by_file_and_key(folder, builder, kwargs, message):
    with pytest.raises(InputError) as caught:
        read_files(builder, kwargs, "test", folder / "task.yaml")
    assert str(caught.value).startswith(str(folder / "task.yaml"))
    assert message in str(caught.value)


def test_a_broken_file_is_named(folder):
    (folder / "data" / "a.json").write_text("[{]")
    with pytest.raises(InputError, match=r"a\.json: is not valid JSON"):
        read(folder, "json", "data/a.json")
