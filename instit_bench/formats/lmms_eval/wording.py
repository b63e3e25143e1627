"""Find out which prompts were used from the requests' texts in lmms-eval's sample log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from instit_bench.datasets.prompts import OfficialPrompts
from instit_bench.errors import InputError
from instit_bench.tasks.data import with_prompts
from instit_bench.tasks.task import Task
from instit_bench.types import GenerationParams, Sample


def whose_words(
    task: Task,
    samples: Sequence[Sample],
    asked: Mapping[str, str],
    prompts: OfficialPrompts | None,
) -> str:
    """Return ``official``, ``own`` or ``dataset`` if every text is what such a run would send.

    Return ``unknown`` if one is not, or if there are none; ``asked`` is by sample id.
    """
    known = [sample for sample in samples if sample.id in asked]
    for worded in (with_prompts(task, prompts), task):
        if known and all(_is_asked(worded, sample, asked[sample.id]) for sample in known):
            return worded.prompt_origin
    return "unknown"


def _is_asked(task: Task, sample: Sample, text: str) -> bool:
    try:
        return text == task.text(sample.doc) or text == _chat_text(task, sample)
    except InputError:  # the log's own record lacks a part of the text
        return False


def _chat_text(task: Task, sample: Sample) -> str | None:
    """Return the text sent to chat models if it differs: in tasks of text alone."""
    if task.config.metadata.media != "none":
        return None
    request = task.request(sample, GenerationParams(), "chat", Path())
    return "\n".join(message.text for message in request.messages)
