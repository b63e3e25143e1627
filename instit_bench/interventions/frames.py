"""Show the frames of a video in another order, with or without telling the question.

Questions name moments by the number of a frame, ``<7>``. Where they are rewritten, ``<7>`` becomes
the number of the place at which that frame is shown now, so the question stays the same about the
same frames; words such as "before" or "first" stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from instit_bench.interventions.base import Asked, Doc, Intervention, ShownVideo, rewritten
from instit_bench.interventions.media import has_no_video, in_order
from instit_bench.media.frames import ordered
from instit_bench.types import FrameOrder

_MOMENT = re.compile(r"<([0-9]{1,6})>")


def moments(video: ShownVideo, order: FrameOrder) -> Mapping[int, int]:
    """Return the new number of each frame that is shown; frames count from 1."""
    shown = ordered(len(video.places), order, video.name)
    return {video.places[then] + 1: video.places[now] + 1 for now, then in enumerate(shown)}


def renumbered(text: str, numbers: Mapping[int, int]) -> str:
    """Rewrite the moments of a text; one that is not shown is told by the nearest that is.

    A number outside the video stays.
    """

    def new(found: re.Match[str]) -> str:
        moment = int(found[1])
        if not min(numbers) <= moment <= max(numbers):
            return found[0]
        nearest = min(numbers, key=lambda shown: (abs(shown - moment), shown))
        return f"<{numbers[nearest]}>"

    return _MOMENT.sub(new, text)


def _telling(order: FrameOrder) -> Callable[[Doc, Asked], Doc]:
    def record(doc: Doc, asked: Asked) -> Doc:
        video = asked.video(doc)
        if video is None:
            return doc
        numbers = moments(video, order)
        return rewritten(doc, asked.task, lambda text: renumbered(text, numbers))

    return record


def _pair(order: FrameOrder, meaning: str) -> tuple[Intervention, Intervention]:
    told = Intervention(
        f"{order}-frames",
        f"{meaning}; <t> in question and options is rewritten to match",
        why_not=has_no_video,
        record=_telling(order),
        request=in_order(order),
        needs_frames=True,
    )
    untold = Intervention(
        f"{order}-frames-untold",
        f"{meaning}; <t> still means the place of a frame",
        why_not=has_no_video,
        request=in_order(order),
        needs_frames=True,
    )
    return told, untold


SHUFFLED, SHUFFLED_UNTOLD = _pair("shuffled", "the frames come in random order")
REVERSED, REVERSED_UNTOLD = _pair("reversed", "the frames come in reverse order")
