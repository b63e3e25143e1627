"""The one exception for media: it fails the sample, not the run."""


class MediaError(Exception):
    """A missing or broken image or video; the message names the path and the reason."""
