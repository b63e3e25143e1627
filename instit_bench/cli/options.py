"""How commands take options, and the options that are made from a settings model's fields."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from functools import cache
from importlib import import_module
from inspect import Parameter, Signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

from instit_bench.cli.complete import OF_FIELDS, task_names
from instit_bench.cli.console import configure, note
from instit_bench.cli.environment import PREFIX, as_arguments, taken
from instit_bench.errors import InputError

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

READER_GONE = 141
"""The exit code of a process that SIGPIPE ends."""

NoLock = Annotated[
    bool,
    typer.Option(
        "--no-lock",
        help="Do not lock the run (for file systems without locks); "
        "never start two processes on one run.",
        envvar="INSTIT_BENCH_NO_LOCK",
        show_envvar=False,
    ),
]
OnlyTasks = Annotated[
    list[str] | None,
    typer.Option(
        help="Only these tasks, comma-separated, such as 'inst_it_*'; repeatable.",
        autocompletion=task_names,
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(metavar="<path>", help="YAML file of settings; options override it."),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only print tasks, requests, tokens, judge calls, cost and free disk space.",
    ),
]
IncludePath = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="<path>",
        help="Folder with additional task plugins; repeatable.",
        envvar="INSTIT_BENCH_INCLUDE_PATH",
        show_envvar=False,
    ),
]


class Command(TyperCommand):
    """A command that takes a single-valued option once, and shows its options in panels.

    Each of its options can be set in the environment too.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, with those that every command has."""
        return [*super().get_params(ctx), *_common_options()]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse an option that would silently override an earlier one.

        Raises:
            InputError: An option that takes one value is given twice, or a variable is not valid.
        """
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for option, times in Counter(order).items():
            several = option.multiple or option.nargs == -1 or getattr(option, "is_flag", False)
            if times > 1 and not several:
                raise InputError(f"{option.opts[0]}: given {times} times, but takes one value")
        added = as_arguments(self.get_params(ctx), order, ctx)
        rest = super().parse_args(ctx, [*added, *args])
        _tell_as_asked(**{option.name: ctx.params.pop(option.name) for option in _common_options()})
        return rest

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, options, and then each further panel."""
        panels: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                kind = f"{parameter.param_type_name.title()}s"
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or kind, []).append(
                    record
                )
        for title, records in panels.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class Group(TyperGroup):
    """A group that shows its help, as an error, where no command is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help if there is nothing to parse."""
        if not args:
            sys.stderr.write(f"{ctx.get_help()}\n")
            raise typer.Exit(2)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; end as SIGPIPE would where the reader of our output has gone.

        Typer makes exit code 1 of it, which would say that the run failed.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise typer.Exit(READER_GONE) from None


class _Commands(MutableMapping[str, Any]):
    """A group's commands, each built when it is asked for: that takes longer than reading data."""

    def __init__(self, infos: Sequence[CommandInfo], built: Mapping[str, Any]) -> None:
        self._infos = {info.name: info for info in infos if info.name}
        self._built = dict(built)

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = get_command_from_info(
                self._infos[name], pretty_exceptions_short=False, rich_markup_mode=None
            )
        return self._built[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        raise TypeError("a command cannot be taken away")

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos | self._built)

    def __len__(self) -> int:
        return len(self._infos | self._built)


class App(typer.Typer):
    """A Typer application whose group and commands are those above."""

    def __init__(self, cls: type[TyperGroup] = Group, **settings: Any) -> None:
        self._infos: list[CommandInfo] = []
        infos = self._infos

        class ThisGroup(cls):  # type: ignore[misc, valid-type]
            def __init__(self, *, commands: Mapping[str, Any], **settings: Any) -> None:
                super().__init__(**settings)
                self.commands = _Commands(infos, commands)

        super().__init__(cls=ThisGroup, **settings)

    def command(
        self, name: str | None = None, *, cls: type[TyperCommand] | None = Command, **settings: Any
    ) -> Callable[[Any], Any]:
        """Register a command under a name."""
        register = super().command(name, cls=cls, **settings)

        def registered(function: Any) -> Any:
            register(function)
            self._infos.append(self.registered_commands.pop())
            return function

        return registered


def settings_command(model: str, *names: str, own: bool = False) -> type[Command]:
    """A command with an option for each described field of ``model``, a ``module:Class``.

    With ``names``, only for those fields. With ``own``, fields that the class itself declares mean
    something else than an option of ``run``: their variables carry the command's name. The model
    is imported when the command is called, so that others start without pydantic. Values are
    passed on as they are typed, for the model to validate: ``ctx.obj`` holds those that were
    given, by field.
    """

    class SettingsCommand(Command):
        def get_params(self, ctx: Any) -> list[Any]:
            return [*_options(model, names, own), *super().get_params(ctx)]

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            rest = super().parse_args(ctx, args)
            options = _options(model, names, own)
            values = {option.name: ctx.params.pop(option.name) for option in options}
            ctx.obj = {
                k: value for k, value in values.items() if value not in (None, False, [], ())
            }
            return rest

    return SettingsCommand


@cache
def _options(model: str, names: tuple[str, ...], own: bool) -> list[Any]:
    """Typer's own options for the fields, in the order of their panels."""
    module, _, name = model.partition(":")
    settings = getattr(import_module(module), name)
    declared = vars(settings).get("__annotations__", {}) if own else ()
    found = [
        _parameter(name, field, panel, shared=name not in declared)
        for name, field, panel in _fields(settings)
        if field.description and (not names or name in names)
    ]

    def command() -> None: ...

    command.__annotations__ = {parameter.name: parameter.annotation for parameter in found}
    command.__signature__ = Signature(found)  # type: ignore[attr-defined]
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return list(typer.main.get_command(app).params)


@cache
def _common_options() -> list[Any]:
    """Typer's own options of every command: how much it tells."""

    def command(
        quiet: Annotated[
            bool, _common("--quiet", "Show only results, warnings and errors.")
        ] = False,
        verbose: Annotated[
            bool, _common("--verbose", "Also show why each failed request failed.")
        ] = False,
        log_file: Annotated[
            Path | None,
            _common("--log-file", "Append all messages, with the time of each.", "<path>"),
        ] = None,
        debug: Annotated[
            bool, _common("--debug", "Show the traceback behind an error, such as a plugin's.")
        ] = False,
    ) -> None: ...

    app = typer.Typer(add_completion=False)
    app.command()(command)
    return list(typer.main.get_command(app).params)


def _common(name: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(
        name,
        help=text,
        metavar=metavar,
        envvar=PREFIX + name.removeprefix("--").replace("-", "_").upper(),
        show_envvar=False,
        rich_help_panel="Messages",
    )


def _tell_as_asked(*, quiet: bool, verbose: bool, log_file: Path | None, debug: bool) -> None:
    if quiet and verbose:
        raise InputError("--quiet and --verbose cannot be combined")
    configure(quiet=quiet, verbose=verbose, log_file=log_file, debug=debug)
    if taken.from_file:
        note(f".env: {', '.join(taken.from_file)}")


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo, str | None]]:
    """A model's fields, each with the title of the class that declares it: its panel."""
    for declaring in model.__mro__:
        for name in vars(declaring).get("__annotations__", {}):
            if name in model.model_fields:
                title = declaring.model_config.get("title")  # type: ignore[attr-defined]
                yield name, model.model_fields[name], title


def _parameter(name: str, field: FieldInfo, panel: str | None, *, shared: bool) -> Parameter:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    is_flag = field.annotation is bool
    option: Any = typer.Option(
        "--" + name.replace("_", "-"),
        help=_help(field),
        metavar=None if is_flag else f"<{extra.get('metavar') or _metavar(field.annotation)}>",
        envvar=f"{PREFIX}{name.upper()}" if shared else None,
        show_envvar=False,
        autocompletion=OF_FIELDS.get(name),
        rich_help_panel=panel,
        show_default=False,
    )
    several = _is_list(field.annotation) or extra.get("repeatable")
    kind: Any = bool if is_flag else (list[str] if several else str) | None
    return Parameter(
        name,
        Parameter.KEYWORD_ONLY,
        default=False if is_flag else None,
        annotation=Annotated[kind, option],
    )


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


def _help(field: FieldInfo) -> str:
    default = field.default
    if isinstance(default, tuple):
        default = ",".join(map(str, default))
    if isinstance(default, bool) or not isinstance(default, int | float | str | Path):
        default = ""
    shown = f"{default:g}" if isinstance(default, float) else str(default)
    return f"{field.description}  [default: {shown}]" if shown else str(field.description)


def _metavar(annotation: Any) -> str:
    """What a value looks like: ``float|none`` for a number that may be left out."""
    arguments = [part for part in get_args(annotation) if part not in (type(None), ...)]
    if get_origin(annotation) is Literal:
        return "|".join(arguments)
    if get_origin(annotation) is Annotated:
        return _metavar(arguments[0])
    if get_origin(annotation) is dict:
        return "json"
    if arguments:  # a union, or a tuple's items
        return "|".join(map(_metavar, arguments))
    return str(annotation.__name__).lower()
