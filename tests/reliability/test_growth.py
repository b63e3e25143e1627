"""How time and memory grow with the number of samples; docs/performance.md has the goals."""

from __future__ import annotations

import pytest

from benchmarks.growth import COMMANDS, MILLION, measured

ALL = tuple(COMMANDS)
SIZES = {10_000: ALL, 100_000: ALL, MILLION: tuple(name for name in COMMANDS if name != "report")}


@pytest.mark.reliability
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("samples", SIZES)
def test_memory_and_time_of_each_command_by_the_number_of_samples(figure, samples):
    for command, wall, cpu, megabytes in measured(samples, SIZES[samples], None):
        figure(
            f"{samples:,} samples, {command}",
            f"{wall:.1f} s, {cpu:.1f} s of CPU time, {megabytes:.0f} MB",
        )
