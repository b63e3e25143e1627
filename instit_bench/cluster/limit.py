"""How many requests an engine gets at once, by its own queue."""

from __future__ import annotations

_FIRST = 16
_GROWTH = 1.25


class QueueLimit:
    """A fixed limit, or with ``adaptive`` one that follows the engine's queue, up to ``most``.

    While nothing waits there and all that is allowed is in flight, it grows; what waits in the
    engine's queue would be better off with another replica, so the limit falls by as many.
    """

    def __init__(self, most: int, *, adaptive: bool = False) -> None:
        self.at_once = min(_FIRST, most) if adaptive else most
        self._most = most
        self._adaptive = adaptive

    def see(self, waiting: int | None, in_flight: int) -> None:
        """Take note of the engine's queue; ``None``: it is not known."""
        if not self._adaptive or waiting is None:
            return
        if waiting > 0:
            self.at_once = max(1, min(self.at_once, in_flight) - waiting)
        elif in_flight >= self.at_once:
            self.at_once = min(self._most, int(self.at_once * _GROWTH) + 1)
