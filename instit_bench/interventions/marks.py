"""Name objects by other marks, where the image shows them under these.

``renamed_marks`` of a run draws the marks onto the image (docs/marks.md); this rewrites the words.
"""

from __future__ import annotations

import re

from instit_bench.interventions.base import Asked, Doc, Intervention, rewritten
from instit_bench.interventions.media import has_no_media

_MARK = re.compile(r"\[([0-9]{1,6})\]")


def _renamed(doc: Doc, asked: Asked) -> Doc:
    names = asked.renamed_marks

    def told(text: str) -> str:
        return _MARK.sub(lambda mark: f"[{names.get(mark[1], mark[1])}]", text)

    return rewritten(doc, asked.task, told)


RENAMED = Intervention(
    "renamed-marks",
    "the marks have other numbers, in the image as in question and options",
    why_not=has_no_media,
    record=_renamed,
    needs_renamed_marks=True,
)
