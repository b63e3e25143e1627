"""The Inst-IT Dataset: its quirks, the items made of it, and its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instit_bench.datasets.inst_it_dataset.annotations import image_of, plain_references, video_of
from instit_bench.datasets.inst_it_dataset.items import CONFIGS
from instit_bench.datasets.inst_it_dataset.reader import read_inst_it_dataset, video_or_image
from instit_bench.datasets.inst_it_dataset.stream import open_records, stream_records
from instit_bench.datasets.source import open_source
from instit_bench.errors import InputError, MissingDataError


def frame(number: int, marks: dict[str, str], **fields: Any) -> dict[str, Any]:
    return {
        "timestamp": number,
        "frame_name": f"{number}.jpg",
        "instance_level": marks,
        "image_level": f"Scene {number}.",
        "temporal_change": None if number == 1 else f"Change {number}.",
        **fields,
    }


def video(**fields: Any) -> dict[str, Any]:
    return {
        "video_id": 7,
        "video_path": "videos_vpt/uvo/train/7",
        "frame_level_caption": [
            frame(1, {"1": "A cat.", "3": "[3] is a dog."}),
            frame(2, {"3": "A dog."}),
            frame(10, {"3": "A dog.", "4": "A hat.", "5": "A bag."}),
        ],
        "question_answer_pairs": [
            {"question": f"Question {n}?", "answer": f"Answer {n}."} for n in range(1, 6)
        ],
        "video_level_caption": "[1] leaves by <2>.",
        **fields,
    }


def items(config: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    read = video_of if CONFIGS[config].kind == "video" else image_of
    return list(CONFIGS[config].items(read(record, "file: record 1")))


class TestQuirks:
    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("[01] meets [2] at <0>", "[1] meets [2] at <1>"),
            ("[1, 02] at <05>-<7>", "[1, 2] at <5>-<7>"),
            ("a[i] <b> [x] <>", "a[i] <b> [x] <>"),
        ],
    )
    def test_marks_and_moments_count_from_1(self, text, plain):
        assert plain_references(text) == plain

    def test_frames_are_ordered_by_the_number_in_their_name(self):
        frames = [frame(n, {"1": "A cat."}) for n in (10, 9, 100, 1)]
        found = video_of(video(frame_level_caption=frames), "file: record 1")
        assert [each.path for each in found.frames] == ["1.jpg", "9.jpg", "10.jpg", "100.jpg"]

    def test_every_caption_begins_with_its_mark_once(self):
        found = video_of(video(), "file: record 1").frames[0].instances
        assert [each.caption for each in found] == ["[1] A cat.", "[3] is a dog."]

    def test_a_key_may_name_several_marks(self):
        captions = {"5": "A bag.", "1,2": "Two cats."}
        record = {"image_id": 3, "image_path": "images_vpt/3.jpg", "image_level_caption": "A room."}
        [item] = items("image_instance_captions", {**record, "instance_level_caption": captions})
        assert item["answer"] == "[1] [2] Two cats.\n[5] A bag."
        assert item["marks"] == "1 2 5"

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"video_path": "../7"}, "field 'video_path'"),
            ({"video_id": None}, "field 'video_id' must be a number or text"),
            ({"frame_level_caption": {"1": 1}}, "field 'frame_level_caption' must be a list"),
            (
                {"frame_level_caption": [frame(1, {"one": "A cat."})]},
                "field 'one' must be named by a mark",
            ),
            ({"question_answer_pairs": [{"question": "Why?"}]}, "field 'answer'"),
        ],
    )
    def test_a_broken_record_names_record_and_field(self, fields, said):
        with pytest.raises(InputError, match="file: record 1") as error:
            video_of(video(**fields), "file: record 1")
        assert said in str(error.value)


class TestItems:
    def test_changes_are_the_differences_of_neighbouring_frames(self):
        found = [(each["id"], each["answer"]) for each in items("changes", video())]
        assert found == [
            ("7-f1-f2", "Appear: none\nDisappear: [1]"),
            ("7-f2-f3", "Appear: [4] [5]\nDisappear: none"),
        ]

    def test_each_task_has_its_media_and_stable_ids(self):
        ids = {c: [i["id"] for i in items(c, video())] for c in CONFIGS if "image_" not in c}
        assert ids == {
            "changes": ["7-f1-f2", "7-f2-f3"],
            "instance_captions": ["7-f1", "7-f2", "7-f3"],
            "temporal_change": ["7-f1-f2", "7-f2-f3"],
            "captions": ["7-f1", "7-f2", "7-f3", "7"],
            "questions": [f"7-q{n}" for n in range(1, 6)],
            "multi_choice": [f"7-q{n}" for n in range(1, 6)],
        }
        assert items("instance_captions", video())[2]["image"] == "videos_vpt/uvo/train/7/10.jpg"
        assert items("changes", video())[1]["frames"] == [
            f"videos_vpt/uvo/train/7/{n}.jpg" for n in (2, 10)
        ]
        assert items("captions", video())[3]["video_path"] == "videos_vpt/uvo/train/7"
        assert items("questions", video())[0]["frame_names"] == "1.jpg\n2.jpg\n10.jpg"
        assert {video_or_image(name) for names in ids.values() for name in names} == {"7"}

    def test_options_are_other_answers_of_the_video_and_the_same_every_time(self):
        found = items("multi_choice", video())
        assert found == items("multi_choice", video())
        for number, item in enumerate(found, start=1):
            options = [item[f"choice_{letter}"] for letter in "abcd"]
            assert len(set(options)) == 4
            assert set(options) <= {f"Answer {n}." for n in range(1, 6)}
            assert options["ABCD".index(item["answer"])] == f"Answer {number}."
        assert len({item["answer"] for item in found}) > 1

    def test_a_question_without_three_other_answers_is_left_out(self):
        said = ["Yes.", "yes", "No.", "Blue.", "YES!"]
        pairs = [{"question": f"Q{n}?", "answer": answer} for n, answer in enumerate(said)]
        assert items("multi_choice", video(question_answer_pairs=pairs)) == []
        more = [*pairs, {"question": "Q5?", "answer": "Red."}]
        assert len(items("multi_choice", video(question_answer_pairs=more))) == 6

    def test_what_the_dataset_lacks_gives_no_item(self):
        bare = {"video_id": 1, "video_path": "videos_vpt/1", "frame_level_caption": [frame(1, {})]}
        assert {c for c in CONFIGS if "image_" not in c and items(c, bare)} == {"captions"}


class TestFiles:
    def write(
        self,
        folder: Path,
        records: list[dict[str, Any]],
        name: str = "inst_it_dataset_video_21k.json",
    ) -> Path:
        file = folder / "Inst-It-Dataset" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(records))
        return file

    @pytest.mark.parametrize("ending", ["json", "jsonl"])
    def test_masks_change_nothing(self, tmp_path, ending):
        masks = {"1.jpg": {"1": {"mask": {"size": [2, 2], "counts": "04"}}}}
        plain = self.write(tmp_path / "plain", [video()])
        file = tmp_path / "masks" / f"inst_it_dataset_video_21k_w_mask.{ending}"
        file.parent.mkdir()
        record = json.dumps(video(segmentations=masks))
        file.write_text(f"[{record}]" if ending == "json" else record)
        for config in ("changes", "captions"):
            with_masks = read_inst_it_dataset(config, open_source(str(file)))
            assert list(with_masks.docs) == list(
                read_inst_it_dataset(config, open_source(str(plain))).docs
            )
        assert "segmentations" not in next(stream_records(plain))

    def test_annotations_without_media_say_how_to_get_them(self, tmp_path):
        self.write(tmp_path, [video()])
        dataset = read_inst_it_dataset("changes", open_source(str(tmp_path)))
        assert len(dataset.docs) == 2
        assert "--benchmark inst_it_dataset --split video --media vpt" in dataset.missing_media
        (tmp_path / "Inst-It-Dataset" / "videos_vpt").mkdir()
        assert read_inst_it_dataset("changes", open_source(str(tmp_path))).missing_media is None

    def test_missing_annotations_say_how_to_get_them(self, tmp_path):
        self.write(tmp_path, [video()])
        with pytest.raises(MissingDataError, match="--split image --media vpt"):
            read_inst_it_dataset("image_captions", open_source(str(tmp_path)))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('[{"video_id": 1', "is not valid JSON: parse error: premature EOF"),
            ('[{"video_id": 1}, 2]', "record 2: is not a JSON object"),
            ('{"video_id": 1}', "must hold a JSON list of records"),
            ('[{"a": 1}] x', "trailing garbage"),
            ('[{"a": ' + "[" * 50 + "]" * 50 + "}]", "more than 32 levels"),
            ('[{"a": 123456789012345678901234567890}]', "integer overflow"),
            ('[{"a": "\xff"}]', "invalid bytes in UTF8"),
            ("", "the file is empty"),
            ("\xff\xfe[\0]\0", "is not text in UTF-8; save it as UTF-8"),
        ],
    )
    def test_a_broken_file_is_refused_by_name(self, tmp_path, text, said):
        file = tmp_path / "records.json"
        file.write_bytes(text.encode("latin-1"))
        with pytest.raises(InputError, match=r"records\.json") as error:
            list(stream_records(file))
        assert said in str(error.value)
        assert "\n" not in str(error.value)

    def test_a_large_file_is_streamed_once_and_equals_the_same_file_read_whole(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("INSTIT_BENCH_HOME", str(tmp_path / "home"))
        monkeypatch.setattr("instit_bench.datasets.inst_it_dataset.stream._SMALL", 0)
        file = self.write(
            tmp_path, [video(video_id=n, segmentations={"1.jpg": {}}) for n in range(50)]
        )
        expected = [video(video_id=n) for n in range(50)]
        assert list(open_records(file)) == expected
        [lines] = (tmp_path / "home" / "extracted").glob("*.jsonl")
        before = lines.stat().st_mtime_ns
        assert open_records(file)[31] == expected[31]
        assert lines.stat().st_mtime_ns == before
        file.write_text(json.dumps([video()]))
        assert list(open_records(file)) == [video()]
