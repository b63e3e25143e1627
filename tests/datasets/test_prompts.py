"""The benchmark's prompt texts: read as data, never executed, and only if they match the digest.

All texts here are invented; the real ones are not part of this project.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from instit_bench.datasets.prompts import (
    PromptPair,
    download_prompts,
    parse_prompts,
    read_prompts,
)
from instit_bench.errors import InputError
from tests.http_server import http_server

PAIRS = ("image_mc", "image_oe", "video_mc", "video_oe")
TEXTS: dict[str, Any] = {
    **{key: {"pre_prompt": f"{key}: “look”\n", "post_prompt": "\\n it's "} for key in PAIRS},
    "gpt_eval": {"image": "judge\nit", "video": ""},
}
SOURCE = f"# a comment\nprompt_template = {TEXTS!r}\n".encode()


def sha256(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()


def parse(source: bytes) -> Any:
    return parse_prompts(source, sha256(source))


def test_texts_are_read_exactly():
    assert parse(SOURCE).model_dump() == TEXTS


@pytest.mark.parametrize("key", PAIRS)
def test_a_task_finds_its_pair_by_name(key):
    assert parse(SOURCE).pair(key) == PromptPair(**TEXTS[key])


@pytest.mark.parametrize("key", ["gpt_eval", "image", "pair", "model_dump", ""])
def test_an_incomplete_pair_is_not_returned(key):
    with pytest.raises(InputError, match="no prompt named"):
        parse(SOURCE).pair(key)


@pytest.mark.parametrize("source", [SOURCE + b"\n", SOURCE[:-1], b""])
def test_a_file_other_than_the_pinned_one_is_not_used(source):
    with pytest.raises(InputError, match=f"digest {sha256(source)}, expected {sha256(SOURCE)}"):
        parse_prompts(source, sha256(SOURCE))
    with pytest.raises(InputError, match="expected dc9df4a0"):
        parse_prompts(source)


RUN = '__import__("pathlib").Path("ran").touch()'
NO_TEXTS = [
    RUN,
    f"x = {RUN}",
    f"x = {{'image_mc': {RUN}}}",
    f"{RUN}\nx = {TEXTS!r}",
    f"x = {TEXTS!r}\n{RUN}",
    f"x = f'{{{RUN}}}'",
    f"import os\nx = {TEXTS!r}",
    f"def f(a={RUN}): pass",
    f"x: int = {RUN}",
    f"x = [1 for _ in [{RUN}]]",
    "x = {[]: 1}",
    "x = {'a': {**{}}}",
    "x = " + "(" * 5000 + ")" * 5000,
    "x = " + "-" * 100_000 + "1",
    "x = {",
    "x = 1",
    "x = {}",
    "x = '\0'",
    f"x = { ({**TEXTS, 'image_mc': {}})!r}",
    f"x = { ({**TEXTS, 'image_mc': {'pre_prompt': 1, 'post_prompt': ''}})!r}",
    f"x = { ({k: v for k, v in TEXTS.items() if k != 'gpt_eval'})!r}",
    "",
]


@pytest.mark.parametrize("source", NO_TEXTS, ids=range(len(NO_TEXTS)))
def test_anything_but_texts_is_refused_and_not_executed(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match=r"the official prompts (are not|must be) a dict of texts"
    ) as caught:
        parse(source.encode())
    assert list(tmp_path.iterdir()) == []
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_the_json_file_is_read_back(tmp_path, encoding):
    file = tmp_path / "prompts.json"
    file.write_text(json.dumps(TEXTS, ensure_ascii=False), encoding=encoding)
    assert read_prompts(file) == parse(SOURCE)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"\xff", json.dumps({**TEXTS, "video_mc": "x"}).encode(), None],
)
def test_a_broken_json_file_is_an_error_that_says_what_to_do(tmp_path, content):
    file = tmp_path / "prompts.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_prompts(file)
    assert str(caught.value).startswith(f"{file}: is not a valid prompt file")
    assert "instit-bench data download" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_real_texts_are_read(shared_data):
    prompts = read_prompts(shared_data / "prompts" / "inst_it_bench_prompts.json")
    assert all(prompts.pair(key).pre_prompt for key in PAIRS)
    assert prompts.gpt_eval.image != prompts.gpt_eval.video


@contextmanager
def serve(status: int, body: bytes, length: int | None = None) -> Iterator[str]:
    """Run a web server that always gives one answer and announces ``length`` bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with http_server(Handler) as address:
        yield f"{address}/prompts.py"


class TestDownload:
    @pytest.fixture(autouse=True)
    def without_proxy(self, monkeypatch):
        monkeypatch.setenv("no_proxy", "127.0.0.1")

    def test_downloaded_prompts_can_be_read(self, tmp_path):
        target = tmp_path / "new" / "prompts.json"
        with serve(200, SOURCE) as url:
            download_prompts(target, url, sha256(SOURCE))
        assert read_prompts(target) == parse(SOURCE)
        assert list(target.parent.iterdir()) == [target]

    @pytest.mark.parametrize(
        ("status", "body", "length", "message"),
        [
            (200, SOURCE + b"#", None, "expected"),
            (200, SOURCE[:100], len(SOURCE), "cannot fetch.*IncompleteRead"),
            (404, b"", None, "cannot fetch.*404.*yourself"),
        ],
    )
    def test_a_failed_download_leaves_nothing_behind(self, tmp_path, status, body, length, message):
        target = tmp_path / "new" / "prompts.json"
        with serve(status, body, length) as url, pytest.raises(InputError, match=message):
            download_prompts(target, url, sha256(SOURCE))
        assert list(tmp_path.iterdir()) == []

    def test_an_unreachable_server_is_one_clear_error(self, tmp_path):
        target = tmp_path / "prompts.json"
        with pytest.raises(InputError, match=f"cannot fetch.*write {target} yourself"):
            download_prompts(target, "http://127.0.0.1:9/prompts.py")

    def test_a_folder_that_cannot_be_written_is_one_clear_error(self, tmp_path):
        (tmp_path / "file").touch()
        target = tmp_path / "file" / "prompts.json"
        with serve(200, SOURCE) as url, pytest.raises(InputError, match="cannot be written"):
            download_prompts(target, url, sha256(SOURCE))
