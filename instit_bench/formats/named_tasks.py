"""Which task a prediction file is for, by its name; and the prediction files of a folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from instit_bench.display import path_text
from instit_bench.errors import InputError

_SUFFIXES = (".json", ".jsonl")
_OFFICIAL = re.compile(r"(image|video)_(mc|oe)_inference")  # of Inst-IT Bench's own scripts


def named_task(path: Path, tasks: Collection[str]) -> str | None:
    """Return the task that a file is named after, if one of ``tasks`` is in its name.

    Examples are ``gpt4tools_seen.jsonl``, ``gpt4tools_seen_0.json``, lmms-eval's
    ``20260101_samples_inst_it_image_mc.jsonl`` and the benchmark's ``image_mc_inference.json``.
    """
    name = path.stem
    if official := _OFFICIAL.search(name):
        name = f"inst_it_{official[1]}_{official[2]}"
    found = [t for t in tasks if re.search(rf"(?<![^\W_]){re.escape(t)}(?![^\W_])", name)]
    return max(found, key=len, default=None)


def with_tasks(
    paths: Sequence[Path], given: Sequence[str], tasks: Collection[str], note: Callable[[str], None]
) -> list[tuple[Path, str]]:
    """Return prediction files with their tasks: those ``given``, in their order, or by name.

    Folders stand for the files in them that are named after a task; ``note`` is told about others.

    Raises:
        InputError: A task is missing, or a folder has no such file.
    """
    if given:
        if len(given) != len(paths):
            raise InputError(
                f"--task: names {len(given)} tasks for {len(paths)} files; name one task per file, "
                "in their order, or none if the files are named after their tasks; score the "
                "files of several models one by one"
            )
        return list(zip(paths, given, strict=True))
    found = []
    for path in paths:
        if path.is_dir():
            found += _of_folder(path, tasks, note)
        elif (task := named_task(path, tasks)) is not None:
            found.append((path, task))
        else:
            raise InputError(
                f"{path_text(path)}: is not named after a task; name its task with --task"
            )
    return found


def _of_folder(
    folder: Path, tasks: Collection[str], note: Callable[[str], None]
) -> list[tuple[Path, str]]:
    files = sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES)
    named = [(path, task) for path in files if (task := named_task(path, tasks)) is not None]
    if not named:
        raise InputError(
            f"{path_text(folder)}: has no .json or .jsonl file that is named after a task"
        )
    for path in files:
        if path not in dict(named):
            note(f"skipped: {path_text(path)} is not named after a task")
    return named
