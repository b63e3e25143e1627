"""COCO's run lengths: equal to pycocotools for what is valid, an error for what is not."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco

from instit_bench.media import MediaError
from instit_bench.media.masks import decode
from instit_bench.types import Mask

SHAPES = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(SHAPES)
def test_text_decodes_as_by_pycocotools(shape):
    encoded = coco.encode(np.asfortranarray(shape, dtype=np.uint8))
    found = decode(Mask(*encoded["size"], encoded["counts"].decode()), "m")
    assert np.array_equal(found, shape)


def test_run_lengths_themselves_go_down_the_columns():
    found = decode(Mask(2, 3, (1, 2, 3)), "m")
    assert found.tolist() == [[False, True, False], [True, False, False]]


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12))
def test_any_other_text_is_an_error_and_never_another_shape(text):
    with suppress(MediaError):
        found = decode(Mask(5, 7, text), "m")
        assert coco.decode({"size": [5, 7], "counts": text.encode()}).tolist() == found.tolist()


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        ("", "cover 0 pixels, not the 35"),
        ((30,), "cover 30 pixels, not the 35"),
        ((20, 20), "cover 40 pixels, not the 35"),
        ("0O", "negative"),
        ("0P", "cut off"),
        ("ooooooooooooo0", "too long"),
        ("0é", "character 'é'"),
    ],
)
def test_what_is_wrong_is_said(counts, problem):
    with pytest.raises(MediaError, match=problem):
        decode(Mask(5, 7, counts), "file: frame 1: mark 2")


def test_a_mask_larger_than_any_image_is_refused_before_it_is_decoded():
    with pytest.raises(MediaError, match="mark 2: is 30000 x 30000 pixels"):
        decode(Mask(30_000, 30_000, (900_000_000,)), "mark 2")
