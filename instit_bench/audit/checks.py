"""What an audit can check: the runs of each check, and the question that they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from instit_bench.errors import InputError
from instit_bench.interventions import frames, marks, media, options, tools
from instit_bench.interventions.base import Doc, Intervention, any_records
from instit_bench.tasks.task import Task
from instit_bench.validation import did_you_mean

PERMUTED_OPTIONS = "permuted-options"
PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Variant:
    """A run of an audit besides the plain one: its name, and how its settings differ.

    ``against`` is the run that it is compared with.
    """

    name: str
    meaning: str
    why_not: Callable[[Task], str | None]
    why_not_records: Callable[[Task, Iterable[Doc]], str | None] = any_records
    settings: Mapping[str, Any] = field(default_factory=dict)
    needs_frames: bool = False
    against: str = PLAIN


def _under(*interventions: Intervention) -> tuple[Variant, ...]:
    """Return a run under each intervention."""
    return tuple(
        Variant(
            i.name,
            i.meaning,
            i.why_not,
            i.why_not_records,
            {"intervention": i.name},
            i.needs_frames,
        )
        for i in interventions
    )


@dataclass(frozen=True, slots=True)
class Check:
    """A check: its name on the command line, its question, what its figure is called.

    ``reading`` tells how to read the figure, which is the plain score minus the altered one.
    """

    name: str
    question: str
    figure: str
    reading: str
    variants: tuple[Variant, ...]


_ALL = (
    Check(
        "blind",
        "Does it look?",
        "visual gain",
        "What is left without any image is known or guessed from the text.",
        _under(media.BLIND),
    ),
    Check(
        "one-frame",
        "Does one frame do?",
        "gain from the other frames",
        "Near zero, the video might as well be an image.",
        _under(media.ONE_FRAME),
    ),
    Check(
        "shuffled-frames",
        "Does it use the order of the frames?",
        "temporal gain",
        "Where <t> is rewritten, every question names the same frames as before; a model that "
        "looks up single frames keeps its score. Where it is not, <t> names another frame.",
        _under(frames.SHUFFLED, frames.SHUFFLED_UNTOLD),
    ),
    Check(
        "reversed-frames",
        "Does it know before from after?",
        "temporal gain",
        "As with frames in random order, but every motion goes backwards.",
        _under(frames.REVERSED, frames.REVERSED_UNTOLD),
    ),
    Check(
        PERMUTED_OPTIONS,
        "Does it choose the option, or the letter?",
        "loss by order",
        "Each option stands once behind each letter. An answer counts as circularly right if it is "
        "right in every order; a model that is sure loses nothing, one that guesses loses most.",
        _under(*options.ROTATIONS),
    ),
    Check(
        "permuted-marks",
        "Does it go by the marks it sees?",
        "mark dependence",
        "Marks are drawn as numbers, and once more with [1] and [3] exchanged in image, question "
        "and options; a model that reads them loses nothing.",
        (
            Variant(
                "drawn-marks",
                "the marks are drawn as numbers onto the media without marks",
                media.has_no_media,
                settings={"marks": "number"},
            ),
            Variant(
                "permuted-marks",
                "the same, with [1] and [3] exchanged in image, question and options",
                media.has_no_media,
                settings={
                    "marks": "number",
                    "renamed_marks": {"1": "3", "3": "1"},
                    "intervention": marks.RENAMED.name,
                },
                against="drawn-marks",
            ),
        ),
    ),
    Check(
        "no-marks",
        "Does it need the marks?",
        "gain from the marks",
        "Without marks nobody can tell which object is [3]; what is left is guessed.",
        (
            Variant(
                "no-marks",
                "the media are shown without marks",
                media.has_no_media,
                settings={"marks": "none"},
            ),
        ),
    ),
    Check(
        "renamed-tools",
        "Does it read what a tool does?",
        "name dependence",
        "Names say nothing here, descriptions say all. What is lost depended on the names.",
        _under(tools.RENAMED),
    ),
    Check(
        "swapped-descriptions",
        "Does it believe the description, or the name?",
        "name dependence",
        "Each tool has the name of another; the description says which one is right.",
        _under(tools.SWAPPED),
    ),
    Check(
        "shuffled-tools",
        "Does the order of the tools matter?",
        "order dependence",
        "The same tools in another order; any difference is a matter of places.",
        _under(tools.SHUFFLED),
    ),
    Check(
        "doubled-distractors",
        "Does it get lost among more tools?",
        "loss by distractors",
        "As many tools again that nobody needs.",
        _under(tools.DOUBLED),
    ),
)
CHECKS: Mapping[str, Check] = {check.name: check for check in _ALL}


def checks_named(names: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks of these names in the order of ``CHECKS``; all of them if none is named.

    Raises:
        InputError: There is no check of a name.
    """
    for name in names:
        if name not in CHECKS:
            hint = did_you_mean(name, CHECKS) or f"; choose {', '.join(CHECKS)}"
            raise InputError(f"--checks {name}: is not known{hint}")
    return tuple(check for name, check in CHECKS.items() if not names or name in names)
