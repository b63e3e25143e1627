"""Whose words asked, found out from the requests' texts in lmms-eval's sample log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from instit_bench.datasets.prompts import OfficialPrompts
from instit_bench.errors import InputError
from instit_bench.runs.plan import with_prompts
from instit_bench.tasks.task import Task
from instit_bench.types import Sample


def whose_words(
    task: Task,
    samples: Sequence[Sample],
    asked: Mapping[str, str],
    prompts: OfficialPrompts | None,
) -> str:
    """``official``, ``own`` or ``dataset`` where every text is what such a run would ask.

    ``unknown`` where one is not, or where there are none; ``asked`` is by sample id.
    """
    known = [sample for sample in samples if sample.id in asked]
    for worded in (with_prompts(task, prompts), task):
        if known and all(_is_asked(worded, sample, asked[sample.id]) for sample in known):
            return worded.prompt_origin
    return "unknown"


def _is_asked(task: Task, sample: Sample, text: str) -> bool:
    try:
        return task.text(sample.doc) == text
    except InputError:  # the log's own record has not all that the text is made of
        return False
