"""Memory stays flat: a million samples fit where ten thousand do."""

from __future__ import annotations

import pytest

from benchmarks.growth import measured

SIZES = (10_000, 100_000)


@pytest.mark.reliability
@pytest.mark.timeout(1200)
def test_memory_and_time_of_each_command_by_the_number_of_samples(figure):
    for samples in SIZES:
        for command, wall, cpu, megabytes in measured(samples):
            figure(
                f"{samples:,} samples, {command}",
                f"{wall:.1f} s, {cpu:.1f} s of CPU time, {megabytes:.0f} MB",
            )
