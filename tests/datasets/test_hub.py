"""Downloads from a real server that stands in for the hub, each in a separate process."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet
import pytest

from instit_bench.resources import demo_data
from tests.command_line import cli_environment, cli_process_in
from tests.hub_server import COMMIT, Hub, serve_hub

CHOICES = {f"choice_{letter}": letter for letter in "abcd"}
PROGRAM = """
import json, sys
from instit_bench.datasets.inst_it import read_inst_it
from instit_bench.datasets.source import open_source
from instit_bench.errors import InputError
try:
    found = read_inst_it(sys.argv[1], open_source("hub", sys.argv[2]))
except InputError as error:
    print(json.dumps({"error": str(error)}))
else:
    docs = [{k: v for k, v in doc.items() if k != "image"} for doc in found.docs]
    media = [str(found.media_root / d["video_path"]) for d in docs if "video_path" in d]
    print(json.dumps({"ids": [d["question_id"] for d in docs], "revision": found.revision,
        "digest": found.digest, "media": media}))
"""


def parquet(*ids: str, **fields: Any) -> bytes:
    buffer = BytesIO()
    rows = [{"question_id": i, "question": "Q?", "answer": "A"} | fields for i in ids]
    pa.parquet.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def zipped(**files: bytes) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/"), data)
    return buffer.getvalue()


def variant(kind: str, *ids: str) -> bytes:
    path = f"{kind}s_vpt/1"
    rows = [{"question_id": i, "question": "Q?", "answer": "A", f"{kind}_path": path} for i in ids]
    return json.dumps(rows).encode()


def repository() -> dict[str, bytes]:
    image = {"bytes": b"picture", "path": "001.jpg"}
    return {
        "README.md": b"",
        "image_multi_choice/test-00000-of-00002.parquet": parquet("001-01", image=image, **CHOICES),
        "image_multi_choice/test-00001-of-00002.parquet": parquet("002-01", image=image, **CHOICES),
        "video_open_ended/test.parquet": parquet("001-01", video_path="videos_vpt/1"),
        "image_multi_choices.json": b"[]",
        "image_open_ended.json": variant("image", "001-01"),
        "video_open_ended.json": variant("video", "001-01"),
        "images_vpt.zip": zipped(images_vpt__1=b"picture"),
        "videos_vpt.zip": zipped(videos_vpt__1__1=b"frame"),
        "images_raw.zip": b"never asked for",
    }


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve_hub(repository()) as running:
        yield running


@pytest.fixture
def read(tmp_path, hub):
    """Read a config in a new process that shares the cache with the earlier ones."""

    def run(config: str, revision: str = "main", **env: str) -> dict[str, Any]:
        home = {"INSTIT_BENCH_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, config, revision],
            env=cli_environment(**hub.environment(tmp_path / "hf"), **home) | env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return run


OFFLINE = {"HF_ENDPOINT": "http://127.0.0.1:9"}
SWITCHED_OFF = {"HF_HUB_OFFLINE": "1"}


class TestDownload:
    @pytest.mark.parametrize(
        ("config", "ids", "files"),
        [
            (
                "image_multi_choice",
                ["001-01", "002-01"],
                [f"image_multi_choice/test-0000{n}-of-00002.parquet" for n in (0, 1)],
            ),
            ("image_open_ended", ["001-01"], ["image_open_ended.json", "images_vpt.zip"]),
            ("video_open_ended", ["001-01"], ["video_open_ended/test.parquet", "videos_vpt.zip"]),
        ],
    )
    def test_only_the_files_of_the_config_are_downloaded_once_and_then_used_offline(
        self, read, hub, config, ids, files
    ):
        first = read(config)
        assert first["revision"] == COMMIT
        assert first["ids"] == ids
        assert hub.downloaded() == files
        assert all(Path(path, "1").is_file() for path in first["media"])
        assert read(config) == first
        assert hub.downloaded() == files
        seen = len(hub.requests)
        assert read(config, **OFFLINE) == first
        assert len(hub.requests) == seen

    def test_a_commit_is_its_own_revision(self, read):
        first = read("image_multi_choice", COMMIT)
        assert first["revision"] == COMMIT
        assert read("image_multi_choice", COMMIT, **SWITCHED_OFF) == first

    def test_a_tag_is_resolved(self, read, hub):
        hub.revisions["v1.0"] = COMMIT
        first = read("image_multi_choice", "v1.0")
        assert first["revision"] == COMMIT
        assert read("image_multi_choice", "v1.0", **OFFLINE) == first
        assert "instit-bench data download" in read("image_multi_choice", **OFFLINE)["error"]

    def test_archives_under_older_names_are_downloaded(self, read, hub):
        hub.files["videos.zip"] = zipped(videos__1__1=b"frame")
        del hub.files["videos_vpt.zip"]
        found = read("video_open_ended")
        assert Path(found["media"][0], "1").read_bytes() == b"frame"
        assert read("video_open_ended", **OFFLINE) == found


class TestFailure:
    def test_an_unknown_revision_is_one_clear_error(self, read):
        error = read("image_multi_choice", "v9")["error"]
        assert error == "hub dataset Inst-IT/Inst-It-Bench has no revision 'v9'"

    def test_a_server_without_the_dataset_is_one_clear_error(self, read, hub):
        error = read("image_multi_choice", HF_ENDPOINT=f"{hub.url}/mirror")["error"]
        assert "Inst-IT/Inst-It-Bench" in error
        assert "\n" not in error

    def test_a_dataset_without_the_config_is_one_clear_error(self, read):
        error = read("video_multi_choice")["error"]
        assert (
            error == "hub dataset Inst-IT/Inst-It-Bench has no files for config video_multi_choice"
        )

    @pytest.mark.parametrize("without", [OFFLINE, SWITCHED_OFF])
    def test_without_network_and_cache_the_error_says_what_to_do(self, read, without):
        error = read("image_multi_choice", **without)["error"]
        assert error.startswith("cannot download Inst-IT/Inst-It-Bench (image_multi_choice)")
        assert "instit-bench data download" in error
        assert "--data PATH or demo" in error
        assert "\n" not in error

    @pytest.mark.parametrize("other", ["video_open_ended", "image_open_ended"])
    def test_files_that_another_config_left_in_the_cache_are_not_enough(self, read, other):
        read("image_multi_choice")
        assert "instit-bench data download" in read(other, **OFFLINE)["error"]

    def test_an_interrupted_download_is_not_mistaken_for_a_complete_one(self, read, hub):
        late = "image_multi_choice/test-00001-of-00002.parquet"
        hub.broken.add(late)
        assert "error" in read("image_multi_choice")
        assert "error" in read("image_multi_choice", **OFFLINE)
        hub.broken.clear()
        assert read("image_multi_choice")["ids"] == ["001-01", "002-01"]


class TestRawMedia:
    """Media without marks, and masks: only on request, or when a run needs them."""

    GET = ("data", "download", "--benchmark", "inst_it_raw")

    @staticmethod
    def files(*lost: str) -> dict[str, bytes]:
        folder, found = demo_data() / "Inst-It-Bench", {}
        for kind in ("image", "video"):
            masks = f"{kind}_instance_captions_masks.json"
            found[masks] = (folder / masks).read_bytes()
            for name in (f"{kind}s_vpt", f"{kind}s_raw"):
                media = sorted(path for path in (folder / name).rglob("*") if path.is_file())
                buffer = BytesIO()
                with zipfile.ZipFile(buffer, "w") as archive:
                    for path in media:
                        archive.write(path, path.relative_to(folder))
                found[f"{name}.zip"] = buffer.getvalue()
            for questions in ("multi_choices", "open_ended"):
                records = f"{kind}_{questions}.json"
                found[records] = (folder / records).read_bytes()
        return {name: data for name, data in found.items() if name not in lost}

    def test_what_was_downloaded_is_used_by_a_run(self, tmp_path):
        with serve_hub(self.files()) as hub:
            cli, env = cli_process_in(tmp_path), hub.environment(tmp_path / "hf")
            got = cli(*self.GET, **env)
            assert got.returncode == 0, got.stderr
            raw = [f"{kind}_instance_captions_masks.json" for kind in ("image", "video")]
            raw += ["images_raw.zip", "videos_raw.zip"]
            assert hub.downloaded() == sorted(raw)
            shown = ("--marks", "box", "--tasks", "inst_it_image_mc", "--limit", "2")
            run = ("run", "--backend", "baseline", "--model", "first", "--data", "hub", *shown)
            done = cli(*run, **env)
            assert done.returncode == 0, done.stderr
            records = ["image_multi_choices.json", "images_vpt.zip"]
            assert hub.downloaded() == sorted([*raw, *records])

    def test_a_repository_without_them_is_one_clear_error(self, tmp_path):
        with serve_hub(self.files("images_raw.zip")) as hub:
            cli, env = cli_process_in(tmp_path), hub.environment(tmp_path / "hf")
            got = cli(*self.GET, **env)
            assert got.returncode == 2
            assert "hub dataset Inst-IT/Inst-It-Bench has no file images_raw.zip" in got.stderr


class TestInstItDataset:
    """The training data: each part on request, and nothing of it otherwise."""

    FILES: ClassVar = {
        "inst_it_dataset_video_21k.json": json.dumps(
            [{"video_id": 1, "video_path": "videos_vpt/a/train/1", "video_level_caption": "[1]"}]
        ).encode(),
        "inst_it_dataset_image_51k.json": b"[]",
        "videos.zip": zipped(videos_vpt__a__train__1__1=b"frame"),
        "images_vpt.zip": b"never asked for",
    }

    def test_each_part_is_downloaded_on_request_and_used_from_the_cache(self, tmp_path):
        with serve_hub(self.FILES, "Inst-IT/Inst-It-Dataset") as hub:
            cli, env = cli_process_in(tmp_path), hub.environment(tmp_path / "hf")
            get = ("data", "download", "--benchmark", "inst_it_dataset", "--split", "video")
            annotations = cli(*get, "--media", "none", **env)
            assert annotations.returncode == 0, annotations.stderr
            assert hub.downloaded() == ["inst_it_dataset_video_21k.json"]
            task = ("--tasks", "inst_it_dataset_captions", "--judge", "none")
            run = ("run", "--backend", "baseline", "--model", "first", *task)
            alone = cli(*run, "--data", "hub", **env)
            assert alone.returncode == 2
            assert "--split video --media vpt" in alone.stderr
            raw = cli(*get, "--media", "raw", **env)
            assert raw.returncode == 2
            assert "has no videos_raw.zip" in raw.stderr
            media = cli(*get, **env)
            assert media.returncode == 0, media.stderr
            assert hub.downloaded() == ["inst_it_dataset_video_21k.json", "videos.zip"]
            seen = len(hub.requests)
            planned = cli(*run, "--dry-run", "--data", "hub", **(env | OFFLINE))
            assert planned.returncode == 0, planned.stderr
            assert len(hub.requests) == seen

    def test_the_options_of_the_dataset_are_its_own(self, cli):
        done = cli("data", "download", "--benchmark", "prompts", "--media", "raw")
        assert done.returncode == 2
        assert "--media: applies to --benchmark inst_it_dataset only" in done.stderr
