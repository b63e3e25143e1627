"""A suite file: models and settings with shared defaults, and its errors by entry and field."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from instit_bench.errors import InputError
from instit_bench.evaluation.config import RunConfig, setting_hint
from instit_bench.validation import FieldProblem, did_you_mean, field_problem, read_yaml

Settings = Mapping[str, Any]

_OF_THE_SUITE = {
    "output": "write it at the top of the file, as all runs of a suite share one folder",
    "existing": "use the options --fresh and --resume",
    "config": "write the settings here",
}
_OF_A_MODEL = dict.fromkeys(("model", "name"), "write it in an entry of models")
_LABEL = re.compile(r"[\w.+=@-]+")


def _keys(value: Any) -> Any:
    """Accept ``max-tokens`` for ``max_tokens``, as a config file does."""
    if isinstance(value, dict):
        return {str(key).replace("-", "_"): setting for key, setting in value.items()}
    return value


def _entry(value: Any) -> Any:
    """A model's name alone is an entry without overrides."""
    return {"model": value} if isinstance(value, str) else _keys(value)


Layer = Annotated[dict[str, Any], BeforeValidator(_keys)]


class SuiteFile(BaseModel):
    """A suite as written by a person; a setting is any option of ``instit-bench run``.

    Each entry of ``models`` runs once, or once with each of the named ``settings``. An entry's own
    settings override those of ``settings``, and these override ``defaults``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    baseline: str | None = None
    """The entry that all others are compared with, by its name."""
    output: Path | None = None
    """The folder of the runs; by default ``results/`` and the file's name."""
    parallel: int = Field(4, ge=1, le=64)
    """How many endpoints are asked at the same time."""
    defaults: Layer = Field(default_factory=dict)
    models: list[Annotated[dict[str, Any], BeforeValidator(_entry)]] = Field(min_length=1)
    settings: dict[str, Layer] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One run to be: its label, the settings that it is made from, and where each was written."""

    label: str
    model: str
    variant: str
    settings: Settings
    where: Mapping[str, str]
    place: str

    def config(self) -> RunConfig:
        """Return the run's settings, checked.

        Raises:
            InputError: One is not valid; the message names file, entry and field.
        """
        try:
            return RunConfig.model_validate(dict(self.settings))
        except ValidationError as error:
            problem = field_problem(error, setting_hint)
            field = problem.name.partition(".")[0]
            raise InputError(_told(self.where.get(field, self.place), problem)) from error
        except InputError as error:  # settings that do not go together
            raise InputError(f"{self.place}: {error}") from error


def read_suite(path: Path) -> SuiteFile:
    """Read a suite file.

    Raises:
        InputError: It cannot be read or is not valid; the message names file, entry and field.
    """
    values = {str(key): value for key, value in read_yaml(path).items()}
    try:
        suite = SuiteFile.model_validate(values)
    except ValidationError as error:
        problem = field_problem(error, lambda p: did_you_mean(str(p["loc"][0]), _fields(p["type"])))
        raise InputError(_told(str(path), problem)) from error
    _check_layer(f"{path}: defaults", suite.defaults, _OF_THE_SUITE | _OF_A_MODEL)
    for name, layer in suite.settings.items():
        if not _LABEL.fullmatch(name):
            raise InputError(f"{path}: settings {name!r}: use letters, digits and . _ - + = @ only")
        _check_layer(f"{path}: settings {name!r}", layer, _OF_THE_SUITE | _OF_A_MODEL)
    return suite


def entries(suite: SuiteFile, path: Path, overrides: Settings) -> Iterator[Entry]:
    """Yield an entry for each model and each of the named settings; ``overrides`` win over all.

    Raises:
        InputError: An entry is not valid.
    """
    for index, written in enumerate(suite.models):
        own = dict(written)
        model = own.get("name") or own.get("model")
        place = f"{path}: models[{index}]" + (f" ({model})" if isinstance(model, str) else "")
        chosen = _chosen(own.pop("settings", None), suite, place)
        _check_layer(place, own, _OF_THE_SUITE)
        for variant in chosen:
            layers = {
                "the environment": _environment(),
                f"{path}: defaults": suite.defaults,
                f"{path}: settings {variant!r}": suite.settings.get(variant, {}),
                place: own,
                "options of the command": overrides,
            }
            merged = {k: v for layer in layers.values() for k, v in layer.items()}
            where = {key: name for name, layer in layers.items() for key in layer}
            label = f"{model}-{variant}" if variant else str(model)
            yield Entry(label, str(model), variant, merged, where, place)


def _environment() -> dict[str, Any]:
    """Where the data are on this machine, for files that do not say it."""
    data = os.environ.get("INSTIT_BENCH_DATA")
    return {"data": data} if data else {}


def _chosen(names: Any, suite: SuiteFile, place: str) -> list[str]:
    """The named settings of an entry: all, or those that it lists."""
    if names is None:
        return list(suite.settings) or [""]
    if not isinstance(names, list) or not names:
        raise InputError(f"{place}: field 'settings' must be a list of names")
    for name in names:
        if name not in suite.settings:
            hint = did_you_mean(str(name), suite.settings)
            raise InputError(f"{place}: field 'settings': there is no {name!r}{hint}")
    return [str(name) for name in names]


def _check_layer(place: str, layer: Settings, refused: Mapping[str, str]) -> None:
    """Refuse what is not a setting, at the place where it was written."""
    for key in layer:
        if key in refused:
            raise InputError(f"{place}: field {key!r}: {refused[key]}")
        if key not in RunConfig.model_fields:
            hint = did_you_mean(key, RunConfig.model_fields)
            raise InputError(f"{place}: field {key!r} is not known{hint}")


def _fields(problem: str) -> list[str]:
    return list(SuiteFile.model_fields) if problem == "extra_forbidden" else []


def _told(place: str, problem: FieldProblem) -> str:
    return (
        f"{place}: field {problem.name!r}{problem.text}" if problem.name else place + problem.text
    )
