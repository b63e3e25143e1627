"""The masks of the demo data's things, in the format of Inst-IT Bench."""

from __future__ import annotations

from typing import Any

import numpy as np
from drawing import Scene, visible
from inst_it_items import image_path
from pycocotools import mask as coco
from scenes import IMAGES, VIDEOS

Frames = dict[str, dict[str, Any]]


def masks_of_all() -> dict[str, dict[str, dict[str, Frames]]]:
    """Return the contents of both files by name: ``segmentations[medium][frame][mark]``."""
    images = {
        str(number): {image_path(number).rpartition("/")[2]: _masks(scene)}
        for number, scene in IMAGES.items()
    }
    videos = {
        str(number): {
            f"{moment}.jpg": _masks(video.at(moment)) for moment in range(1, video.length + 1)
        }
        for number, video in VIDEOS.items()
    }
    return {
        "image_instance_captions_masks.json": {"segmentations": images},
        "video_instance_captions_masks.json": {"segmentations": videos},
    }


def _masks(scene: Scene) -> dict[str, Any]:
    return {str(thing.mark): {"mask": _encoded(scene, thing.mark)} for thing in scene.things}


def _encoded(scene: Scene, mark: int) -> dict[str, Any]:
    shape = np.asfortranarray(np.asarray(visible(scene, mark)) > 0, dtype=np.uint8)
    encoded = coco.encode(shape)
    return {"size": list(encoded["size"]), "counts": encoded["counts"].decode("ascii")}
