"""What a user may set for an engine that this program starts."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

VideoAs = Literal["frames", "video"]


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Options of ``--backend vllm``; ``None`` leaves a setting to the engine.

    ``lora`` is ``NAME=PATH``; ``engine_arg`` holds ``key=value`` (or a bare ``key``) for any
    other option of the engine. ``video_as`` says how a video travels, ``constrain_choices`` lets
    the engine reply to a multiple-choice question with nothing but a letter.
    """

    tensor_parallel: int | None = None
    data_parallel: int | None = None
    max_model_len: int | None = None
    gpu_memory_utilization: float | None = None
    dtype: str | None = None
    quantization: str | None = None
    lora: str | None = None
    engine_arg: tuple[str, ...] = ()
    video_as: VideoAs = "frames"
    constrain_choices: bool = False

    @property
    def changed(self) -> list[str]:
        """The options that are not at their defaults, as on the command line."""
        default = EngineOptions()
        return [
            "--" + option.name.replace("_", "-")
            for option in fields(self)
            if getattr(self, option.name) != getattr(default, option.name)
        ]
