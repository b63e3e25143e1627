"""Which masks belong to which frame: files of masks name frames, numbers, or nothing at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from instit_bench.media.errors import MediaError
from instit_bench.types import Marks

Frames = Mapping[str, Marks]


def marks_of_image(name: str, frames: Frames) -> Marks:
    """Return the masks of an image: those of the only frame, or of the frame of its name.

    Raises:
        MediaError: There are several frames, and none has its name.
    """
    if len(frames) == 1:
        return next(iter(frames.values()))
    return marks_of_frames([name], frames)[0] if frames else {}


def marks_of_frames(names: Sequence[str], frames: Frames) -> list[Marks]:
    """Return the masks of each frame of a folder, by name, else by number; ``{}`` for one without.

    Raises:
        MediaError: A frame with masks is not in the folder.
    """
    for key in (_name, _stem, _number):
        listed, there = _unique(key, frames), _unique(key, names)
        if listed is not None and there is not None and listed.keys() <= there.keys():
            return [frames[listed[key(name)]] if key(name) in listed else {} for name in names]
    raise MediaError(
        f"the masks are those of the frames {_listed(list(frames))}, but there are {_listed(names)}"
    )


def marks_of_numbers(frames: Frames) -> Mapping[int, Marks]:
    """Return the masks by the place of the frame in a video file, from 0.

    Frames are counted from 1, or from 0 if one has the number 0.

    Raises:
        MediaError: A frame has no number of its own.
    """
    numbers = _unique(_number, frames)
    if numbers is None or "" in numbers:
        raise MediaError("the masks' frames have no numbers to find them by in a video file")
    first = 0 if "0" in numbers else 1
    return {int(number) - first: frames[name] for number, name in numbers.items()}


def _unique(key: Callable[[str], str], names: Iterable[str]) -> dict[str, str] | None:
    """Return each name by its key; ``None`` if two share one."""
    named = [(key(name), name) for name in names]
    found = dict(named)
    return found if len(found) == len(named) else None


def _name(name: str) -> str:
    return PurePosixPath(name).name


def _stem(name: str) -> str:
    return PurePosixPath(name).stem


def _number(name: str) -> str:
    """Return the last number in a frame's name, without leading zeros; empty if there is none."""
    numbers = re.findall(r"[0-9]+", _stem(name))
    return (numbers[-1].lstrip("0") or "0") if numbers else ""


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
