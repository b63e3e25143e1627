"""A bounded, thread-safe cache of values computed from files; each is computed only once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class FileCache(Generic[K, V]):
    """Keeps the newest values, up to a total size of ``most``; each key has its own lock.

    Work on one key only blocks threads that want the same key. ``size`` returns a value's size,
    such as its bytes; failures are not cached.
    """

    def __init__(self, size: Callable[[V], int], most: int, at_once: int) -> None:
        self._size = size
        self._most = most
        self._working = threading.BoundedSemaphore(at_once)
        self._guard = threading.Lock()
        self._values: OrderedDict[K, V] = OrderedDict()
        self._total = 0
        self._locks: dict[K, tuple[threading.Lock, int]] = {}

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of a key; the first caller computes it."""
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
                self.keep(key, value)
                return value
        finally:
            self._leave(key)

    def _known(self, key: K) -> V | None:
        with self._guard:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def keep(self, key: K, value: V) -> None:
        """Keep a value that was computed elsewhere."""
        with self._guard:
            if key in self._values:
                self._total -= self._size(self._values.pop(key))
            self._values[key] = value
            self._total += self._size(value)
            while self._total > self._most:
                _, dropped = self._values.popitem(last=False)
                self._total -= self._size(dropped)

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
