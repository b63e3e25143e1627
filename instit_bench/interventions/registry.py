"""The interventions by name."""

from __future__ import annotations

from collections.abc import Mapping

from instit_bench.errors import InputError
from instit_bench.interventions import frames, marks, media, options, tools
from instit_bench.interventions.base import Intervention
from instit_bench.validation import did_you_mean

INTERVENTIONS: Mapping[str, Intervention] = {
    intervention.name: intervention
    for intervention in (
        media.BLIND,
        media.ONE_FRAME,
        frames.SHUFFLED,
        frames.SHUFFLED_UNTOLD,
        frames.REVERSED,
        frames.REVERSED_UNTOLD,
        *options.ROTATIONS,
        marks.RENAMED,
        tools.RENAMED,
        tools.SWAPPED,
        tools.SHUFFLED,
        tools.DOUBLED,
    )
}


def intervention_named(name: str) -> Intervention:
    """Return an intervention.

    Raises:
        InputError: There is none of this name.
    """
    if name not in INTERVENTIONS:
        hint = did_you_mean(name, INTERVENTIONS) or f"; choose {', '.join(INTERVENTIONS)}"
        raise InputError(f"--intervention {name}: is not known{hint}")
    return INTERVENTIONS[name]
