"""The records of our tasks for lmms-eval: one ``datasets.Dataset`` per task.

lmms-eval loads a stub, and a task's ``process_docs`` replaces it with these records: read,
checked and normalised as in our own runs. Text fields are strings; ``image`` is a file or bytes,
for ``plain_image`` to decode; ``video_path`` is absolute, and if it is a folder, ``frames`` are its
images. If the data folder has the benchmark's own prompts, every record contains them as
``pre_prompt`` and ``post_prompt``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from instit_bench.datasets.prompts import OfficialPrompts, read_prompts
from instit_bench.datasets.source import DataSource, open_source
from instit_bench.errors import InputError
from instit_bench.evaluation.config import RunConfig
from instit_bench.integrations.lmms_eval.exits import exit_on_error
from instit_bench.integrations.lmms_eval.judging import chosen_judge
from instit_bench.media.errors import MediaError
from instit_bench.media.images import load_image
from instit_bench.media.resolve import video_frames
from instit_bench.media.rgb import as_rgb
from instit_bench.tasks.config import TaskConfig, read_config
from instit_bench.tasks.data import load_dataset, with_prompts
from instit_bench.tasks.task import Task
from instit_bench.types import ImagePart, VideoPart

if TYPE_CHECKING:
    import datasets

DATA = "INSTIT_BENCH_DATA"
MAX_FRAMES = "INSTIT_BENCH_MAX_FRAMES"


def docs_or_exit(folder: Path, stub: datasets.Dataset) -> datasets.Dataset:
    """Return the records of the task in a plugin's folder for which a stub was loaded.

    An error ends the process with one line: lmms-eval itself would retry five times, print a
    traceback and exit with 0.
    """
    with exit_on_error():
        return task_docs(folder, stub.config_name)


def task_docs(folder: Path, dataset_name: str) -> datasets.Dataset:
    """Return the records of the task with this ``dataset_name``.

    Raises:
        InputError: The data, or a variable of the environment, are missing or not valid.
    """
    task = with_prompts(_task_in(folder, dataset_name), official_prompts())
    dataset = load_dataset(task, _source())
    if dataset.missing_media:
        raise InputError(f"{task.name}: {dataset.missing_media}")
    samples = list(task.samples(dataset.docs))  # checks the records like our own runs do
    if not samples:
        raise InputError(f"{task.name}: the dataset {dataset.files[0]} is empty")
    if task.scorer.needs_judge:
        chosen_judge()  # report an unusable judge before anything is generated
    words = asdict(task.official_prompt) if task.official_prompt else {}
    root = dataset.media_root.absolute()
    return _as_dataset([_record(sample.doc, root) | words for sample in samples])


def plain_image(medium: Any) -> Any:
    """Return a record's image as a plain RGB ``Image``, which some models require.

    Its pixels are those that our own runs send. It keeps the name of its file, so that a model may
    send the file itself. One that cannot be decoded ends the process with one line. The path of a
    video is returned unchanged.
    """
    if not isinstance(medium, Mapping):
        return medium
    path, data = medium["path"], medium["bytes"]
    part = ImagePart(data=data) if path is None else ImagePart(path=Path(path))
    with exit_on_error():
        image: Any = _decoded(part)
    image.filename = path or ""
    return image


def _decoded(part: ImagePart) -> Image.Image:
    try:
        with Image.open(BytesIO(load_image(part).data)) as image:
            return as_rgb(image)
    except MediaError as error:
        raise InputError(str(error)) from error


def official_prompts() -> OfficialPrompts | None:
    """Return the benchmark's own prompts, if the data folder has them.

    Raises:
        InputError: The file is not valid.
    """
    file = _source().prompts_file()
    return _read_prompts(file) if file else None


_read_prompts = cache(read_prompts)


def _source() -> DataSource:
    return open_source(os.environ.get(DATA, "hub"))


def _task_in(folder: Path, dataset_name: str) -> Task:
    for path in sorted(folder.glob("*.yaml")):
        config = read_config(path)
        if isinstance(config, TaskConfig) and config.dataset_name == dataset_name:
            return Task(config, path)
    raise InputError(f"{folder}: contains no task with dataset_name {dataset_name!r}")


def _record(doc: Mapping[str, Any], root: Path) -> dict[str, Any]:
    record = dict(doc)
    if "image" in doc:
        image = doc["image"]
        is_bytes = isinstance(image, bytes)
        record["image"] = {"bytes": image} if is_bytes else {"path": str(root / image)}
    if "video_path" in doc:
        video = root / doc["video_path"]
        record["video_path"] = str(video)
        record["frames"] = _frames(video, tuple(doc.get("frame_names", "").splitlines()))
    elif "frames" in doc:
        record["frames"] = [{"path": str(root / frame)} for frame in doc["frames"]]
    return record


def _frames(video: Path, annotated: tuple[str, ...]) -> list[dict[str, str]]:
    if not video.is_dir():
        return []
    try:
        frames = video_frames(VideoPart(video, frames=annotated), _max_frames())
    except MediaError as error:
        raise InputError(str(error)) from error
    return [{"path": str(frame.path)} for frame in frames]


def _max_frames() -> int:
    default = RunConfig.model_fields["max_frames"].default
    value = os.environ.get(MAX_FRAMES, str(default))
    if not (value.isdecimal() and int(value)):
        raise InputError(f"{MAX_FRAMES}={value}: must be a positive whole number")
    return int(value)


def _as_dataset(records: Sequence[Mapping[str, Any]]) -> datasets.Dataset:
    from datasets import Dataset, Features, List, Value
    from datasets import Image as Encoded

    image = Encoded(decode=False)  # its own conversion to RGB would clip grey levels of 16 bits
    kinds = {"image": image, "frames": List(image)}
    names = dict.fromkeys(name for record in records for name in record)
    features = Features({name: kinds.get(name, Value("string")) for name in names})
    # The library takes the columns of the first record.
    rows = [{name: record.get(name) for name in names} for record in records]
    return Dataset.from_list(rows, features=features)
