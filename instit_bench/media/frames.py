"""Videos kept as a folder of frames."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from instit_bench.media.errors import MediaError
from instit_bench.media.names import names_image
from instit_bench.types import FrameOrder

_MOST_LISTED = 10


def frame_files(folder: Path, annotated: Sequence[str] = ()) -> list[Path]:
    """Return a folder's frames in numeric order (2 before 10); those without a number come last.

    Raises:
        MediaError: The folder cannot be read, contains no frames, or others than those annotated.
    """
    try:
        files = [path for path in folder.iterdir() if names_image(path)]
    except (OSError, ValueError) as error:
        raise MediaError(f"{folder}: {getattr(error, 'strerror', None) or error}") from error
    frames = sorted((path for path in files if not path.name.startswith(".")), key=_by_number)
    if not frames:
        raise MediaError(f"{folder}: contains no frames")
    if annotated:
        _refuse_others(folder, {frame.name for frame in frames}, set(annotated))
    return frames


def _refuse_others(folder: Path, found: set[str], annotated: set[str]) -> None:
    """Refuse a folder in which a moment would name another frame than in the annotations."""
    faults = [
        f"{what}: {_listed(sorted(names), len(names))}"
        for what, names in (("missing", annotated - found), ("not annotated", found - annotated))
        if names
    ]
    if faults:
        raise MediaError(
            f"{folder}: does not hold exactly the annotated frames, so that moments would name "
            f"others ({'; '.join(faults)}); unpack or download the video again"
        )


def _by_number(path: Path) -> tuple[bool, list[int], str]:
    numbers = _numbers(path)
    return not numbers, numbers, path.name


def _numbers(path: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"[0-9]+", path.stem)]


def numbering_problems(frames: Sequence[Path]) -> list[str]:
    """Describe gaps and duplicates in the frames' numbers, which shift every later moment.

    Frames count from 1 (or 0) by the one number that differs between their names; if it is
    unclear which one that is, nothing is reported.
    """
    names = [_numbers(path) for path in frames]
    if len({len(numbers) for numbers in names}) != 1:
        return []
    varying = [column for column in zip(*names, strict=True) if len(set(column)) > 1]
    columns = varying or list(zip(*names, strict=True))
    if len(columns) != 1:
        return []
    counts = Counter(columns[0])
    n_missing = max(counts) - sum(number > 0 for number in counts)
    missing = (number for number in range(1, max(counts)) if number not in counts)
    twice = sorted(number for number, count in counts.items() if count > 1)
    problems = [f"frame {_listed(missing, n_missing)} is missing"] if n_missing else []
    return problems + ([f"frame {_listed(twice, len(twice))} is duplicated"] if twice else [])


def _listed(values: Iterable[int | str], total: int) -> str:
    shown = ", ".join(str(value) for value in islice(values, _MOST_LISTED))
    more = total - _MOST_LISTED
    return f"{shown} (and {more} more)" if more > 0 else shown


def ordered(count: int, order: FrameOrder | None, seed: str) -> list[int]:
    """Return which of a video's ``count`` frames to show, from 0, in which order.

    The order ``shuffled`` is drawn by the ``seed``, and is never the order in time if there are two
    frames or more.
    """
    places = list(range(count))
    match order:
        case "middle":
            return places[count // 2 : count // 2 + 1]
        case "reversed":
            return places[::-1]
        case "shuffled":
            draw = random.Random(f"{seed}/{count}")  # noqa: S311 - to be repeated, not to be secret
            while count > 1 and places == sorted(places):
                draw.shuffle(places)
    return places


def spread(count: int, at_most: int) -> list[int]:
    """Return ``at_most`` indices spread evenly over ``count`` items, first and last included."""
    if count <= at_most:
        return list(range(count))
    if at_most == 1:
        return [0]
    return [round(i * (count - 1) / (at_most - 1)) for i in range(at_most)]
