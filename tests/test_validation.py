"""Hand-written files are read safely; an error is one line that names the fault."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from instit_bench.errors import InputError
from instit_bench.evaluation.config import RunConfig
from instit_bench.generation.config import WriterConfig
from instit_bench.generation.options import ItemOptions
from instit_bench.validation import did_you_mean, first_problem, names_in, read_yaml

LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is not valid YAML"),
        ("- a", "must be a mapping of keys to values, not a list"),
        ("a: 1\na: 2", "duplicate key 'a'"),
        ("a: {b: 1, b: 2}", "duplicate key 'b'"),
        ("a: !!int abc", "is not valid YAML"),
        ("a: !!python/object/apply:os.system [true]", "is not valid YAML"),
        ("a: &x [*x]", "more than 100000 values"),
        (LAUGHS, "more than 100000 values"),
        ("a: " + "[" * 20_000, "is not valid YAML"),
        ("a: \x00", "is not valid YAML"),
        ("#" * (2**20 + 1), "is larger than 1048576 bytes"),
        ("{[1]: 2}", "is not valid YAML"),
    ],
    ids=lambda value: value[:24],
)
def test_an_invalid_yaml_file_is_one_line_that_names_it(tmp_path, text, said):
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as refused:
        read_yaml(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "# nothing", "base: &b {x: 1}\nmore: {<<: *b, y: 2}"])
def test_empty_files_and_merged_mappings_are_accepted(tmp_path, text):
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    assert read_yaml(path).get("more", {"x": 1, "y": 2}) == {"x": 1, "y": 2}


@given(st.binary(max_size=200))
def test_no_file_causes_a_traceback(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("yaml") / "any.yaml"
    path.write_bytes(data)
    try:
        read_yaml(path)
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    count: int = 0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "field 'name' is missing"),
        ({"nmae": "x"}, "field 'nmae' is not known; did you mean 'name'?"),
        ({"name": "x", "count": "many"}, "field 'count': Input should be a valid integer"),
        ({"name": "x", "count": "m"}, "(found 'm')"),
        ([1], "Input should be a valid dictionary"),
    ],
)
def test_a_validation_error_is_one_sentence(values, said):
    with pytest.raises(ValidationError) as error:
        Settings.model_validate(values)
    problem = first_problem(
        error.value,
        lambda p: (
            did_you_mean(str(p["loc"][-1]), Settings.model_fields)
            if p["type"] == "extra_forbidden"
            else ""
        ),
    )
    assert said in problem


def test_a_long_value_is_not_shown():
    with pytest.raises(ValidationError) as error:
        Settings.model_validate({"name": "x", "count": "y" * 1000})
    assert "found" not in first_problem(error.value)


def numbers_of(model):
    """Return the fields whose values are numbers, or numbers or nothing."""
    kinds = {int, float, int | None, float | None}
    return [name for name, field in model.model_fields.items() if field.annotation in kinds]


@pytest.mark.parametrize("model", [RunConfig, WriterConfig, ItemOptions])
def test_a_flag_is_not_a_number_in_any_setting(model):
    names = numbers_of(model)
    assert len(names) >= 5
    for name in names:
        with pytest.raises(ValidationError) as caught:
            model(model="m", captions="c", **{name: True})
        assert {"must be a number"} == {
            error["msg"].removeprefix("Value error, ")
            for error in caught.value.errors()
            if error["loc"] == (name,)
        }, name


@pytest.mark.parametrize(
    ("values", "names"),
    [(None, []), ("", []), ("a, b,,c ", ["a", "b", "c"]), (("a,b", " c"), ["a", "b", "c"])],
)
def test_names_come_in_one_list_or_several(values, names):
    assert names_in(values) == names
