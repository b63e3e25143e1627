"""A task's YAML file as a typed, validated value, in lmms-eval's own format."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from instit_bench.datasets.readers import READERS
from instit_bench.errors import InputError
from instit_bench.plugins import Registry
from instit_bench.scorers.registry import SCORERS
from instit_bench.tasks.functions import FunctionRef
from instit_bench.validation import YamlLoader, did_you_mean, first_problem, read_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
from instit_bench.types import RequestForm

FieldOrFunction = str | FunctionRef

# The mean of values that carry their cluster; lmms-eval needs it for clustered errors.
MEAN_SCORE = "instit_bench.integrations.lmms_eval.scores.mean_score"


class _KnownGeneration(BaseModel):
    """The keys of ``generation_kwargs`` that requests are made from; others are lmms-eval's."""

    model_config = ConfigDict(strict=True)

    max_new_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: int | None = None
    until: str | list[str] | None = None


def _checked_generation(kwargs: dict[str, Any]) -> dict[str, Any]:
    try:
        _KnownGeneration.model_validate(kwargs)
    except ValidationError as error:
        raise ValueError(first_problem(error, noun="key")) from None
    return kwargs


GenerationKwargs = Annotated[dict[str, Any], AfterValidator(_checked_generation)]


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


class PromptStyle(BaseModel):
    """One way of asking a task's samples, under ``metadata.prompt_styles``.

    ``form`` is ``chat`` (the task's messages, unchanged) or ``raw`` (one text without roles:
    ``template`` with ``{text}`` replaced by the task's text). ``reply_start`` is the end of the
    prompt that belongs to the reply and is put back in front of it; ``reply_end`` is a text that
    ends a reply if an endpoint includes it. ``generation_kwargs`` extend the task's. ``mark`` is
    the mark that tables show for numbers obtained with this style.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: RequestForm = "raw"
    template: str = "{text}"
    reply_start: str = ""
    reply_end: str = ""
    mark: Literal["text-prompt", "lora-template"] | None = None
    generation_kwargs: GenerationKwargs = Field(default_factory=dict)

    @field_validator("template")
    @classmethod
    def _holds_the_text(cls, value: str) -> str:
        if value.count("{text}") != 1:
            raise ValueError("must hold {text} once")
        return value

    @model_validator(mode="after")
    def _fits_its_form(self) -> PromptStyle:
        if self.form == "chat" and self.template != "{text}":
            raise ValueError("form chat asks with the task's messages and takes no template")
        if not self.template.endswith(self.reply_start):
            raise ValueError("reply_start must be the end of the template")
        return self


def _name_in(registry: Registry[Any]) -> AfterValidator:
    """Accept only names in the registry, without loading any of its entries."""

    def check(name: str) -> str:
        if name not in registry:
            known = ", ".join(registry.names())
            raise ValueError(f"no such {registry.word} is installed; known: {known}")
        return name

    return AfterValidator(check)


class TaskMetadata(BaseModel):
    """Settings that only this harness needs, under the YAML's free ``metadata:`` key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: float | str = 1.0
    description: str = ""
    reader: Annotated[str, _name_in(READERS)] = "files"
    scorer: Annotated[str, _name_in(SCORERS)] = "process_results"
    media: Literal["image", "video", "none"] = "none"
    id_field: str = "id"
    question_field: str = "question"
    choice_fields: tuple[str, ...] = ()
    prediction_field: str | None = None
    official_prompt: str | None = None
    prompt_styles: dict[str, PromptStyle] = Field(default_factory=dict)
    chat_style: str | None = None
    training_data: bool = False

    @model_validator(mode="after")
    def _has_its_chat_style(self) -> TaskMetadata:
        if self.chat_style is not None and self.chat_style not in self.prompt_styles:
            raise ValueError(f"chat_style {self.chat_style!r} is not one of prompt_styles")
        return self


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
    generation_kwargs: GenerationKwargs = Field(default_factory=dict)
    lmms_eval_specific_kwargs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    reasoning_tags: Literal["none"] | None = None  # replies are scored unmodified
    cluster_key: str | None = None
    metadata: TaskMetadata = TaskMetadata()
    task_alias: str | None = None
    tag: str | tuple[str, ...] = ()
    num_fewshot: int | None = None

    @property
    def functions(self) -> dict[str, FunctionRef]:
        """The plugin's functions by their keys."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: value for name, value in values.items() if isinstance(value, FunctionRef)}


class GroupConfig(BaseModel):
    """A named list of tasks (or of other groups)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    task: tuple[str, ...]
    group_alias: str | None = None
    aggregate_metric_list: list[dict[str, Any]] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class _Loader(YamlLoader):
    """The safe loader plus ``!function``; reading executes nothing."""


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
        raise InputError(f"{path}: key 'task' is missing; it names the task (or a group's tasks)")
    model: type[TaskConfig] | type[GroupConfig]
    model = GroupConfig if isinstance(values["task"], list) else TaskConfig
    if isinstance(values.get("metadata"), list):  # lmms-eval allows a list of mappings
        values["metadata"] = {k: v for entry in values["metadata"] for k, v in entry.items()}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problem = first_problem(error, partial(_hint, model=model), noun="key")
        raise InputError(f"{path}: {problem}") from error


def _read_yaml(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path in seen:
        raise InputError(f"{path}: key 'include' is circular")
    values = read_yaml(path, loader=_Loader)
    includes = values.pop("include", [])
    if not isinstance(includes, str | list):
        raise InputError(f"{path}: key 'include' must be a file name or a list of them")
    merged: dict[str, Any] = {}
    # As in lmms-eval: the first include overrides later ones, the file itself overrides all.
    for name in reversed([includes] if isinstance(includes, str) else includes):
        included = path.parent / str(name)
        if not os.path.isfile(included):  # noqa: PTH113 - which takes names that are too long
            raise InputError(f"{path}: key 'include': file not found: {included}")
        merged |= _over(merged, _read_yaml(included, (*seen, path)))
    return merged | _over(merged, values)


def _over(base: Mapping[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """Override ``base`` with ``values``; ``metadata``, which is ours, key by key."""
    below, own = base.get("metadata"), values.get("metadata")
    if isinstance(below, dict) and isinstance(own, dict):
        return values | {"metadata": below | own}
    return values


def _hint(problem: ErrorDetails, model: type[BaseModel]) -> str:
    if problem["type"] != "extra_forbidden":
        return ""
    return did_you_mean(str(problem["loc"][-1]), _known_keys(model, problem["loc"]))


def _known_keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    nested: Mapping[str, type[BaseModel]] = {"metadata": TaskMetadata, "metric_list": MetricConfig}
    owner = nested.get(str(loc[0]), model) if len(loc) > 1 else model
    return list(owner.model_fields)
