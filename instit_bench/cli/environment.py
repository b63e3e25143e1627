"""Options from ``INSTIT_BENCH_*`` variables, and from ``.env`` in the working directory.

A variable is as if its option had been typed in front of the others, so it is checked in the same
way; an option on the command line takes precedence over it, and it over a file of settings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instit_bench.errors import InputError
from instit_bench.textfile import decoded

PREFIX = "INSTIT_BENCH_"
# Variables that are no option of a command.
_OTHERS = frozenset({"HOME", "DEBUG", "JUDGE", "MAX_FRAMES", "DATA"})
_LARGEST = 2**16
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)
# A file with other programs' variables is common: only these are read from it.
_TAKEN = re.compile(rf"{PREFIX}\w+|\w+_(API_KEY|TOKEN)|OPENAI_BASE_URL")
_RUNS_CODE = f"{PREFIX}INCLUDE_PATH"
_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"0", "false", "no", "off"})


@dataclass
class Taken:
    """What this process took: names from ``.env``, and the variables that stand for options."""

    from_file: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    def explained(self, message: str) -> str:
        """Return a message about an option with the variable that set it."""
        for option, variable in self.variables.items():
            if re.search(rf"{re.escape(option)}\b(?!-)", message):
                return f"{message} ({option} is set by {variable})"
        return message


taken = Taken()


def load_env_file(path: Path) -> None:
    """Take the variables of ``.env`` that the environment does not set; values are never shown.

    Raises:
        InputError: It cannot be read, or a line is not ``NAME=value``; the message names the line.
    """
    taken.from_file, taken.variables = [], {}
    if not path.is_file():
        return
    for name, value in _read(path):
        if name == _RUNS_CODE:
            raise InputError(
                f"{path}: {name} runs code of that folder: set it in the environment, or use "
                "--include-path"
            )
        if name not in os.environ:
            os.environ[name] = value
            taken.from_file.append(name)


def _read(path: Path) -> Iterator[tuple[str, str]]:
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(f"{path}: is larger than {_LARGEST // 1024} KiB")
        lines = decoded(path.read_bytes(), path).splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        found = _LINE.fullmatch(text)
        if found is None:
            raise InputError(f"{path}: line {number}: must be NAME=value")
        if _TAKEN.fullmatch(found[1]):
            yield found[1], _value(found[2])


def _value(text: str) -> str:
    """Return a value without its quotes, or without a comment after it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return re.split(r"\s+#", text, maxsplit=1)[0].strip()


def variable_of(option: Any, ctx: Any) -> str:
    """Return the variable that stands for an option of the command in ``ctx``.

    It carries the command's name, unless the option means the same in several commands.
    """
    if option.envvar:
        return str(option.envvar)
    return f"{PREFIX}{'_'.join([*_words(ctx), option.name])}".upper().replace("-", "_")


def _words(ctx: Any) -> list[str]:
    """Return the names of a command and its groups, without the program's."""
    return [*_words(ctx.parent), ctx.info_name] if ctx.parent else []


def as_arguments(options: Iterable[Any], given: Collection[Any], ctx: Any) -> list[str]:
    """Return what the environment adds to a command line on which the ``given`` options stand.

    Raises:
        InputError: A switch's variable is neither true nor false.
    """
    arguments: list[str] = []
    for option in options:
        if option.param_type_name != "option" or option.is_eager or option in given:
            continue
        variable = variable_of(option, ctx)
        value = os.environ.get(variable, "")
        if not value:
            continue
        name = max(option.opts, key=len)
        taken.variables[name] = variable
        if option.is_flag:
            arguments += [name] * _is_on(variable, value)
        else:
            values = value.splitlines() if option.multiple else [value]
            arguments += [f"{name}={one}" for one in values if one.strip()]
    return arguments


def _is_on(variable: str, value: str) -> bool:
    said = value.strip().lower()
    if said not in _YES | _NO:
        raise InputError(f"{variable}: must be true or false")
    return said in _YES


def unknown_variables(program: Callable[[], Any]) -> Iterator[str]:
    """Yield a line for each ``INSTIT_BENCH_*`` variable that no command of the program knows."""
    others = {PREFIX + name for name in _OTHERS}
    found = [name for name in os.environ if name.startswith(PREFIX) and name not in others]
    if not found:
        return
    from instit_bench.validation import did_you_mean

    root = program()
    known = set(_known(root, root.context_class(root, info_name="instit-bench"))) | others
    for name in sorted(set(found) - known):
        yield f"warning: {name}: no option has this variable{did_you_mean(name, known)}"


def _known(command: Any, ctx: Any) -> Iterator[str]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from _known(inner, inner.context_class(inner, info_name=name, parent=ctx))
    for option in command.get_params(ctx):
        if option.param_type_name == "option" and not option.is_eager:
            yield variable_of(option, ctx)
