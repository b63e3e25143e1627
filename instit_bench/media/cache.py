"""A bounded store of what was made of files: made once, also where many threads ask at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class FileCache(Generic[K, V]):
    """The newest values, as long as they fit into ``most_bytes``; a lock for each key.

    Work on one key holds up only those who ask for the same. ``size`` says how many bytes a value
    takes; failures are not kept.
    """

    def __init__(self, size: Callable[[V], int], most_bytes: int, at_once: int) -> None:
        self._size = size
        self._most_bytes = most_bytes
        self._working = threading.BoundedSemaphore(at_once)
        self._guard = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()
        self._bytes = 0
        self._locks: dict[K, tuple[threading.Lock, int]] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key, made by the first who asks."""
        found = self._known(key)
        if found is not None:
            return found
        lock = self._enter(key)
        try:
            with lock:
                found = self._known(key)
                if found is not None:
                    return found
                with self._working:
                    value = make()
                self._keep(key, value)
                return value
        finally:
            self._leave(key)

    def _known(self, key: K) -> V | None:
        with self._guard:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def _keep(self, key: K, value: V) -> None:
        with self._guard:
            self._values[key] = value
            self._bytes += self._size(value)
            while self._bytes > self._most_bytes:
                _, dropped = self._values.popitem(last=False)
                self._bytes -= self._size(dropped)

    def _enter(self, key: K) -> threading.Lock:
        with self._guard:
            lock, waiting = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, waiting + 1)
            return lock

    def _leave(self, key: K) -> None:
        with self._guard:
            lock, waiting = self._locks[key]
            if waiting == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, waiting - 1)
