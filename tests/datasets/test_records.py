"""Reading records: what each format allows; all else is an error that names file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instit_bench.datasets.records import (
    Dataset,
    count_records,
    read_records,
)
from instit_bench.errors import InputError

ROWS = [{"id": "1", "text": "a,b"}, {"id": "2", "text": "zwei\nZeilen €"}]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    match path.suffix:
        case ".json":
            path.write_text(json.dumps(rows), encoding="utf-8")
        case ".jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        case ".csv":
            path.write_bytes('id,text\r\n1,"a,b"\r\n2,"zwei\nZeilen €"\r\n'.encode())
        case ".parquet":
            pa.parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


def digest_of(docs: Any, *files: Path) -> str:
    return Dataset(docs, files, Path()).digest


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv", ".parquet"])
def test_every_format_gives_the_same_records(tmp_path, suffix):
    file = write(tmp_path / f"data{suffix}", ROWS)
    assert read_records(file) == ROWS
    assert count_records(file) == 2


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv"])
def test_a_byte_order_mark_is_not_part_of_the_data(tmp_path, suffix):
    file = write(tmp_path / f"data{suffix}", ROWS)
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert read_records(file) == ROWS


@pytest.mark.parametrize("text", ['{"a": 1}\n\n  \n{"a": 2}', '{"a": 1}\r\n{"a": 2}\r\n'])
def test_jsonl_skips_empty_lines_and_needs_no_last_newline(tmp_path, text):
    file = tmp_path / "data.jsonl"
    file.write_bytes(text.encode())
    assert read_records(file) == [{"a": 1}, {"a": 2}]


def test_jsonl_lines_end_at_newlines_only(tmp_path):
    file = tmp_path / "data.jsonl"
    file.write_text('{"a": "x\u2028y\x85z"}\n', encoding="utf-8")
    assert read_records(file) == [{"a": "x\u2028y\x85z"}]


BROKEN = [
    ("data.json", b'{"a": 1}', "must hold a JSON list"),
    ("data.json", b"[{}, 3]", "record 2: is not a JSON object"),
    ("data.json", b"[{}", "is not valid JSON"),
    ("data.json", b"", "the file is empty"),
    ("data.json", b"\n \n", "the file is empty"),
    ("data.json", b"[" * 200_000, "is not valid JSON"),
    (
        "data.json",
        b'[{"a": "\xff"}]',
        "cannot be read as utf-8 text: invalid start byte at byte 8; save it",
    ),
    ("data.jsonl", b'{}\n\n{"a": }\n', "line 3: is not valid JSON"),
    ("data.jsonl", b"{}\n[1]\n", "line 2: is not a JSON object"),
    ("data.jsonl", b"{}\n" + b"[" * 200_000, "line 2: is not valid JSON"),
    ("data.jsonl", b"\n" + b"9" * 5000, "line 2: is not a JSON object"),
    ("data.csv", b"a,b\n1,2\n1,2,3\n", "line 3: does not have the 2 columns"),
    ("data.csv", b"a,b\n1\n", "line 2: does not have the 2 columns"),
    ("data.csv", b'a,b\n1,"2\n', "is not valid CSV"),
    ("data.csv", b"a\n\xff\n", "cannot be read"),
    ("data.parquet", b"", "is not valid Parquet"),
    ("data.parquet", b"PAR1 but no table PAR1", "is not valid Parquet"),
]


@pytest.mark.parametrize(("name", "content", "message"), BROKEN)
def test_a_broken_file_is_an_error_that_names_the_reason(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_records(file)
    assert str(file) in str(caught.value)
    assert message in str(caught.value)
    with pytest.raises(InputError, match=name):
        count_records(file)


@pytest.mark.parametrize("name", ["no.json", "no.jsonl", "no.csv", "no.parquet"])
@pytest.mark.parametrize("read", [read_records, count_records])
def test_a_missing_file_and_a_folder_are_errors(tmp_path, name, read):
    with pytest.raises(InputError, match=name):
        read(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match=name):
        read(tmp_path / name)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), suffix=st.sampled_from([".json", ".jsonl", ".csv", ".parquet"]))
def test_a_damaged_file_is_read_or_refused_without_a_crash(tmp_path, data, suffix):
    file = write(tmp_path / f"data{suffix}", ROWS)
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        records = read_records(file)
    except InputError as error:
        records = [{"the error names the file": str(file) in str(error)}]
    assert all(record.get("the error names the file", True) for record in records)


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path):
    folder = tmp_path / "split=test"
    folder.mkdir()
    assert read_records(write(folder / "data.parquet", ROWS)) == ROWS


class TestDigest:
    def test_it_does_not_depend_on_file_format_or_place(self, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        files = [
            write(tmp_path / "a.json", ROWS),
            write(tmp_path / "elsewhere" / "b.jsonl", ROWS),
            write(tmp_path / "c.parquet", ROWS),
        ]
        assert len({digest_of(read_records(file), file) for file in files}) == 1

    def test_it_does_not_depend_on_the_order_of_fields(self):
        assert digest_of([{"a": 1, "b": b"x"}]) == digest_of([{"b": b"x", "a": 1}])

    @pytest.mark.parametrize(
        "other",
        [
            [],
            [{"a": 1, "b": b"y"}],
            [{"a": 2, "b": b"x"}],
            [{"a": "1", "b": b"x"}],
            [{"a": 1, "b": b"x"}, {"a": 1, "b": b"x"}],
            [{"a": 1, "b": b"x", "c": None}],
        ],
    )
    def test_it_depends_on_every_value(self, other):
        assert digest_of([{"a": 1, "b": b"x"}]) != digest_of(other)

    def test_it_depends_on_the_order_of_records(self):
        assert digest_of([{"a": 1}, {"a": 2}]) != digest_of([{"a": 2}, {"a": 1}])

    @pytest.mark.parametrize("depth", [100, 900, 960, 980, 990, 995])
    def test_every_record_that_can_be_read_has_a_digest(self, tmp_path, depth):
        file = tmp_path / "deep.json"
        file.write_text('[{"a": ' + "[" * depth + "]" * depth + "}]")
        try:
            docs = read_records(file)
        except InputError:
            return
        assert len(digest_of(docs)) == 64
