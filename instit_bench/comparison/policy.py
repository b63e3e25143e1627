"""``checks.yaml``: the rules that a run must satisfy (docs/ci.md)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instit_bench.errors import InputError
from instit_bench.runs.record import Fraction
from instit_bench.validation import did_you_mean, first_problem, read_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Gate = Literal["interval", "mean"]


class MetricRules(BaseModel):
    """Rules for one metric; all are fractions 0..1 of it, ``None`` switches a rule off.

    If it is ``corrected``, they apply to the judge's score as corrected by human scores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_drop: Fraction | None = None
    min_value: Fraction | None = None
    max_value: Fraction | None = None
    gate: Gate = "interval"
    corrected: bool = False


class TaskRules(BaseModel):
    """Rules for one task; ``max_drop`` and ``gate`` apply to each of its gated metrics.

    If they are ``optional``, a run need not have the task.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_drop: Fraction | None = 0.0
    gate: Gate = "interval"
    min_coverage: Fraction | None = 0.99
    max_error_rate: Fraction | None = 0.01
    optional: bool = False
    metrics: dict[str, MetricRules] = Field(default_factory=dict)


class Policy(BaseModel):
    """Rules by task; task and metric names may contain ``*`` and ``?``.

    ``defaults`` come first, then every entry of ``tasks`` that matches, in the file's order; values
    that an entry does not set stay unchanged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    defaults: TaskRules = TaskRules()
    tasks: dict[str, TaskRules] = Field(default_factory=dict)

    def rules_for(self, task: str) -> TaskLimits:
        """Return the rules that apply to one task."""
        named = [rules for pattern, rules in self.tasks.items() if fnmatchcase(task, pattern)]
        layers = (self.defaults, *named)
        merged = TaskRules(**_merged(layers, exclude="metrics"))
        metrics = tuple(entry for layer in layers for entry in layer.metrics.items())
        return TaskLimits(merged, metrics)

    def explicit(self, rule: str) -> bool:
        """Whether any entry sets this rule to a number."""
        layers = (self.defaults, *self.tasks.values())
        entries = [*layers, *(rules for layer in layers for rules in layer.metrics.values())]
        return any(
            rule in entry.model_fields_set and getattr(entry, rule) is not None for entry in entries
        )

    def _may_lack(self, pattern: str, rules: TaskRules, tasks: Iterable[str]) -> bool:
        """Whether an entry is optional and applies to no task."""
        own = "optional" in rules.model_fields_set
        optional = rules.optional if own else self.defaults.optional
        return optional and not any(fnmatchcase(task, pattern) for task in tasks)

    def idle(self, tasks: Collection[str]) -> list[str]:
        """Return the optional entries that apply to no task."""
        return [name for name, rules in self.tasks.items() if self._may_lack(name, rules, tasks)]

    def require_known(
        self, tasks: Mapping[str, Sequence[str]], where: str, *, in_part: bool = False
    ) -> None:
        """Refuse a rule that applies to nothing; ``tasks`` maps names to metrics.

        If these are only ``in_part`` those of the runs, entries for others may be there.

        Raises:
            InputError: A task's or metric's name matches nothing; the message suggests a similar
                one.
        """
        for pattern, rules in self.tasks.items():
            if not in_part and not self._may_lack(pattern, rules, tasks):
                _require_match(pattern, tasks, f"{where}: tasks", "task")
        for place, layer in (("defaults", self.defaults), *self.tasks.items()):
            of_layer = [
                metric
                for task, metrics in tasks.items()
                if place == "defaults" or fnmatchcase(task, place)
                for metric in metrics
            ]
            path = place if place == "defaults" else f"tasks.{place}"
            if not of_layer and (in_part or self._may_lack(place, layer, tasks)):
                continue
            for pattern in layer.metrics:
                _require_match(pattern, of_layer, f"{where}: {path}.metrics", "metric")


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """The rules for one task, with those for its metrics in the order in which they apply."""

    rules: TaskRules
    metrics: tuple[tuple[str, MetricRules], ...]

    def for_metric(self, metric: str) -> MetricRules:
        """Return the rules for a metric: its task's rules, overridden by its own."""
        own = [rules for pattern, rules in self.metrics if fnmatchcase(metric, pattern)]
        task = {"max_drop": self.rules.max_drop, "gate": self.rules.gate}
        return MetricRules(**{**task, **_merged(own)})

    def names(self, metric: str, *, exactly: bool = False) -> bool:
        """Whether a rule names the metric itself, or (unless ``exactly``) a pattern covers it."""
        return any(
            metric == pattern or (not exactly and fnmatchcase(metric, pattern))
            for pattern, _ in self.metrics
        )


def read_policy(path: Path) -> Policy:
    """Read a policy file.

    Raises:
        InputError: It cannot be read, or a key or value is not valid; the message names the field.
    """
    values = read_yaml(path)
    try:
        return Policy.model_validate(values)
    except ValidationError as error:
        raise InputError(f"{path}: {first_problem(error, _hint)}") from error


def _merged(layers: Iterable[BaseModel], exclude: str = "") -> dict[str, Any]:
    """Return the values that the layers set explicitly; the last one counts."""
    return {
        name: getattr(layer, name)
        for layer in layers
        for name in layer.model_fields_set - {exclude}
    }


def _hint(problem: ErrorDetails) -> str:
    """Suggest where a misplaced rule belongs, which name was meant, or the unit."""
    name = str(problem["loc"][-1]) if problem["loc"] else ""
    if problem["type"] != "extra_forbidden":
        return "; it is a fraction, 0.02 for 2 points" if name in _FRACTIONS else ""
    if name in MetricRules.model_fields and name not in TaskRules.model_fields:
        return "; it is a rule for a metric: put it under 'metrics'"
    if name in TaskRules.model_fields:
        return "; it is a rule for a task: put it under 'defaults' or a task's name in 'tasks'"
    known = {name for model in (Policy, TaskRules, MetricRules) for name in model.model_fields}
    return did_you_mean(name, known - {name})


_FRACTIONS = ("max_drop", "min_value", "max_value", "min_coverage", "max_error_rate")


def _require_match(pattern: str, names: Iterable[str], where: str, kind: str) -> None:
    known = list(dict.fromkeys(names))
    if any(fnmatchcase(name, pattern) for name in known):
        return
    hint = did_you_mean(pattern, known) or f"; known: {', '.join(known) or 'none'}"
    raise InputError(f"{where}.{pattern}: neither run nor baseline has such a {kind}{hint}")
