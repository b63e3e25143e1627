"""Inst-IT's LLaVA-NeXT checkpoints in lmms-eval: its ``llava_onevision``, with videos made whole.

Of a video that comes as a list of images, lmms-eval 0.7.3 passes on one tensor of all frames. For
LLaVA-NeXT that is a batch of images, and only the first one reaches the model.
"""

from __future__ import annotations

from typing import Any

from lmms_eval.models.simple import llava_onevision


class InstItLlava(llava_onevision.Llava_OneVision):  # type: ignore[misc]
    """Videos as in Inst-IT's own scripts: frames cropped, not padded; pooled; no newline token.

    Several images are always one video.
    """

    def __init__(self, **settings: Any) -> None:
        single = llava_onevision.process_images

        def process(images: list[Any], processor: Any, config: Any) -> Any:
            if len(images) == 1:
                return single(images, processor, config)
            return [processor.preprocess(images, return_tensors="pt")["pixel_values"]]

        llava_onevision.process_images = process
        super().__init__(**settings)

    def _get_model_overwrite_config(self) -> dict[str, object]:
        return {"mm_pooling_position": "after", "mm_newline_position": "no_token"}
