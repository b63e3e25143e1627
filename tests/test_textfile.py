"""Files that people hand over: every reader takes the encodings that programs save."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instit_bench.cli.environment import _read as read_env
from instit_bench.comparison.baseline_file import _read_baseline
from instit_bench.datasets.inst_it_dataset.stream import stream_records
from instit_bench.datasets.masks import read_masks
from instit_bench.datasets.records import read_records
from instit_bench.errors import InputError
from instit_bench.formats.lmms_eval.logged_run import read_logged_run
from instit_bench.generation.captions import read_captions
from instit_bench.judging.prices import read_prices
from instit_bench.validation import read_yaml

COCO = {
    "images": [{"id": 1, "file_name": "Zoë.jpg"}],
    "annotations": [{"image_id": 1, "caption": "Zoë."}],
}
READERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "records": (read_records, json.dumps([{"a": "Zoë"}])),
    "lines": (read_records, json.dumps({"a": "Zoë"}) + '\n{"a": 2}'),
    "captions in COCO's format": (lambda path: read_captions(path).captions, json.dumps(COCO)),
    "masks": (lambda path: read_masks(path).media, '{"segmentations": {"1": {"3": null}}}'),
    "prices": (read_prices, '{"Zoë": {"input": 1, "output": 2}}'),
    "settings in YAML": (read_yaml, "model: Zoë"),
    "environment": (lambda path: list(read_env(path)), "INSTIT_BENCH_MODEL=Zoë"),
    "a log of lmms-eval": (lambda path: read_logged_run(path, "t"), '{"model_name": "Zoë"}'),
}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("kind", READERS)
def test_a_byte_order_mark_says_the_encoding(tmp_path, kind, encoding):
    read, text = READERS[kind]
    path = tmp_path / "x_results.json"
    path.write_text(text, encoding="utf-8")
    expected = read(path)
    assert expected
    path.write_text(text, encoding=encoding)
    assert read(path) == expected


def test_a_streamed_file_may_begin_with_the_mark_of_utf_8(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('[{"a": 1}]', encoding="utf-8-sig")
    assert list(stream_records(path)) == [{"a": 1}]


@pytest.mark.parametrize(
    "content", [b"", b"\xef\xbb\xbf", b" \n"], ids=["nothing", "mark", "space"]
)
@pytest.mark.parametrize(
    "read", [read_records, read_captions, read_masks, read_prices, _read_baseline]
)
def test_an_empty_file_is_called_empty(tmp_path, read, content):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.json: the file is empty$"):
        read(path)
