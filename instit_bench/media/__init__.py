"""Images, frame folders and video files: from the names in a request to bytes for a model."""

from instit_bench.media.images import EncodedImage, check_image, data_url, load_image
from instit_bench.media.resolve import MediaError, resolve_media, video_frames

__all__ = [
    "EncodedImage",
    "MediaError",
    "check_image",
    "data_url",
    "load_image",
    "resolve_media",
    "video_frames",
]
