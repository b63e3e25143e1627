"""The identity of a run: everything that must be equal for its numbers to belong together."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instit_bench._version import __version__
from instit_bench.errors import InputError, NotComparableError
from instit_bench.resources import PACKAGE
from instit_bench.runs.atomic import read_whole, write_atomically
from instit_bench.runs.looks import Looks
from instit_bench.types import Usage, VideoDecoder
from instit_bench.validation import first_problem

FORMAT_VERSION = 1
_RECORDED_PACKAGES = ("openai", "pillow", "numpy", "decord", "av", "huggingface_hub", "vllm")

# Fields of a task; ``data_digest`` tells whether the data are the same, however they were read.
_MAY_DIFFER = frozenset(
    {"selected", "files", "notes", "revision", "metrics", "lower_is_better", "reader"}
    | {"dataset_name"}
)

# A task's name is part of file names: it must not lead out of the run directory.
FileName = Annotated[str, Field(min_length=1, pattern=r"^[^/\\\x00]+$")]
Status = Literal["running", "interrupted", "failed", "settled", "finished"]
Amount = Annotated[float, Field(ge=0, lt=1e18)]


class Identity(BaseModel):
    """The settings shared by all tasks of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    backend: str
    prompt_style: str
    seed: int | Literal["none"]
    max_frames: int
    intervention: str | None = None
    temperature: float | Literal["none"] | None = None
    top_p: float | Literal["none"] | None = None
    max_tokens: int | Literal["none"] | None = None
    extra_body: dict[str, Any] = Field(default_factory=dict)
    video_as: str = "frames"
    video_decoder: VideoDecoder = "auto"
    marks: str = "official"
    renamed_marks: dict[str, str] = Field(default_factory=dict)
    constrain_choices: bool = False
    dtype: str | None = None
    quantization: str | None = None
    lora: str | None = None
    engine_arg: tuple[str, ...] = ()
    model_arg: tuple[str, ...] = ()

    @property
    def other_marks(self) -> bool:
        """Whether objects are marked otherwise than in the benchmark's own media."""
        return self.marks != "official"


class TaskManifest(BaseModel):
    """One task of a run: its data, prompts and settings, and which samples were selected.

    ``style`` is the task's own name for the prompt style, ``style_mark`` its mark in tables;
    ``own_settings`` lists the entries of ``generation`` that the user chose instead of the task's.
    ``reader`` and ``dataset_name`` are the plugin's: what reads the data, and which part of them.
    ``training_data`` says that models may have been trained on the data; ``generated`` has the
    digests of the tool catalogues from which items were generated. ``masks_digest`` is the SHA-256
    of the file of masks by which marks were drawn.
    """

    model_config = ConfigDict(extra="forbid")

    scorer: str
    media: str = "none"
    reader: str = ""
    dataset_name: str | None = None
    metrics: list[str]
    lower_is_better: list[str] = Field(default_factory=list)
    data_digest: str | None
    prompt_digest: str | None
    prompts: str
    style: str = "unknown"
    style_mark: str | None = None
    generation: dict[str, Any] = Field(default_factory=dict)
    own_settings: list[str] = Field(default_factory=list)
    n_dataset: int = Field(ge=0)
    selected: list[str] | Literal["all"] = "all"
    files: list[str] = Field(default_factory=list)
    revision: str | None = None
    training_data: bool = False
    generated: list[str] = Field(default_factory=list)
    masks_digest: str | None = None
    notes: list[str] = Field(default_factory=list)

    @property
    def limited(self) -> bool:
        """Whether only a part of the dataset was selected."""
        return self.selected != "all"

    @property
    def n_selected(self) -> int:
        """The number of selected samples, including those that were never run."""
        return self.n_dataset if self.selected == "all" else len(self.selected)


class Price(BaseModel):
    """US dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0)
    output: float = Field(ge=0)

    def of(self, usage: Usage) -> float:
        """Return the cost of a call in US dollars."""
        prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
        return (prompt * self.input + completion * self.output) / 1e6


class JudgingManifest(BaseModel):
    """Judges of a run's predictions, and their instructions; the first judge counts.

    A run names its judges once they have spoken, not before.

    ``contracts`` holds the SHA-256 of the instructions for each task.
    """

    model_config = ConfigDict(extra="forbid")

    judges: list[str] = Field(min_length=1)
    repeats: int = 1
    contracts: dict[str, str]
    prompts: Literal["official", "own"]
    prices: dict[str, Price] = Field(default_factory=dict)


class DataManifest(BaseModel):
    """Where the data came from."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["hub", "demo", "path", "file"]
    label: str
    revision: str | None = None


class Manifest(BaseModel):
    """``manifest.json`` of a run directory.

    ``judging`` names who scores open-ended predictions, ``extraction`` who extracts the letters of
    multiple-choice predictions that stay ``unparsed``. ``looks`` are those of ``--until-verdict``.
    """

    model_config = ConfigDict(extra="forbid")

    format_version: int = FORMAT_VERSION
    status: Status = "running"
    identity: Identity
    data: DataManifest
    tasks: dict[FileName, TaskManifest] = Field(default_factory=dict)
    judging: JudgingManifest | None = None
    extraction: JudgingManifest | None = None
    looks: Looks | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    environment: dict[str, Any] = Field(default_factory=dict)
    engine: dict[str, Amount] = Field(default_factory=dict)
    created: str = ""
    updated: str = ""

    def judging_of(self, task: str) -> JudgingManifest | None:
        """Return the judges of a task, or ``None`` if it was not judged."""
        return _asked_about(task, self.judging)

    def extraction_of(self, task: str) -> JudgingManifest | None:
        """Return who extracts a task's letters, or ``None`` if nobody was asked."""
        return _asked_about(task, self.extraction)

    def write(self, path: Path) -> None:
        """Write the manifest atomically."""
        self.updated = datetime.now(UTC).isoformat(timespec="seconds")
        self.created = self.created or self.updated
        write_atomically(path, self.model_dump_json(indent=2) + "\n")


def _asked_about(task: str, judging: JudgingManifest | None) -> JudgingManifest | None:
    return judging if judging and task in judging.contracts else None


def read_manifest(path: Path) -> Manifest:
    """Read a run's manifest.

    Raises:
        InputError: It does not exist, or has another format.
    """
    try:
        manifest = Manifest.model_validate_json(read_whole(path))
    except FileNotFoundError as error:
        raise InputError(f"{path.parent}: is not a run directory: it has no {path.name}") from error
    except ValidationError as error:
        raise InputError(f"{path}: is not a valid run manifest: {first_problem(error)}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if manifest.format_version != FORMAT_VERSION:
        raise InputError(
            f"{path}: format version {manifest.format_version}; this program reads {FORMAT_VERSION}"
        )
    return manifest


def merge(old: Manifest, new: Manifest) -> Manifest:
    """Return the manifest of a resumed run: the new settings, the tasks of both.

    Raises:
        NotComparableError: Model, prompts, data or settings differ; the message says which.
    """
    differences = _differences(old.identity, new.identity)
    of_tasks: dict[str, list[str]] = {}
    for name, task in new.tasks.items():
        if name in old.tasks:
            for difference in _differences(old.tasks[name], task, _MAY_DIFFER):
                of_tasks.setdefault(difference, []).append(name)
    differences += [f"{', '.join(names)}: {what}" for what, names in of_tasks.items()]
    if old.looks and new.looks:
        differences += [f"--until-verdict: {what}" for what in old.looks.same_plan(new.looks)]
    if differences:
        raise NotComparableError("it was started with other settings: " + "; ".join(differences))
    tasks = dict(old.tasks)
    for name, task in new.tasks.items():
        tasks[name] = task.model_copy(update={"selected": _selected(old.tasks.get(name), task)})
    # What an earlier process learned about the backend stays true if this one sends no request.
    backend = {**_mapping(old.settings.get("backend")), **_mapping(new.settings.get("backend"))}
    if earlier := _earlier_addresses(old, new):
        backend["earlier_base_urls"] = earlier
    settings = {**new.settings, "backend": backend}
    kept = {"created": old.created, "engine": old.engine, "settings": settings}
    said = {"judging": old.judging, "extraction": old.extraction}
    looks = {"looks": new.looks or old.looks}
    return new.model_copy(update={"tasks": tasks, **said, **looks, **kept})


def _earlier_addresses(old: Manifest, new: Manifest) -> list[str]:
    """Return the other addresses that answered a part of the run."""
    before, now = _mapping(old.settings.get("backend")), _mapping(new.settings.get("backend"))
    known = [*before.get("earlier_base_urls", []), before.get("base_url")]
    return list(dict.fromkeys(a for a in known if a and a != now.get("base_url")))


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def add_engine_totals(engine: dict[str, float], totals: Mapping[str, float]) -> None:
    """Add an engine's totals in this process to its totals so far, those of a manifest."""
    for name, value in totals.items():
        engine[name] = round(engine.get(name, 0.0) + value, 3)


def _differences(old: BaseModel, new: BaseModel, ignore: frozenset[str] = frozenset()) -> list[str]:
    before, after = old.model_dump(exclude=set(ignore)), new.model_dump(exclude=set(ignore))
    return [
        f"{key} {_change(before[key], after[key])}" for key in before if before[key] != after[key]
    ]


def _change(before: object, after: object) -> str:
    """Format both values, shortened if they are long; for lists only what the other one lacks."""
    if isinstance(before, tuple | list) and isinstance(after, tuple | list):
        only_before = [item for item in before if item not in after]
        only_after = [item for item in after if item not in before]
        if only_before or only_after:
            before, after = only_before, only_after
    was, now = _short(before), _short(after)
    if was == now:
        was, now = repr(before), repr(after)
    return f"was {was}, now {now}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:16] + "…'"


def _selected(old: TaskManifest | None, new: TaskManifest) -> list[str] | Literal["all"]:
    """A selection only ever grows: a sample once selected stays part of the run."""
    if old is None:
        return new.selected
    if old.selected == "all" or new.selected == "all":
        return "all"
    return list(dict.fromkeys([*old.selected, *new.selected]))


def source_settings(data: str | None, include_path: Iterable[Path]) -> dict[str, Any]:
    """Return where data and plugins came from, to find them again; folders by their full path."""
    settings: dict[str, Any] = {}
    if data is not None:
        path = Path(data).expanduser()
        settings["data"] = data if data in ("hub", "demo") else str(path.resolve())
    if folders := [str(folder.resolve()) for folder in include_path]:
        settings["include_path"] = folders
    return settings


def environment() -> dict[str, Any]:
    """Return the versions of the software that produced the numbers."""
    packages = {}
    for name in _RECORDED_PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "instit_bench": __version__,
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
    }


def _git_commit() -> str | None:
    """Return the checkout's commit, ``-dirty`` with local changes; ``None`` for a wheel."""
    checkout = PACKAGE.parent
    if not (checkout / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            command, cwd=checkout, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
