"""A journal on disk is a mapping of its samples, whoever wrote its lines."""

from __future__ import annotations

import json
import pickle

import pytest

from instit_bench.errors import InputError
from instit_bench.runs.journal import Journal
from instit_bench.runs.record import SampleRecord
from instit_bench.types import State


def record(sample: str, prediction: str | None = "A") -> SampleRecord:
    state = State.INFER_ERROR if prediction is None else State.SCORED
    return SampleRecord(id=sample, state=state, prediction=prediction, target="A")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "samples/task.jsonl"


@pytest.fixture
def written(path):
    """A journal of four lines on three samples, in no order."""
    journal = Journal(path)
    with journal.appending(print) as append:
        for one in (record("c", None), record("a"), record('b"\\ü'), record("c", "C")):
            append(one)
    return journal


def test_of_several_records_for_a_sample_the_last_counts(written, path):
    expected = [("c", "C"), ("a", "A"), ('b"\\ü', "A")]
    for journal in (written, Journal.read(path)):
        assert [(name, one.prediction) for name, one in journal.items()] == expected
        assert len(journal) == 3
        assert "d" not in journal


def test_records_that_are_appended_can_be_read_at_once(written):
    with written.appending(print) as append:
        for number in range(100):
            append(record(f"new {number}", "x" * 1000 * number))
            assert len(written[f"new {number}"].prediction) == 1000 * number
        assert written["a"].prediction == "A"


def test_what_is_appended_between_two_reads_hides_no_part_of_a_line(path):
    journal, long = Journal(path), "x" * 3000
    with journal.appending(print) as append:
        for number in range(5):
            append(record(f"{number}", long))
        assert journal["0"].prediction == long
        append(record("new"))
        for number in range(5):
            assert journal[f"{number}"].prediction == long
        assert list(journal) == ["0", "1", "2", "3", "4", "new"]


def test_half_a_line_that_is_dropped_does_not_come_back(written, path):
    with path.open("ab") as file:
        file.write(b'{"id": "half')
    resumed = Journal.read(path)
    assert resumed["a"].prediction == "A"  # and more of the file than this line is in a buffer
    with resumed.appending(lambda _: None) as append:
        append(record("d", "D"))
    assert list(resumed) == ["c", "a", 'b"\\ü', "d"]
    assert resumed["d"].prediction == "D"


def test_a_journal_can_go_to_another_process(written):
    assert dict(pickle.loads(pickle.dumps(written))) == dict(written)


def test_sorting_brings_order_and_drops_what_was_superseded(written, path):
    written.sort(["a", 'b"\\ü', "c", "never asked"])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["a", 'b"\\ü', "c"] == list(written)
    assert lines[-1]["prediction"] == written["c"].prediction == "C"


def test_what_is_in_order_is_not_written_again(written, path):
    written.sort(["a", "c"])
    before = path.stat()
    written.sort(["a", "b", "c"])
    Journal.read(path).sort(["a", "c"])
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_lines_of_other_programs_may_have_another_form(written, path):
    other = {"state": "scored", "target": "A", "prediction": "B", "id": "a"}
    with path.open("a") as file:
        file.write(json.dumps(other, indent=None) + "\n")
    assert Journal.read(path)["a"].prediction == "B"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{}", "line 5: field 'id' is missing"),
        ("half a li", "line 5: Invalid JSON"),
        ('{"id":"x","repeat_of":null,"state":"scored","predic', "line 5: Invalid JSON"),
        ('{"id":"x","repeat_of":null,"state":"gone","target":"A"}', "line 5: field 'state'"),
    ],
)
def test_a_broken_line_is_named_before_or_when_it_is_read(written, path, line, said):
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError) as caught:
        dict(Journal.read(path))
    assert str(caught.value).startswith(f"{path}: {said}")


def test_of_no_file_there_is_nothing_to_read(path):
    assert dict(Journal.read(path)) == {}
    assert not path.parent.exists()
