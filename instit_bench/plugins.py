"""Registries of named parts: this package's own, and those of installed packages.

A package provides a part through an entry point; none of its code runs before the part is
needed. The names of built-in parts are reserved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, Protocol, TypeVar

from instit_bench.errors import PLUGIN_FAULTS, InputError


class Named(Protocol):
    """A part that knows its own name."""

    @property
    def name(self) -> str:
        """The name in files and on the command line."""
        ...


T = TypeVar("T", bound=Named)


@dataclass(frozen=True)
class Registry(Generic[T]):
    """The parts of one kind.

    ``group`` is the entry-point group, ``kind`` the class of the parts, ``word`` their name in
    messages; ``built_in`` creates this package's own parts, each on first use.
    """

    group: str
    kind: type[T]
    word: str
    built_in: Mapping[str, Callable[[], T]]

    def names(self) -> list[str]:
        """Return all names, built-in ones first."""
        installed = {entry.name for entry in entry_points(group=self.group)}
        return [*self.built_in, *sorted(installed - self.built_in.keys())]

    def __contains__(self, name: str) -> bool:
        """Whether a part with this name exists; nothing is loaded."""
        return name in self.built_in or bool(self._entries(name))

    def load(self, name: str) -> T:
        """Return the part with this name.

        Raises:
            InputError: It does not exist, two packages provide it, or it is faulty.
        """
        if name in self.built_in:
            return self.built_in[name]()
        entries = self._entries(name)
        if not entries:
            known = ", ".join(self.names())
            raise InputError(f"there is no {self.word} {name!r}; choose one of {known}")
        if len(entries) > 1:
            packages = " and ".join(_package(entry) for entry in entries)
            raise InputError(f"{self.word} {name!r}: provided by both {packages}; uninstall one")
        return self._loaded(entries[0])

    def _entries(self, name: str) -> list[EntryPoint]:
        # An editable installation may list the same entry point twice.
        found = entry_points(group=self.group, name=name)
        return list({entry.value: entry for entry in found}.values())

    def _loaded(self, entry: EntryPoint) -> T:
        where = f"{self.word} {entry.name!r} of {_package(entry)} ({entry.value})"
        try:
            part = entry.load()
        except PLUGIN_FAULTS as error:
            raise InputError(
                f"{where}: cannot be loaded: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(part, self.kind):
            raise InputError(f"{where}: must be a {self.kind.__name__}, not {type(part).__name__}")
        if part.name != entry.name:
            raise InputError(f"{where}: is named {part.name!r}; the two names must be the same")
        return part


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown package"
