"""Data and prediction files as written by spreadsheets, scripts and other programs."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from instit_bench.datasets.gpt4tools import read_gpt4tools
from instit_bench.datasets.inst_it import read_inst_it
from instit_bench.datasets.records import Dataset, LeftOut, count_records, read_records
from instit_bench.datasets.source import DataSource, open_source
from instit_bench.errors import InputError
from instit_bench.formats.official import read_gpt4tools_predictions
from instit_bench.resources import demo_data
from tests.command_line import Cli, cli_environment

IMAGE = (demo_data() / "Inst-It-Bench" / "images_vpt" / "001.jpg").read_bytes()
ROWS = [{"id": "1", "text": "a,b"}, {"id": "2", "text": "zwei\nZeilen €"}]
CHOICES = {"choice_a": "one", "choice_b": "two", "choice_c": "three", "choice_d": "four"}
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def mc(number: int = 1, **changes: Any) -> dict[str, Any]:
    record = {"question_id": f"{number:03d}-01", "question": "Which?", "answer": "A", **CHOICES}
    return record | changes


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def images(path: Path, rows: list[dict[str, Any]], **selection: Any) -> Dataset:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return read_inst_it("image_multi_choice", DataSource("path", path.parent, path), **selection)


TEXTS = {
    "JSONL under .json": ("x.json", LINES),
    "one list under .jsonl": ("x.jsonl", json.dumps(ROWS)),
    "a list over several lines under .jsonl": ("x.jsonl", json.dumps(ROWS, indent=2)),
    "UTF-16 from Windows": ("x.json", json.dumps(ROWS, ensure_ascii=False).encode("utf-16")),
    "UTF-16, the other way round": (
        "x.json",
        "\ufeff".encode("utf-16-be") + LINES.encode("utf-16-be"),
    ),
    "UTF-32": ("x.jsonl", LINES.encode("utf-32")),
    "UTF-8 with a mark": ("x.jsonl", b"\xef\xbb\xbf" + LINES.encode()),
    "commas": ("x.csv", 'id,text\n1,"a,b"\n2,"zwei\nZeilen €"\n'),
    "semicolons": ("x.csv", 'id;text\n1;a,b\n2;"zwei\nZeilen €"\n'),
    "semicolons, as Excel says so": (
        "x.csv",
        'sep=;\r\nid;text\r\n1;a,b\r\n2;"zwei\nZeilen €"\r\n',
    ),
    "tabs": ("x.tsv", 'id\ttext\n1\ta,b\n2\t"zwei\nZeilen €"\n'),
    "tabs under .csv": ("x.csv", 'id\ttext\n1\ta,b\n2\t"zwei\nZeilen €"\n'),
    "Excel's Unicode text": ("x.csv", 'id\ttext\n1\ta,b\n2\t"zwei\nZeilen €"\n'.encode("utf-16")),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_the_format_of_a_file_is_detected(tmp_path, kind):
    name, content = TEXTS[kind]
    path = written(tmp_path / name, content)
    assert read_records(path) == ROWS
    assert count_records(path) == 2


def test_a_field_of_a_table_may_be_very_long(tmp_path):
    path = tmp_path / "x.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "image"], ["1", "x" * 3_000_000]])
    before = csv.field_size_limit()
    assert len(read_records(path)[0]["image"]) == 3_000_000
    assert csv.field_size_limit() == before, "it belongs to the whole process"


UNREADABLE = {
    "UTF-16 without a mark": ("x.json", "[]".encode("utf-16-le") + b"\xd8\xd8", "save it as UTF-8"),
    "Latin-1": ("x.csv", "id,text\n1,é\n".encode("latin-1"), "at byte 10; save it as UTF-8"),
    "an object": ("x.json", '{"data": []}', "must hold a JSON list of records, or one record"),
    "a broken line": ("x.json", LINES + "{", "line 3: is not valid JSON"),
    "a spreadsheet (VLMEvalKit)": (
        "x.xlsx",
        b"PK\x03\x04\x14\x00",
        "is a spreadsheet or zip archive",
    ),
    "gzip": ("x.jsonl.gz", b"\x1f\x8b\x08\x00", "is compressed with gzip and not text; unpack it"),
    "a pickle": ("x.pkl", b"\x80\x04\x95", "is a pickle and not text; save it as JSON"),
    "Parquet under another name": ("x.json", b"PAR1\x15", "is Parquet and not text; name it .parq"),
    "a column twice": ("x.csv", "id,output,output\n1,A,B\n", "column 'output' occurs twice"),
    "a comma too many": ("x.csv", "a,b\n1,2,3\n", "line 2: does not have the 2 columns of the"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_unreadable_file_is_an_error_with_the_place_and_what_to_do(tmp_path, kind):
    name, content, message = UNREADABLE[kind]
    with pytest.raises(InputError) as caught:
        read_records(written(tmp_path / name, content))
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert message in str(caught.value)


IMAGES = {
    "bytes": IMAGE,
    "a struct": {"bytes": IMAGE, "path": None},
    "a struct with a name": {"bytes": IMAGE, "path": "001.jpg"},
    "a list of bytes": [IMAGE],
    "a list of structs": [{"bytes": IMAGE, "path": "001.jpg"}],
}


class TestParquetImages:
    @pytest.mark.parametrize("kind", IMAGES)
    @pytest.mark.parametrize("column", ["image", "images"])
    def test_an_image_may_be_stored_in_any_of_these_formats(self, tmp_path, kind, column):
        dataset = images(tmp_path / "x.parquet", [mc(**{column: IMAGES[kind]})])
        assert dataset.docs[0]["image"] == IMAGE

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"image": [IMAGE, IMAGE]}, "field 'image' must hold one image, found a list of 2"),
            ({"image": [{"bytes": IMAGE}] * 3}, "must hold one image, found a list of 3"),
            ({"question": IMAGE}, f"field 'question' must be text, found {len(IMAGE):,} bytes"),
            ({"question": {"bytes": IMAGE}}, "must be text, found an object with the keys bytes"),
            ({"answer": [IMAGE]}, "field 'answer' must be text, found a list of 1"),
        ],
    )
    def test_errors_do_not_print_images(self, tmp_path, changes, message):
        with pytest.raises(InputError) as caught:
            images(tmp_path / "x.parquet", [mc(**{"image": IMAGE} | changes)])
        assert message in str(caught.value)
        assert "record 1" in str(caught.value)
        assert len(str(caught.value)) < 300 + len(str(tmp_path))

    def test_only_requested_images_stay_in_memory_and_the_digest_is_the_same(self, tmp_path):
        rows = [mc(number, image=IMAGE + bytes([number])) for number in range(40)]
        everything = images(tmp_path / "x.parquet", rows)
        some = images(tmp_path / "x.parquet", rows, wants_media=lambda name: name == "003-01")
        assert some.digest == everything.digest
        assert [isinstance(doc["image"], LeftOut) for doc in some.docs].count(False) == 1
        assert some.docs[3] == everything.docs[3]

    def test_questions_about_one_image_share_its_bytes(self, tmp_path):
        docs = images(tmp_path / "x.parquet", [mc(n, image=IMAGE) for n in range(40)]).docs
        assert len({id(doc["image"]) for doc in docs}) == 1

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    def test_a_large_file_is_read_in_batches(self, tmp_path):
        path = tmp_path / "Inst-It-Bench" / "image_multi_choice" / "x.parquet"
        path.parent.mkdir(parents=True)
        rows = [mc(n, image=IMAGE + n.to_bytes(4, "big") * 250_000) for n in range(200)]
        pq.write_table(pa.Table.from_pylist(rows), path, compression="none", row_group_size=20)
        assert path.stat().st_size > 190e6
        program = (
            "import sys; from pathlib import Path\n"
            "import pyarrow.parquet, instit_bench.evaluation.runner\n"
            "from instit_bench.evaluation.config import RunConfig\n"
            "from instit_bench.evaluation.plan import make_plan\n"
            "def peak():\n"
            "    status = Path('/proc/self/status').read_text()\n"
            "    return int(status.split('VmHWM:')[1].split()[0])\n"
            "before = peak()\n"
            "config = RunConfig(model='first', backend='baseline', data=sys.argv[1], limit=4,\n"
            "                   tasks='inst_it_image_mc')\n"
            "plan = make_plan(config).tasks[0]\n"
            "print(len(plan.samples), len(plan.dataset.digest), peak() - before)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)],
            env=cli_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        samples, _, grown_kib = map(int, done.stdout.split())
        assert samples == 200
        assert grown_kib < 150 * 1024


IDS = {
    "5,000 digits": ("9" * 5000, "field 'id' has 5,000 characters; the maximum is 512"),
    "4,000 digits": ("9" * 4000, "field 'id' has 4,000 characters; the maximum is 512"),
    "half a character": ('"a\\ud83d"', "field 'id' holds half a character"),
    "a long text": ('"' + "x" * 600 + '"', "field 'id' has 600 characters"),
    "a list": ("[1]", "field 'id' must be a number or text, found a list of 1"),
    "true": ("true", "field 'id' must be a number or text, found True"),
}


class TestRecords:
    def test_records_without_ids_are_numbered(self, tmp_path):
        rows = [{"instruction": f"Do {n}.", "input": "", "output": "AI: ok"} for n in range(3)]
        path = written(tmp_path / "x.json", json.dumps(rows))
        docs = read_gpt4tools("seen", open_source(str(path))).docs
        assert [doc["id"] for doc in docs] == [0, 1, 2]

    def test_a_single_record_without_an_id_is_an_error(self, tmp_path):
        rows = [{"instruction": "Do.", "output": "AI: ok", "id": 7}, {"instruction": "Do."}]
        path = written(tmp_path / "x.json", json.dumps(rows))
        with pytest.raises(InputError, match=r"x\.json: record 2: field 'id' must be a number or"):
            read_gpt4tools("seen", open_source(str(path)))

    @pytest.mark.parametrize("empty", ["", None])
    def test_an_empty_option_is_kept(self, tmp_path, empty):
        dataset = images(
            tmp_path / "x.parquet", [mc(1, image=IMAGE), mc(2, image=IMAGE, choice_d=empty)]
        )
        assert [doc["choice_d"] for doc in dataset.docs] == ["four", ""]

    def test_an_id_that_pandas_made_a_float_is_the_number_that_it_was(self, tmp_path):
        rows = [{"instruction": "Do.", "output": "AI: ok", "id": 7.0}]
        path = written(tmp_path / "x.json", json.dumps(rows))
        assert read_gpt4tools("seen", open_source(str(path))).docs[0]["id"] == 7
        assert list(read_gpt4tools_predictions(path, rows).predictions) == ["7"]

    @pytest.mark.parametrize("kind", IDS)
    @pytest.mark.parametrize("command", ["run", "score"])
    def test_an_invalid_id_is_one_clear_error(self, cli: Cli, tmp_path, kind, command):
        spelled, message = IDS[kind]
        record = f'{{"id": {spelled}, "instruction": "Do.", "output": "AI: ok"}}'
        file = written(tmp_path / "x.json", f"[{record}]")
        if command == "run":
            line = ["run", "--model", "first", "--backend", "baseline", "--data", file]
            done = cli(*line, "--tasks", "gpt4tools_seen")
        else:
            done = cli("score", file, "--task", "gpt4tools_seen", "--data", "demo")
        assert done.returncode == 2
        assert f"{file}: record 1" in done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr) < 600


def score(cli: Cli, tmp_path: Path, rows: list[dict[str, Any]], task: str, *options: str) -> Any:
    file = written(tmp_path / "predictions.json", json.dumps(rows))
    done = cli(
        "score", file, "--task", task, "--name", "r", "--output", tmp_path / "runs", *options
    )
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "runs" / "r" / "samples" / f"{task}.jsonl").read_text().splitlines()
    results = json.loads((tmp_path / "runs" / "r" / "results.json").read_text())
    return [json.loads(line) for line in lines], results["tasks"][task]


class TestPredictions:
    @staticmethod
    def row(number: int, prediction: Any) -> dict[str, Any]:
        return {
            "question_id": f"{number:03d}-01",
            "question": "Which?\nA. one\nB. two\nC. three\nD. four",
            "model_prediction": prediction,
            "ground_truth": "A",
            "split": "image",
        }

    @pytest.mark.parametrize("empty", [None, float("nan"), []])
    def test_a_null_prediction_is_a_state_of_that_sample(self, cli, tmp_path, empty):
        rows = [self.row(1, "A"), self.row(2, empty), self.row(3, "B")]
        records, task = score(cli, tmp_path, rows, "inst_it_image_mc")
        assert [record["state"] for record in records] == ["scored", "infer_error", "scored"]
        assert records[1]["error"] == "the file's prediction is null"
        assert task["n_counted"] == 2
        assert any("1 null in the file" in note and "002-01" in note for note in task["notes"])

    def test_a_null_among_tool_calls_is_a_state_of_that_sample(self, cli, tmp_path):
        demo = demo_data() / "gpt4tools" / "gpt4tools_val_seen.json"
        rows = [{"id": r["id"], "output": r["output"]} for r in json.loads(demo.read_text())]
        rows[5]["output"] = None
        records, task = score(cli, tmp_path, rows, "gpt4tools_seen", "--data", "demo")
        assert [r["id"] for r in records if r["state"] == "infer_error"] == [str(rows[5]["id"])]
        assert task["n_counted"] == len(rows) - 1

    def test_a_lone_surrogate_in_an_output_does_no_harm(self, cli, tmp_path):
        rows = [self.row(1, "A \ud83d"), self.row(2, "\ude00 A"), self.row(3, "A 😀")]
        records, _ = score(cli, tmp_path, rows, "inst_it_image_mc")
        assert [r["prediction"] for r in records] == ["A \ufffd", "\ufffd A", "A 😀"]
