"""The Inst-IT Dataset on the hub: 52 GB, of which each part is downloaded on request only."""

from __future__ import annotations

from pathlib import Path

from instit_bench.datasets.hub import Unreachable, cached_files, snapshot
from instit_bench.datasets.layout import INST_IT_DATASET_FILES, inst_it_dataset_file
from instit_bench.errors import InputError

REPOSITORY = "Inst-IT/Inst-It-Dataset"
KINDS = ("video", "image")
MEDIA = ("vpt", "raw", "none")


def fetch(kind: str, media: str, revision: str) -> Path:
    """Download the annotations of videos or images, and their media: ``vpt``, ``raw`` or ``none``.

    Returns:
        The folder of the snapshot; archives stay packed until a task needs them.

    Raises:
        InputError: The revision or a file does not exist, or the hub cannot be reached.
    """
    try:
        return snapshot(REPOSITORY, revision, lambda names: _needed(kind, media, names))
    except Unreachable as error:
        raise InputError(
            f"cannot download {REPOSITORY} from the hub: {error}; check the network and "
            "HF_ENDPOINT, and try again"
        ) from error


def cached(kind: str, revision: str) -> Path | None:
    """Return the snapshot's folder in the hub's cache if it has the annotations of a kind."""
    names = [f"{name}.json" for name in INST_IT_DATASET_FILES[kind][:2]]
    folder = cached_files(REPOSITORY, revision, names)
    return folder if folder and inst_it_dataset_file(kind, folder) else None


def how_to_get(kind: str, media: str = "vpt") -> str:
    """Return the command that downloads these files."""
    return (
        f"'instit-bench data download --benchmark inst_it_dataset --split {kind} --media {media}'"
    )


def _needed(kind: str, media: str, names: list[str]) -> list[str]:
    wanted = [[f"{name}.json" for name in INST_IT_DATASET_FILES[kind][:2]]]
    if media != "none":
        archives = [f"{kind}s_{media}.zip"]
        # The marked videos were in videos.zip first.
        wanted.append([*archives, f"{kind}s.zip"] if media == "vpt" else archives)
    chosen = []
    for choices in wanted:
        found = next((name for name in choices if name in names), None)
        if found is None:
            raise InputError(
                f"hub dataset {REPOSITORY} has no {' or '.join(choices)} at this revision; choose "
                "another --media or --revision"
            )
        chosen.append(found)
    return chosen
