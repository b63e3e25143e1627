"""Inst-IT Bench records: every layout of a copy gives the same records, or a clear error."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from instit_bench.datasets.inst_it import read_inst_it
from instit_bench.datasets.layout import INST_IT_FOLDERS, INST_IT_JSON
from instit_bench.datasets.source import open_source
from instit_bench.errors import InputError

OPTIONS = {"A": "[1]", "B": "[2]", "C": "[3]", "D": "nobody"}
CHOICES = {"choice_a": "[1]", "choice_b": "[2]", "choice_c": "[3]", "choice_d": "nobody"}
FIELDS = ["question_id", "question", "answer", "media_id"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTIT_BENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def picture(colour: str) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


def record(config: str, **changes: Any) -> dict[str, Any]:
    """Return a record of a JSON variant; changing a field to ``None`` removes it."""
    kind = config.partition("_")[0]
    path = "images_vpt/001.jpg" if kind == "image" else "videos_vpt/1"
    fields: dict[str, Any] = {
        "question_id": "001-01",
        f"{kind}_path": path,
        "question": "Who waves at <2>?",
        "answer": "B",
        "options": OPTIONS if config.endswith("choice") else None,
        "meta_info": {"dataset": "x", "split": "val"},
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def write_json(folder: Path, config: str, *records: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{INST_IT_JSON[config][0]}.json"
    file.write_text(json.dumps(records))
    return file


def write_parquet(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(pa.Table.from_pylist(rows), file)
    return file


def row(question_id: str, **fields: Any) -> dict[str, Any]:
    return {"question_id": question_id, "question": "Who?", "answer": "B", **fields}


def read(config: str, path: Path) -> Any:
    return read_inst_it(config, open_source(str(path)))


def refused(config: str, path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(config, path)
    return str(caught.value)


class TestJson:
    @pytest.mark.parametrize("config", INST_IT_JSON)
    def test_json_records_get_the_columns_of_the_parquet_files(self, data, config):
        file = write_json(data / "Inst-It-Bench", config, record(config))
        dataset = read(config, data)
        (doc,) = dataset.docs
        choices = CHOICES if config.endswith("choice") else {}
        media = {"image": "images_vpt/001.jpg"} if "image" in config else {}
        media = media or {"video_path": "videos_vpt/1"}
        basics = dict(zip(FIELDS, ["001-01", "Who waves at <2>?", "B", "001"], strict=True))
        assert doc == basics | choices | media
        assert dataset.files == (file,)
        assert dataset.revision is None
        assert dataset.media_root == data / "Inst-It-Bench"

    @pytest.mark.parametrize("config", INST_IT_JSON)
    def test_all_known_names_of_files_and_folders_are_found(self, tmp_path, config):
        for number, name in enumerate(INST_IT_JSON[config]):
            for folder in (*INST_IT_FOLDERS, "."):
                root = tmp_path / f"{number}{folder}"
                write_json(root / folder, config, record(config)).rename(
                    root / folder / f"{name}.json"
                )
                assert len(read(config, root).docs) == 1

    def test_a_single_file_can_be_given(self, data):
        file = write_json(data, "image_multi_choice", record("image_multi_choice"))
        named = file.rename(data / "my own name.json")
        (data / "images_vpt").mkdir()
        dataset = read("image_multi_choice", named)
        assert dataset.files == (named,)
        assert dataset.media_root == data

    def test_options_may_be_in_columns(self, data):
        config = "video_multi_choice"
        write_json(data, config, record(config, options=None, **CHOICES))
        assert read(config, data).docs[0].items() >= CHOICES.items()

    @pytest.mark.parametrize(
        ("question_id", "media_id"), [("001-01", "001"), ("12-3-4", "12"), ("x", "x")]
    )
    def test_the_media_id_is_the_part_before_the_first_dash(self, data, question_id, media_id):
        config = "image_open_ended"
        write_json(data, config, record(config, question_id=question_id))
        assert read(config, data).docs[0]["media_id"] == media_id


class TestMedia:
    @pytest.mark.parametrize(
        ("on_disk", "in_record", "found"),
        [
            ("images_vpt/001.jpg", "images_vpt/001.jpg", "images_vpt/001.jpg"),
            ("images_vpt/001.jpg", "001.jpg", "images_vpt/001.jpg"),
            ("images_vpt/001.jpg", "images/001.jpg", "images_vpt/001.jpg"),
            ("images_vpt/001.jpg", "images_vpt\\001.jpg", "images_vpt/001.jpg"),
            ("images/001.jpg", "images/001.jpg", "images/001.jpg"),
            ("images/001.jpg", "001.jpg", "images/001.jpg"),
            ("images/001.jpg", "images_vpt/001.jpg", "images/001.jpg"),
            ("001.jpg", "001.jpg", "001.jpg"),
            ("001.jpg", "images_vpt/001.jpg", "001.jpg"),
            ("other/001.jpg", "other/001.jpg", "other/001.jpg"),
        ],
    )
    def test_the_folder_may_have_either_name_or_be_missing(self, data, on_disk, in_record, found):
        config = "image_open_ended"
        file = data / on_disk
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(picture("red"))
        write_json(data, config, record(config, image_path=in_record))
        dataset = read(config, data)
        assert dataset.docs[0]["image"] == found
        assert (dataset.media_root / found).is_file()

    @pytest.mark.parametrize("path", ["images_vpt/001.jpg", "001.jpg"])
    def test_a_missing_image_is_not_an_error_yet_and_does_not_change_the_digest(self, data, path):
        config = "image_open_ended"
        write_json(data, config, record(config, image_path=path))
        without = read(config, data)
        assert without.docs[0]["image"] == "images_vpt/001.jpg"
        (data / "images_vpt").mkdir()
        (data / "images_vpt" / "001.jpg").write_bytes(picture("red"))
        assert read(config, data).digest == without.digest

    def test_images_are_not_opened(self, data):
        config = "image_open_ended"
        (data / "images_vpt" / "001.jpg").mkdir(parents=True)
        write_json(data, config, record(config))
        assert read(config, data).docs[0]["image"] == "images_vpt/001.jpg"

    def test_a_name_too_long_for_the_file_system_is_a_missing_image(self, data):
        config = "image_open_ended"
        path = f"images_vpt/{'x' * 300}.jpg"
        write_json(data, config, record(config, image_path=path))
        assert read(config, data).docs[0]["image"] == path

    @pytest.mark.parametrize("archive", ["videos_vpt", "videos"])
    @pytest.mark.parametrize("inside", ["videos_vpt/1", "videos/1", "1"])
    def test_an_archive_is_unpacked_once_into_the_home_folder(self, data, home, archive, inside):
        config = "video_open_ended"
        write_json(data / "Inst-It-Bench", config, record(config))
        with zipfile.ZipFile(data / "Inst-It-Bench" / f"{archive}.zip", "w") as zipped:
            zipped.writestr(f"{inside}/1.jpg", picture("red"))
        before = sorted(data.rglob("*"))
        dataset = read(config, data)
        assert dataset.media_root.parent == home / "extracted"
        frame = dataset.media_root / dataset.docs[0]["video_path"] / "1.jpg"
        assert frame.read_bytes() == picture("red")
        frame.with_name("mark").touch()
        assert read(config, data).media_root == dataset.media_root
        assert frame.with_name("mark").exists()
        assert sorted(data.rglob("*")) == before

    def test_an_unpacked_folder_takes_precedence_over_an_archive(self, data, home):
        config = "video_open_ended"
        write_json(data, config, record(config))
        (data / "videos_vpt").mkdir()
        (data / "videos_vpt.zip").write_bytes(b"no archive at all")
        assert read(config, data).media_root == data
        assert not home.exists()

    def test_a_damaged_archive_is_one_clear_error(self, data):
        config = "video_open_ended"
        write_json(data, config, record(config))
        (data / "videos_vpt.zip").write_bytes(b"no archive at all")
        assert "videos_vpt.zip: damaged archive" in refused(config, data)


class TestParquet:
    @pytest.mark.parametrize(
        "place",
        [
            "{}/test-0000{}-of-00003.parquet",
            "{}/test/000{}.parquet",
            "data/{}/test-0000{}-of-00003.parquet",
            "data/{}-0000{}-of-00003.parquet",
            "{}-0000{}-of-00003.parquet",
        ],
    )
    def test_shards_are_read_in_order_wherever_they_are(self, data, place):
        config = "image_multi_choice"
        image = {"bytes": picture("red"), "path": "001.jpg"}
        for shard in (2, 0, 1):
            rows = [row(f"00{shard}-0{n}", image=image, **CHOICES) for n in (1, 2)]
            write_parquet(data / "Inst-It-Bench" / place.format(config, shard), rows)
        dataset = read(config, data)
        ids = [doc["question_id"] for doc in dataset.docs]
        assert ids == ["000-01", "000-02", "001-01", "001-02", "002-01", "002-02"]
        assert len(dataset.files) == 3
        assert dataset.docs[0] == {
            **row("000-01", **CHOICES),
            "media_id": "000",
            "image": picture("red"),
        }

    def test_identical_images_are_stored_once(self, data):
        config = "image_open_ended"
        pictures = {"001": picture("red"), "002": picture("blue")}
        for shard, ids in enumerate([["001-01", "002-01"], ["001-02", "002-02"]]):
            rows = [row(i, image={"bytes": pictures[i[:3]], "path": None}) for i in ids]
            write_parquet(data / config / f"test-{shard}.parquet", rows)
        docs = read(config, data).docs
        assert [doc["image"] for doc in docs] == [pictures[doc["media_id"]] for doc in docs]
        assert len({id(doc["image"]) for doc in docs}) == 2

    @pytest.mark.parametrize(
        ("image", "expected"),
        [
            ({"bytes": b"raw", "path": None}, b"raw"),
            ({"bytes": b"raw", "path": "001.jpg"}, b"raw"),
            ({"bytes": None, "path": "001.jpg"}, "images_vpt/001.jpg"),
            ({"bytes": b"", "path": "001.jpg"}, "images_vpt/001.jpg"),
            (b"raw", b"raw"),
            ("images_vpt/001.jpg", "images_vpt/001.jpg"),
        ],
    )
    def test_an_image_is_a_struct_bytes_or_a_path(self, data, image, expected):
        config = "image_open_ended"
        write_parquet(data / config / "test.parquet", [row("001-01", image=image)])
        assert read(config, data).docs[0]["image"] == expected

    def test_parquet_takes_precedence_over_json(self, data):
        config = "video_multi_choice"
        write_json(data, config, record(config), record(config, question_id="001-02"))
        rows = [row("001-01", video_path="videos_vpt/1", **CHOICES)]
        file = write_parquet(data / config / "test.parquet", rows)
        assert read(config, data).files == (file,)

    def test_a_single_shard_can_be_given_with_the_media_beside_its_folder(self, data):
        config = "video_multi_choice"
        rows = [row("001-01", video_path="1", **CHOICES)]
        file = write_parquet(data / config / "test-00000-of-00002.parquet", rows)
        (data / "videos_vpt" / "1").mkdir(parents=True)
        dataset = read(config, file)
        assert dataset.media_root == data
        assert dataset.docs[0]["video_path"] == "videos_vpt/1"

    def test_an_incomplete_set_of_shards_is_refused(self, data):
        config = "video_open_ended"
        rows = [row("001-01", video_path="videos_vpt/1")]
        write_parquet(data / config / "test-00000-of-00002.parquet", rows)
        assert "contains 1 of 2 Parquet files" in refused(config, data)

    def test_a_damaged_shard_is_named(self, data):
        (data / "video_open_ended").mkdir()
        (data / "video_open_ended" / "test.parquet").write_bytes(b"PAR1")
        assert "test.parquet: is not valid Parquet" in refused("video_open_ended", data)


MC = "image_multi_choice"
BROKEN = [
    ("image_open_ended", {"question_id": None}, "field 'question_id' is missing"),
    ("image_open_ended", {"question_id": 7}, "field 'question_id' must be text, found 7"),
    ("image_open_ended", {"question": None}, "field 'question' is missing"),
    ("image_open_ended", {"question": ""}, "field 'question' must be text, found ''"),
    ("image_open_ended", {"question": ["a"]}, "field 'question' must be text"),
    ("image_open_ended", {"question": "\ud800"}, "field 'question' holds half a character"),
    ("image_open_ended", {"answer": None}, "field 'answer' is missing"),
    ("image_open_ended", {"image_path": None}, "field 'image_path' is missing"),
    ("image_open_ended", {"image_path": 1}, "field 'image_path' must be text"),
    ("image_open_ended", {"image": {"bytes": [1, 2]}}, "field 'image' must be text"),
    ("image_open_ended", {"image": 5}, "field 'image' must be text"),
    ("video_open_ended", {"video_path": None}, "field 'video_path' is missing"),
    ("video_open_ended", {"video_path": ""}, "field 'video_path' must be text"),
    (MC, {"answer": "E"}, "field 'answer' must be A, B, C or D, not 'E'"),
    (MC, {"answer": "AB"}, "field 'answer' must be A, B, C or D"),
    (MC, {"answer": "b"}, "field 'answer' must be A, B, C or D"),
    (MC, {"options": None}, "field 'choice_a' is missing"),
    (MC, {"options": {}}, "field 'options': field 'A' is missing"),
    (MC, {"options": {**OPTIONS, "D": 4}}, "field 'options': field 'D' must be text"),
    (MC, {"options": ["a", "b", "c", "d"]}, "field 'options' must be an object"),
    (MC, {"options": None, **CHOICES, "choice_c": 3}, "field 'choice_c' must be text, found 3"),
]


@pytest.mark.parametrize(("config", "changes", "message"), BROKEN)
def test_a_broken_record_is_named_by_file_number_and_field(data, config, changes, message):
    file = write_json(data, config, record(config), record(config, **changes))
    found = refused(config, data)
    assert found.startswith(f"{file}: record 2")
    assert message in found
    if "question_id" not in changes:
        assert "(question_id 001-01)" in found


ESCAPES = ["/etc/passwd", "../x.jpg", "images_vpt/../../x.jpg", "..\\x.jpg", "C:\\x.jpg", "."]


@pytest.mark.parametrize("path", ESCAPES)
@pytest.mark.parametrize(
    ("config", "field"),
    [("image_open_ended", "image_path"), ("video_open_ended", "video_path")],
)
def test_a_path_that_escapes_the_data_folder_is_refused(data, config, field, path):
    write_json(data, config, record(config, **{field: path}))
    found = refused(config, data)
    assert f"record 1 (question_id 001-01): field '{field}': path {path!r}" in found


@pytest.mark.parametrize("path", ESCAPES)
def test_a_path_inside_an_image_struct_that_escapes_is_refused(data, path):
    rows = [row("001-01", image={"bytes": None, "path": path})]
    write_parquet(data / "image_open_ended" / "test.parquet", rows)
    assert "field 'image'" in refused("image_open_ended", data)


@pytest.mark.parametrize("config", INST_IT_JSON)
def test_an_empty_folder_says_what_was_expected(data, config):
    found = refused(config, data)
    assert str(data) in found
    assert f"{config}/*.parquet" in found
    assert f"{INST_IT_JSON[config][0]}.json" in found


def test_an_unknown_config_is_an_error_that_lists_the_known_ones(data):
    found = refused("image_multiple_choice", data)
    assert "'image_multiple_choice'" in found
    assert all(config in found for config in INST_IT_JSON)


def test_the_demo_data_has_every_config():
    for config in INST_IT_JSON:
        dataset = read_inst_it(config, open_source("demo"))
        assert len(dataset.docs) == 16
        field = "image" if "image" in config else "video_path"
        assert all((dataset.media_root / doc[field]).exists() for doc in dataset.docs)


@pytest.mark.parametrize("where", [".", "inst_it", "inst_it/image_mc_record_sample.json"])
def test_the_real_record_is_read(shared_data, where):
    dataset = read("image_multi_choice", shared_data / where)
    (doc,) = dataset.docs
    assert (doc["question_id"], doc["media_id"], doc["answer"]) == ("001-01", "001", "C")
    assert doc["choice_b"] == "bag"
    assert (dataset.media_root / doc["image"]).is_file()
