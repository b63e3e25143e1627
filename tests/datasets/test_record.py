"""One record: each check on a field ends in an error that names file, record and field."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instit_bench.datasets.record import Record, relative_path
from instit_bench.errors import InputError


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "is missing"),
        ("", "must be text, found ''"),
        (3, "must be text, found 3"),
        (["x"], "must be text"),
        ("half \ud83d", "half a character"),
    ],
)
def test_a_text_field_with_another_type_is_named(value, message):
    with pytest.raises(InputError, match="file: record 1: field 'x'") as caught:
        Record({"x": value}, "file: record 1").text("x")
    assert message in str(caught.value)


def test_a_text_field_may_be_empty_if_allowed():
    assert Record({"x": ""}, "here").text("x", may_be_empty=True) == ""
    with pytest.raises(InputError, match="is missing"):
        Record({}, "here").text("x", may_be_empty=True)


@pytest.mark.parametrize(
    ("path", "clean"),
    [("a/b.jpg", "a/b.jpg"), ("./a//b.jpg", "a/b.jpg"), ("a\\b.jpg", "a/b.jpg"), ("a/", "a")],
)
def test_a_safe_path_is_normalised(path, clean):
    assert relative_path(path) == clean


UNSAFE = ["../x", "a/../../x", "..\\x", "a/..", "/x", "\\x", "//x", "C:/x", "C:x", "c:\\x"]


@pytest.mark.parametrize("path", [*UNSAFE, ".", "./", "a\0b"])
def test_an_unsafe_path_is_refused_by_name(path):
    with pytest.raises(InputError, match=r"^file: record 1.*refused"):
        Record({"x": path}, "file: record 1").path("x")


@given(st.text(st.sampled_from(list("./\\:aC \0"))))
def test_an_accepted_path_stays_in_its_folder(path):
    try:
        clean = relative_path(path)
    except ValueError:
        return
    root = Path("/data/root")
    assert (root / clean).resolve().is_relative_to(root)
    assert (root / clean).resolve() != root
