"""``instit-bench data list|download|verify``: their output and exit codes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image

from instit_bench.resources import demo_data
from tests.hub_server import COMMIT, Hub, serve_hub

PARTS = (
    "inst_it_bench image_multi_choice",
    "inst_it_bench image_open_ended",
    "inst_it_bench video_multi_choice",
    "inst_it_bench video_open_ended",
    "gpt4tools seen",
    "gpt4tools unseen",
    "official prompts",
)


def rows(table: str) -> list[list[str]]:
    """Return the cells of a printed table, without borders and titles."""
    lines = (line for line in table.splitlines() if line.startswith("│"))
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


@pytest.fixture
def data(tmp_path) -> Path:
    """A copy of the demo data that a test may break."""
    return Path(shutil.copytree(demo_data(), tmp_path / "data"))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    bench = demo_data() / "Inst-It-Bench"
    files = {path.name: path.read_bytes() for path in bench.glob("*.json")}
    with serve_hub(files) as running:
        # The images, in archives like the benchmark's.
        for name in ("images_vpt", "videos_vpt"):
            archive = shutil.make_archive(str(tmp_path / "archives" / name), "zip", bench, name)
            running.files[f"{name}.zip"] = Path(archive).read_bytes()
        yield running


class TestList:
    def test_the_demo_is_complete_except_for_the_prompts(self, cli):
        done = cli("data", "list", "--data", "demo")
        assert done.returncode == 0, done.stderr
        assert [row[:2] for row in rows(done.stdout) if row[0]] == [
            *([part, "16"] for part in PARTS[:4]),
            *([f"inst_it_dataset {kind}s", "2"] for kind in ("video", "image")),
            *([part, "24"] for part in PARTS[4:6]),
            ["official prompts", "-"],
        ]

    def test_a_folder_with_one_part_lacks_the_rest(self, cli, data):
        shutil.rmtree(data / "Inst-It-Bench")
        (data / "gpt4tools" / "gpt4tools_val_seen.json").unlink()
        (data / "prompts").mkdir()
        (data / "prompts" / "inst_it_bench_prompts.json").touch()
        done = cli("data", "list", "--data", data)
        assert done.returncode == 0, done.stderr
        found = {row[0]: row[2] for row in rows(done.stdout) if row[0]}
        assert [part for part in PARTS if found[part] == "missing"] == list(PARTS[:5])

    def test_a_broken_part_does_not_hide_the_others(self, cli, data):
        (data / "Inst-It-Bench" / "image_open_ended.json").write_text("[{]")
        (data / "Inst-It-Bench" / "video_open_ended").mkdir()
        (data / "Inst-It-Bench" / "video_open_ended" / "test.parquet").write_bytes(b"PAR1")
        done = cli("data", "list", "--data", data)
        assert done.returncode == 0, done.stderr
        found = {row[0]: row[1:] for row in rows(done.stdout) if row[0]}
        assert found[PARTS[0]][0] == "16"
        for part in (PARTS[1], PARTS[3]):
            assert found[part][0] == "-"
            assert found[part][1].startswith("broken: ")

    def test_a_missing_folder_is_one_line_and_exit_code_2(self, cli):
        done = cli("data", "list", "--data", "no/such/folder")
        assert done.returncode == 2
        assert done.stderr.startswith("instit-bench: error: --data no/such/folder: no such")
        assert done.stderr.count("\n") == 1

    def test_the_hub_is_not_contacted(self, cli_process, hub, tmp_path):
        done = cli_process("data", "list", **hub.environment(tmp_path / "hf"))
        assert done.returncode == 0, done.stderr
        assert [row[2] for row in rows(done.stdout)] == ["missing"] * 9
        assert hub.requests == []


class TestDownload:
    def test_inst_it_is_fetched_unpacked_listed_and_verified_without_the_server(
        self, cli_process, hub, tmp_path
    ):
        online = hub.environment(tmp_path / "hf")
        done = cli_process("data", "download", "--benchmark", "inst_it_bench", **online)
        assert done.returncode == 0, done.stderr
        for part in PARTS[:4]:
            assert f"{part}: 16 records at commit {COMMIT}" in done.stderr
        # Masks belong to the media without marks.
        assert hub.downloaded() == sorted(name for name in hub.files if "_masks" not in name)
        offline = online | {"HF_ENDPOINT": "http://127.0.0.1:9"}
        again = cli_process("data", "download", "--benchmark", "inst_it_bench", **offline)
        assert again.returncode == 0, again.stderr
        listed = cli_process("data", "list", **offline)
        assert [row[1] for row in rows(listed.stdout) if row[0]] == ["16"] * 4 + ["-"] * 5
        checked = cli_process("data", "verify", **offline)
        demo = cli_process("data", "verify", "--data", "demo")
        assert rows(checked.stdout)[:4] == rows(demo.stdout)[:4]

    def test_an_unknown_revision_fails_with_exit_code_2(self, cli_process, hub, tmp_path):
        options = ("--benchmark", "inst_it_bench", "--revision", "v9")
        done = cli_process("data", "download", *options, **hub.environment(tmp_path / "hf"))
        assert done.returncode == 2
        last = done.stderr.splitlines()[-1]
        assert last.startswith("instit-bench: error: 4 downloads failed; the first: ")
        assert "has no revision 'v9'" in last

    def test_without_a_network_it_does_not_advise_itself(self, cli_process):
        done = cli_process("data", "download", "--benchmark", "inst_it_bench")
        assert done.returncode == 2
        assert "(image_multi_choice) from the hub: " in done.stderr
        assert "check the network and HF_ENDPOINT, and try again" in done.stderr
        assert "data download" not in done.stderr

    def test_successful_downloads_are_kept_when_a_part_fails(self, cli_process, hub, tmp_path):
        """The test hub is available; Google Drive and GitHub are not."""
        done = cli_process("data", "download", **hub.environment(tmp_path / "hf"))
        assert done.returncode == 2
        lines = done.stderr.splitlines()
        for part in PARTS[:4]:
            assert f"{part}: 16 records at commit {COMMIT}" in lines
        failed = [line for line in lines if ": FAILED: " in line]
        assert [line.partition(":")[0] for line in failed] == list(PARTS[4:])
        assert "Google Drive id 1nDl7zhtQSx-L12K7151DfQD-XTqh_uzc" in failed[0]
        assert "cannot fetch the official prompts" in failed[2]
        assert "3 downloads failed" in lines[-1]
        assert "Traceback" not in done.stderr

    def test_existing_files_are_not_downloaded_again(self, cli, tmp_path, data):
        shutil.copytree(data / "gpt4tools", tmp_path / "home" / "gpt4tools")
        done = cli("data", "download", "--benchmark", "gpt4tools")
        assert done.returncode == 0, done.stderr
        assert str(tmp_path / "home" / "gpt4tools" / "gpt4tools_val_seen.json") in done.stderr

    def test_an_unknown_benchmark_is_a_usage_error(self, cli):
        done = cli("data", "download", "--benchmark", "mmlu")
        assert done.returncode == 2
        assert "mmlu" in done.stderr


class TestVerify:
    COUNTS: ClassVar = {
        "inst_it_image_mc": ["16", "8", "8", "0"],
        "inst_it_image_oe": ["16", "8", "8", "0"],
        "inst_it_video_mc": ["16", "5", "52", "0"],
        "inst_it_video_oe": ["16", "5", "52", "0"],
        "gpt4tools_seen": ["24", "0", "0", "0"],
        "gpt4tools_unseen": ["24", "0", "0", "0"],
        # Two videos of 8 and 6 frames, asked about frame by frame and whole; two images.
        "inst_it_dataset_captions": ["16", "16", "28", "0"],
        "inst_it_dataset_image_captions": ["2", "2", "2", "0"],
    }

    def test_the_demo_passes(self, cli, data):
        done = cli("data", "verify", "--data", "demo")
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        assert {row[0]: row[1:5] for row in rows(done.stdout)} == self.COUNTS
        digests = [row[5] for row in rows(done.stdout)]
        assert len(set(digests)) == 8
        # A copy of the data elsewhere is the same data.
        copy = cli("data", "verify", "--data", data)
        assert copy.stdout == done.stdout

    @pytest.fixture
    def problems(self, cli, data):
        def run() -> list[str]:
            done = cli("data", "verify", "--data", data)
            # decord's native code also writes lines, such as "[07:37:44] /github/…".
            *problems, last = [line for line in done.stderr.splitlines() if line[0] != "["]
            assert done.returncode == 1, done.stderr
            expected = f"instit-bench: error: {len(problems)} problems; the first: {problems[0]}"
            assert last == expected
            counted = {row[0]: row[4] for row in rows(done.stdout)}
            told = [problem.partition(":")[0] for problem in problems]
            assert {task: str(told.count(task)) for task in counted} == counted
            return problems

        return run

    def test_a_missing_frame_is_named_by_its_number(self, problems, data):
        folder = data / "Inst-It-Bench" / "videos_vpt" / "2"
        (folder / "3.jpg").unlink()
        told = f"{folder}: frame 3 is missing"
        assert problems() == [f"inst_it_video_{kind}: {told}" for kind in ("mc", "oe")]

    def test_every_broken_image_is_named_with_its_reason(self, problems, data):
        bench = data / "Inst-It-Bench"
        short = bench / "images_vpt" / "002.jpg"
        short.write_bytes(short.read_bytes()[:-500])
        gone = bench / "images_vpt" / "003.jpg"
        gone.unlink()
        garbled = bench / "videos_vpt" / "1" / "3.jpg"  # a PNG with its pixels but not its end
        content = bytearray(garbled.read_bytes())
        content[len(content) // 2] ^= 0xFF
        garbled.write_bytes(content)
        words = bench / "videos_vpt" / "1" / "4.jpg"
        words.write_text("no picture")
        noise = bench / "images_vpt" / "001.jpg"  # sent unchanged, but decoded here
        Image.effect_noise((200, 200), 80).save(noise, "PNG")
        content = bytearray(noise.read_bytes())
        content[len(content) // 2] ^= 0xFF
        noise.write_bytes(content)
        film = bench / "videos_vpt" / "5.mp4"
        film.write_bytes(film.read_bytes()[:1000])
        found = problems()
        for task, path, reason in (
            ("inst_it_image_mc", short, "the file is truncated"),
            ("inst_it_image_oe", short, "the file is truncated"),
            ("inst_it_image_oe", noise, "cannot be decoded"),
            ("inst_it_image_mc", gone, "No such file or directory"),
            ("inst_it_video_mc", garbled, "cannot be decoded"),
            ("inst_it_video_mc", words, "is not an image in a known format"),
            ("inst_it_video_oe", film, "the file is truncated"),
        ):
            assert any(line.startswith(f"{task}: {path}: {reason}") for line in found), path
        assert len(found) == 12

    def test_a_broken_record_is_named(self, problems, data):
        file = data / "Inst-It-Bench" / "image_multi_choices.json"
        records: list[dict[str, Any]] = json.loads(file.read_text())
        del records[4]["options"]["C"]
        file.write_text(json.dumps(records))
        (told,) = problems()
        assert told.startswith(f"inst_it_image_mc: {file}: record 5 (question_id ")
        assert told.endswith("field 'options': field 'C' is missing")

    def test_a_duplicate_id_is_named(self, problems, data):
        file = data / "gpt4tools" / "gpt4tools_test_unseen.json"
        records = json.loads(file.read_text())
        records[3]["id"] = 1
        file.write_text(json.dumps(records))
        (told,) = problems()
        assert "record 4: id '1' is not unique" in told

    def test_an_empty_folder_is_bad_input(self, cli, tmp_path):
        (tmp_path / "empty").mkdir()
        done = cli("data", "verify", "--data", tmp_path / "empty")
        assert done.returncode == 2
        assert "not found" in done.stderr
        assert done.stderr.count("\n") == 1

    def test_the_data_folder_can_be_set_by_an_environment_variable(self, cli):
        done = cli("data", "list", INSTIT_BENCH_DATA="demo")
        assert done.returncode == 0, done.stderr
        assert "16" in done.stdout
