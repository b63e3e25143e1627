"""``inst_it_llava``: the form in which LLaVA-NeXT takes a video (docs/checkpoints.md)."""

from __future__ import annotations

import pytest
from PIL import Image

pytestmark = pytest.mark.lmms_eval


def test_all_frames_of_a_video_are_one_tensor_and_one_image_stays_as_it_is(monkeypatch):
    torch = pytest.importorskip("torch")
    from lmms_eval.models.simple import llava_onevision

    from instit_bench.integrations.lmms_eval.llava import InstItLlava

    class Processor:
        def preprocess(self, images, return_tensors):
            assert return_tensors == "pt"
            return {"pixel_values": torch.zeros(len(images), 3, 4, 4)}

    # The package llava is not on PyPI: its function and the loading of weights are left out.
    monkeypatch.setattr(
        llava_onevision, "process_images", lambda images, *_: "theirs", raising=False
    )
    monkeypatch.setattr(llava_onevision.Llava_OneVision, "__init__", lambda self, **_: None)
    InstItLlava(pretrained="weights")
    image = Image.new("RGB", (8, 6))
    assert llava_onevision.process_images([image], Processor(), None) == "theirs"
    (video,) = llava_onevision.process_images([image] * 12, Processor(), None)
    assert video.shape == (12, 3, 4, 4)


def test_lmms_eval_finds_it_by_name():
    from instit_bench.integrations.lmms_eval.registration import inst_it_llava

    manifest = inst_it_llava()
    assert manifest.model_id == "inst_it_llava"
    module, _, name = manifest.simple_class_path.rpartition(".")
    assert (module, name) == ("instit_bench.integrations.lmms_eval.llava", "InstItLlava")
