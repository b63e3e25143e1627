"""GPT4Tools' files, which its authors keep on Google Drive."""

from __future__ import annotations

from pathlib import Path

from instit_bench.datasets.layout import GPT4TOOLS_FILES
from instit_bench.datasets.records import read_records
from instit_bench.errors import DownloadError, InputError

DRIVE_IDS = {
    "seen": "1nDl7zhtQSx-L12K7151DfQD-XTqh_uzc",
    "unseen": "1BHm0HEwYaVdMRYZiDdECy8ozyix607PH",
}


def fetch_gpt4tools(split: str, folder: Path) -> Path:
    """Download a split into ``folder`` with gdown; return the file.

    Raises:
        InputError: gdown is not installed or the download failed; says where to put the file.
    """
    target = folder / GPT4TOOLS_FILES[split][0]
    by_hand = f"put the file there yourself (Google Drive id {DRIVE_IDS[split]}) or use --data PATH"
    try:
        import gdown
    except ImportError as error:
        raise DownloadError(
            f"GPT4Tools split {split!r} is not at {target}",
            f"install the extra 'instit-bench[gdrive]' to download it, or {by_hand}",
        ) from error
    partial = target.with_suffix(".part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        done = gdown.download(id=DRIVE_IDS[split], output=str(partial), quiet=False)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise DownloadError(
            f"cannot download {target.name}: {reason}", f"{by_hand}: {target}"
        ) from error
    if not done:
        raise DownloadError(f"cannot download {target.name}", f"{by_hand}: {target}")
    try:
        read_records(partial)  # Drive returns a web page when it refuses
    except InputError as error:
        raise InputError(f"{target.name}: the download is not JSON; {by_hand}: {target}") from error
    partial.rename(target)
    return target
