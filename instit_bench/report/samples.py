"""The samples of all runs for the page's script: one JSON value; texts share lines.

``lines`` contains every line of text once; a text is the list of its lines' indices. A film is a
list of indices into ``pictures``; an answer names its film. Empty fields are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instit_bench.report.films import Films
from instit_bench.report.loaded import LoadedRun, task_names
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.verdicts import VerdictRecord
from instit_bench.scorers.base import ScorerSpec, is_right
from instit_bench.types import State

_LONGEST_SUMMARY = 160


def page_data(runs: Sequence[LoadedRun], media_folder: Path | None) -> dict[str, Any]:
    """Return everything that the sample browser shows; without a folder there are no thumbnails."""
    tasks = {name: _task(name, runs) for name in task_names(runs)}
    numbers = {name: number for number, name in enumerate(tasks)}
    lines, films = _Lines(), Films(runs, media_folder)
    samples: dict[tuple[str, str], dict[str, Any]] = {}
    for index, run in enumerate(runs):
        for name, task in run.manifest.tasks.items():
            scorer, deciding = run.scorer(name), run.deciding(name)
            for record, verdicts in run.run.tasks[name].selected():
                right = is_right(deciding, record.scores, task.lower_is_better)
                answer = _answer(record, scorer, right, tasks[name]["metrics"], lines)
                answer |= films.of(index, name, record.id)
                if verdicts:
                    answer["verdicts"] = [_verdict(verdict, lines) for verdict in verdicts]
                sample = samples.setdefault(
                    (name, record.id),
                    {"task": numbers[name], "answers": [None] * len(runs)}
                    | _sample(record, scorer, task.media),
                )
                sample["answers"][index] = answer
    return {
        "runs": [{"label": run.label, "model": run.manifest.identity.model} for run in runs],
        "tasks": list(tasks.values()),
        "states": [state.value for state in State],
        "media": None if media_folder is None else media_folder.name,
        "films": films.films,
        "pictures": films.images,
        "samples": list(samples.values()),
        "lines": lines.values,
    }


class _Lines:
    """Lines of text without duplicates."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self._numbers: dict[str, int] = {}

    def text(self, text: str) -> list[int]:
        """Return the indices of a text's lines."""
        return [self._number(line) for line in text.split("\n")]

    def _number(self, line: str) -> int:
        number = self._numbers.setdefault(line, len(self.values))
        if number == len(self.values):
            self.values.append(line)
        return number


def _task(name: str, runs: Sequence[LoadedRun]) -> dict[str, Any]:
    run = next(run for run in runs if name in run.manifest.tasks)
    task, result = run.manifest.tasks[name], run.results.tasks[name]
    scorer = run.scorer(name)
    headline = scorer.headlines(result.metrics)
    return {
        "name": name,
        "outcome": scorer.outcome,
        "media": task.media,
        "metrics": list(result.metrics),
        "official": headline[0] if headline else None,
        "deciding": run.deciding(name),
    }


def _sample(record: SampleRecord, scorer: ScorerSpec, media: str) -> dict[str, Any]:
    return {
        "id": record.id,
        "kind": scorer.question_kind(record, media),
        "summary": _summary(record.question, scorer),
    }


def _summary(question: str, scorer: ScorerSpec) -> str:
    """Return one line for the list: the input in a long prompt, else the question's start."""
    line = _input(question, scorer) or question.strip().partition("\n")[0]
    return line[:_LONGEST_SUMMARY]


def _input(question: str, scorer: ScorerSpec) -> str | None:
    return scorer.user_input(question) if scorer.user_input else None


def _answer(
    record: SampleRecord,
    scorer: ScorerSpec,
    right: bool | None,
    metrics: Sequence[str],
    lines: _Lines,
) -> dict[str, Any]:
    texts = {
        "question": record.question,
        "input": _input(record.question, scorer),
        "prompt": record.prompt,
        "gold": record.target,
        "why": record.error or record.reason,
        "difference": record.details.get("difference"),
    }
    fields: dict[str, Any] = {name: lines.text(str(text)) for name, text in texts.items() if text}
    if record.prediction is not None:
        fields["answer"] = lines.text(record.prediction)
    fields |= {
        "choices": [lines.text(choice) for choice in record.choices],
        "extracted": record.extracted,
        "official": record.details.get("official_extracted"),
        "method": record.method,
        "pairs": _pairs(record.details),
        "calls": [f"{call.name} {call.arguments}" for call in record.tool_calls],
        "scores": [_short(record.scores.get(metric)) for metric in metrics],
    }
    kept = {name: value for name, value in fields.items() if value}
    state = list(State).index(record.state)
    return {"state": state, "right": None if right is None else int(right), **kept}


def _pairs(details: Mapping[str, Any]) -> list[list[str]]:
    """Return the tools that target and prediction call, side by side; bracketed if missing."""
    return [[str(name) for name in pair] for pair in details.get("pairs") or ()]


def _verdict(verdict: VerdictRecord, lines: _Lines) -> dict[str, Any]:
    return {
        "judge": verdict.judge,
        "repeat": verdict.repeat,
        "score": _short(verdict.score) if verdict.letter is None else verdict.letter,
        "error": verdict.error,
        "reply": lines.text(verdict.raw or ""),
    }


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
