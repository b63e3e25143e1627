"""The samples of all runs as the page's script reads them: one JSON value, texts shared by line.

``lines`` holds every line of text once; a text is the list of its lines' numbers. A film is a list
of numbers into ``pictures``; an answer names its film. Empty fields are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from instit_bench.comparison.outcomes import headline_metrics, is_right
from instit_bench.comparison.questions import question_kind
from instit_bench.report.films import Films
from instit_bench.report.loaded import LoadedRun, task_names
from instit_bench.runs.manifest import TaskManifest
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.verdicts import VerdictRecord
from instit_bench.types import State

_INPUT = re.compile(r"^New input:[ \t]*(\S.*)$", re.MULTILINE)  # GPT4Tools' own words
_LONGEST_SUMMARY = 160


def page_data(runs: Sequence[LoadedRun], media_folder: Path | None) -> dict[str, Any]:
    """Everything that the sample browser shows; thumbnails are made unless there is no folder."""
    tasks = {name: _task(name, runs) for name in task_names(runs)}
    numbers = {name: number for number, name in enumerate(tasks)}
    lines, films = _Lines(), Films(runs, media_folder)
    samples: dict[tuple[str, str], dict[str, Any]] = {}
    for index, run in enumerate(runs):
        for name, task in run.manifest.tasks.items():
            deciding = run.deciding(name)
            for record, verdicts in run.run.tasks[name].selected():
                right = is_right(deciding, record.scores)
                answer = _answer(record, right, tasks[name]["metrics"], lines)
                answer |= films.of(index, name, record.id)
                if verdicts:
                    answer["verdicts"] = [_verdict(verdict, lines) for verdict in verdicts]
                sample = samples.setdefault(
                    (name, record.id),
                    {"task": numbers[name], "answers": [None] * len(runs)} | _sample(record, task),
                )
                sample["answers"][index] = answer
    return {
        "runs": [{"label": run.label, "model": run.manifest.identity.model} for run in runs],
        "tasks": list(tasks.values()),
        "states": [state.value for state in State],
        "media": None if media_folder is None else media_folder.name,
        "films": films.films,
        "pictures": films.pictures,
        "samples": list(samples.values()),
        "lines": lines.values,
    }


class _Lines:
    """Lines of text, each once."""

    def __init__(self) -> None:
        self.values: list[str] = []
        self._numbers: dict[str, int] = {}

    def text(self, text: str) -> list[int]:
        """The numbers of a text's lines."""
        return [self._number(line) for line in text.split("\n")]

    def _number(self, line: str) -> int:
        number = self._numbers.setdefault(line, len(self.values))
        if number == len(self.values):
            self.values.append(line)
        return number


def _task(name: str, runs: Sequence[LoadedRun]) -> dict[str, Any]:
    run = next(run for run in runs if name in run.manifest.tasks)
    task, result = run.manifest.tasks[name], run.results.tasks[name]
    headline = headline_metrics(task.scorer, list(result.metrics))
    return {
        "name": name,
        "scorer": task.scorer,
        "media": task.media,
        "metrics": list(result.metrics),
        "official": headline[0] if headline else None,
        "deciding": run.deciding(name),
    }


def _sample(record: SampleRecord, task: TaskManifest) -> dict[str, Any]:
    return {
        "id": record.id,
        "kind": question_kind(record, task.scorer, task.media),
        "summary": _summary(record.question),
    }


def _summary(question: str) -> str:
    """One line for the list: a GPT4Tools prompt's input, else the question's beginning."""
    line = _input(question) or question.strip().partition("\n")[0]
    return line[:_LONGEST_SUMMARY]


def _input(question: str) -> str | None:
    """What the user says in a GPT4Tools prompt, which goes on for pages; the last if several."""
    found = _INPUT.findall(question)
    return str(found[-1]) if found else None


def _answer(
    record: SampleRecord, right: bool | None, metrics: Sequence[str], lines: _Lines
) -> dict[str, Any]:
    texts = {
        "question": record.question,
        "input": _input(record.question),
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
    """The tools that gold and the reply call, side by side; in brackets where there is none."""
    return [[str(name) for name in pair] for pair in details.get("pairs") or ()]


def _verdict(verdict: VerdictRecord, lines: _Lines) -> dict[str, Any]:
    return {
        "judge": verdict.judge,
        "repeat": verdict.repeat,
        "score": verdict.score,
        "error": verdict.error,
        "reply": lines.text(verdict.raw or ""),
    }


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
