"""An annotation file of any size is read, planned and exported in little memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.command_line import cli_environment
from tests.reliability.sizes import sizes

MEGABYTES = 10**6
# Besides the file: the interpreter, the command line and the ids of the samples.
MOST_MEGABYTES = 300
PROGRAM = """
import sys
from instit_bench.cli.main import main
try:
    main()
finally:
    status = open("/proc/self/status").read()
    print("PEAK", status.split("VmHWM:")[1].split()[0])
"""


def write_records(path: Path, size: int) -> int:
    """Write records like the dataset's until the file has a size; return their number."""
    caption = "A person in a long red coat who walks slowly along the street beside the wall. "
    marks = [str(mark) for mark in range(1, 6)]
    masks = {mark: {"mask": {"size": [720, 1280], "counts": "0" * 300}} for mark in marks}
    frames = [
        {
            "timestamp": n,
            "frame_name": f"{n}.jpg",
            "instance_level": dict.fromkeys(marks[n % 3 :], caption),
            "image_level": f"[4] and [5] meet. {caption * 4}",
            "temporal_change": None if n == 1 else f"[5] has moved. {caption * 3}",
        }
        for n in range(1, 8)
    ]
    number = written = 0
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        while written < size:
            record = {
                "video_id": number,
                "video_path": f"videos_vpt/uvo/train/{number}",
                "frame_level_caption": frames,
                "question_answer_pairs": [
                    {"question": f"What does [{n}] do at <2>?", "answer": f"{n}. {caption}"}
                    for n in range(15)
                ],
                "video_level_caption": caption * 12,
                "segmentations": {"1.jpg": masks},
            }
            written += file.write("," * bool(number) + json.dumps(record))
            number += 1
        file.write("]")
    return number


@sizes(20 * MEGABYTES, 300 * MEGABYTES)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_annotations_are_streamed(
    size: int, tmp_path: Path, figure: Callable[[str, str], None]
) -> None:
    data = tmp_path / "Inst-It-Dataset"
    (data / "videos_vpt").mkdir(parents=True)
    n_videos = write_records(data / "inst_it_dataset_video_21k.json", size)

    def peak(*words: object) -> int:
        """Run a command in a process of its own; return its memory in megabytes at most."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, *map(str, words)],
            cwd=tmp_path,
            env=cli_environment(INSTIT_BENCH_HOME=str(tmp_path / "home")),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout + done.stderr)
        return int(done.stdout.split("PEAK ")[1]) * 1024 // MEGABYTES

    told: list[str] = []
    run = ("run", "--backend", "baseline", "--model", "first", "--dry-run", "--data", ".")
    peaks = {
        "exported": peak("export-dataset", "--data", ".", "--output", "all.jsonl"),
        "planned": peak(*run, "--tasks", "inst_it_dataset_open_ended", "--limit-videos", 10),
    }
    if size > 100 * MEGABYTES:
        peaks["all captions planned"] = peak(*run, "--tasks", "inst_it_dataset_captions")
    assert f"\nvideos: {n_videos:,}\n" in told[0]
    told_peaks = ", ".join(f"{what} {peak_mb} MB" for what, peak_mb in peaks.items())
    figure(f"memory for {size // MEGABYTES} MB of annotations", told_peaks)
    assert max(peaks.values()) < MOST_MEGABYTES
