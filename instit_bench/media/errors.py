"""The one way in which media fail: the sample's error, not the run's."""


class MediaError(Exception):
    """A missing or broken picture or video; the message names the path and the reason."""
