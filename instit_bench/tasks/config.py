"""A task's YAML file as a typed, validated value. The format is lmms-eval's own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from instit_bench.errors import InputError
from instit_bench.tasks.functions import FunctionRef

FieldOrFunction = str | FunctionRef

# The mean of values that know their cluster: what lmms-eval needs for clustered errors.
MEAN_SCORE = "instit_bench.integrations.lmms_eval.scores.mean_score"


class MetricConfig(BaseModel):
    """One entry of ``metric_list``."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    metric: str
    aggregation: str | FunctionRef = "mean"
    higher_is_better: bool = True

    @field_validator("aggregation")
    @classmethod
    def _is_a_mean(cls, value: str | FunctionRef) -> str | FunctionRef:
        named = value.dotted if isinstance(value, FunctionRef) else value
        if named not in ("mean", MEAN_SCORE):
            raise ValueError(f"choose mean or !function {MEAN_SCORE}")
        return value


class TaskMetadata(BaseModel):
    """What only this harness needs, under the YAML's free ``metadata:`` key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: float | str = 1.0
    description: str = ""
    reader: Literal["inst_it", "gpt4tools", "files"] = "files"
    scorer: Literal["choice", "tool_call", "open_ended", "process_results"] = "process_results"
    media: Literal["image", "video", "none"] = "none"
    id_field: str = "id"
    question_field: str = "question"
    choice_fields: tuple[str, ...] = ()
    official_prompt: str | None = None
    raw_generation_kwargs: dict[str, Any] = Field(default_factory=dict)


class TaskConfig(BaseModel):
    """The keys of lmms-eval's task format that carry meaning here; see docs/tasks.md."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    task: str = Field(pattern=r"^\w[\w.+=@-]*$")  # it names files
    dataset_path: str
    dataset_name: str | None = None
    dataset_kwargs: dict[str, Any] = Field(default_factory=dict)
    test_split: str = "test"
    output_type: Literal["generate_until"] = "generate_until"
    doc_to_messages: FunctionRef | None = None
    doc_to_visual: FunctionRef | None = None
    doc_to_text: FieldOrFunction | None = None
    doc_to_target: FieldOrFunction
    process_docs: FunctionRef | None = None
    process_results: FunctionRef | None = None
    metric_list: tuple[MetricConfig, ...]
    generation_kwargs: dict[str, Any] = Field(default_factory=dict)
    lmms_eval_specific_kwargs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    reasoning_tags: Literal["none"] | None = None  # replies are scored as they came
    cluster_key: str | None = None
    metadata: TaskMetadata = TaskMetadata()
    task_alias: str | None = None
    tag: str | tuple[str, ...] = ()
    num_fewshot: int | None = None


class GroupConfig(BaseModel):
    """A named list of tasks (or of other groups)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    task: tuple[str, ...]
    group_alias: str | None = None
    aggregate_metric_list: list[dict[str, Any]] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader plus ``!function``; nothing is executed by reading."""


def _construct_function(loader: _Loader, node: yaml.ScalarNode) -> FunctionRef:
    return FunctionRef(Path(loader.name), str(loader.construct_scalar(node)))


_Loader.add_constructor("!function", _construct_function)


def read_config(path: Path) -> TaskConfig | GroupConfig:
    """Read one YAML file with its includes.

    Raises:
        InputError: The file is not valid; the message names file and key.
    """
    values = _read_yaml(path, seen=())
    if "task" not in values:
        raise InputError(f"{path}: key 'task' is missing; name the task (or a group's tasks) there")
    model: type[TaskConfig] | type[GroupConfig]
    model = GroupConfig if isinstance(values["task"], list) else TaskConfig
    if isinstance(values.get("metadata"), list):  # lmms-eval allows a list of mappings
        values["metadata"] = {k: v for entry in values["metadata"] for k, v in entry.items()}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: {_first_problem(error, model)}") from error


def _read_yaml(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path in seen:
        raise InputError(f"{path}: key 'include' goes in a circle")
    try:
        with path.open(encoding="utf-8") as file:
            values = yaml.load(file, Loader=_Loader)  # noqa: S506 - a safe loader, see above
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: must hold a mapping of keys, not {type(values).__name__}")
    includes = values.pop("include", [])
    merged: dict[str, Any] = {}
    # As in lmms-eval: the first include wins over later ones, the file itself over all.
    for name in reversed([includes] if isinstance(includes, str) else includes):
        included = path.parent / str(name)
        if not included.is_file():
            raise InputError(f"{path}: key 'include': there is no file {included}")
        merged.update(_read_yaml(included, (*seen, path)))
    return {**merged, **values}


def _first_problem(error: ValidationError, model: type[BaseModel]) -> str:
    """One line about pydantic's findings: a misspelt key before the key that it leaves missing."""
    problem = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in problem["loc"] if not str(part).startswith("function"))
    if problem["type"] == "missing":
        return f"key '{key}' is missing"
    if problem["type"] == "extra_forbidden":
        known = _known_keys(model, problem["loc"])
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"key '{key}' is not known{hint}"
    return f"key '{key}': {problem['msg']} (found {problem['input']!r})"


def _known_keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    nested: Mapping[str, type[BaseModel]] = {"metadata": TaskMetadata, "metric_list": MetricConfig}
    owner = nested.get(str(loc[0]), model) if len(loc) > 1 else model
    return list(owner.model_fields)
