"""The index beside a journal: it comes back as it was, or not at all."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from instit_bench.runs.index import read_index, write_index
from instit_bench.runs.loaded import Run
from instit_bench.runs.sample_scores import SampleScores
from instit_bench.types import State
from tests.runs.opened import RUN, instit_bench, watched

TASK = "inst_it_image_mc"
TEXTS = st.text(st.characters(codec="utf-8"), max_size=5)
SAMPLES = st.lists(
    st.tuples(
        TEXTS,
        TEXTS,
        st.integers(0, 2**48 - 1),
        st.sampled_from(State),
        st.dictionaries(st.sampled_from("ab"), st.floats(0, 1)),
    ),
    max_size=8,
)


@given(SAMPLES)
def test_what_is_written_is_read(tmp_path_factory, samples):
    written = SampleScores()
    for number, (cluster, kind, item, state, scores) in enumerate(samples):
        name = f"{number}\u2028"
        written.add(name, cluster=cluster, kind=kind, item=item, state=state, scores=scores)
    path = tmp_path_factory.mktemp("index") / "t.index"
    digest = write_index(path, written)
    read = read_index(path, digest)
    assert read is not None
    for column in ("ids", "clusters", "kinds", "items", "states"):
        assert getattr(read, column) == getattr(written, column)
    assert [read.scores_of(n) for n in range(len(read))] == [scores for *_, scores in samples]
    assert all(isinstance(state, State) for state in read.states)
    assert read_index(path, "another") is None
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        json.loads(line, parse_constant=math.nan.hex)  # nothing but plain JSON


def test_a_forged_index_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    instit_bench(*RUN, "first", "--tasks", TASK, "--name", "r")
    run, index = tmp_path / "results/r", tmp_path / f"results/r/samples/{TASK}.index"
    with watched() as opened:
        honest = Run.load(run).tasks[TASK].scores
    assert not opened.to_read, "the index is enough"
    index.write_text(index.read_text().replace("0.0", "1.0"))
    forged = Run.load(run).tasks[TASK].scores
    assert forged.scores == honest.scores
    index.unlink()
    assert Run.load(run).tasks[TASK].scores.scores == honest.scores
