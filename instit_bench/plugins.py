"""Parts that go by a name: this package's own, and those that installed packages bring.

A package brings a part by an entry point; none of its code runs before the part is asked for. The
names of this package's own parts cannot be taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, Protocol, TypeVar

from instit_bench.errors import InputError


class Named(Protocol):
    """A part that knows its own name."""

    @property
    def name(self) -> str:
        """As users and files call it."""
        ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class Registry(Generic[T]):
    """The parts of one kind.

    ``group`` is the entry points' group, ``kind`` the class of the parts, ``word`` what messages
    call one of them; ``built_in`` makes this package's own, each when it is first needed.
    """

    group: str
    kind: type[T]
    word: str
    built_in: Mapping[str, Callable[[], T]]

    def names(self) -> list[str]:
        """Every name there is; this package's own come first."""
        installed = {entry.name for entry in entry_points(group=self.group)}
        return [*self.built_in, *sorted(installed - self.built_in.keys())]

    def __contains__(self, name: str) -> bool:
        """Whether there is a part of this name; none is loaded."""
        return name in self.built_in or bool(self._entries(name))

    def load(self, name: str) -> T:
        """The part of this name.

        Raises:
            InputError: There is none, two packages bring it, or the one that does is broken.
        """
        if name in self.built_in:
            return self.built_in[name]()
        entries = self._entries(name)
        if not entries:
            known = ", ".join(self.names())
            raise InputError(f"there is no {self.word} {name!r}; choose one of {known}")
        if len(entries) > 1:
            packages = " and ".join(_package(entry) for entry in entries)
            raise InputError(f"{self.word} {name!r}: both {packages} bring it; uninstall one")
        return self._loaded(entries[0])

    def _entries(self, name: str) -> list[EntryPoint]:
        # An editable installation may list the same entry point twice.
        found = entry_points(group=self.group, name=name)
        return list({entry.value: entry for entry in found}.values())

    def _loaded(self, entry: EntryPoint) -> T:
        where = f"{self.word} {entry.name!r} of {_package(entry)} ({entry.value})"
        try:
            part = entry.load()
        except Exception as error:
            raise InputError(
                f"{where}: cannot be loaded: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(part, self.kind):
            raise InputError(f"{where}: must be a {self.kind.__name__}, not {type(part).__name__}")
        if part.name != entry.name:
            raise InputError(f"{where}: calls itself {part.name!r}; the two names must be the same")
        return part


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown package"
