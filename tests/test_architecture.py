"""The rooms of the package and who may import whom (docs/architecture.md)."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "instit_bench"
LEAVES = {"types", "errors", "resources", "endpoint", "display"}
MAY_IMPORT = {
    "endpoint": LEAVES,
    "tasks": LEAVES,
    "datasets": LEAVES,
    "media": LEAVES,
    "backends": LEAVES | {"media"},
    "scorers": LEAVES,
    "judges": LEAVES | {"scorers", "backends"},
    "stats": LEAVES,
    "runs": LEAVES | {"tasks", "datasets", "media", "backends", "scorers", "judges", "stats"},
    "lmms": LEAVES | {"runs", "tasks", "datasets", "media", "backends", "scorers", "judges"},
    "leaderboard": LEAVES | {"runs"},
    "exports": LEAVES | {"tasks", "datasets", "runs"},
    "comparison": LEAVES | {"runs", "stats"},
    "report": LEAVES | {"runs", "stats", "media", "datasets", "leaderboard", "comparison"},
}


def imports_of(path: Path) -> set[str]:
    """Every module of ours that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("instit_bench.")}


def module_name(path: Path) -> str:
    relative = path.relative_to(PACKAGE.parent).with_suffix("")
    return ".".join(relative.parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def test_every_room_is_known_here_and_in_the_page():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms == MAY_IMPORT.keys() | {"cli"}
    page = (PACKAGE.parent / "docs/architecture.md").read_text(encoding="utf-8")
    for room in rooms:
        assert f"\n| `{room}/` |" in page


def test_leaves_import_only_each_other():
    for leaf in LEAVES - MAY_IMPORT.keys():
        names = {name.split(".")[1] for name in imports_of(PACKAGE / f"{leaf}.py")}
        assert names <= LEAVES, leaf


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_the_rooms_before_it(room):
    for path in (PACKAGE / room).rglob("*.py"):
        rooms = {name.split(".")[1] for name in imports_of(path)}
        assert rooms <= MAY_IMPORT[room] | {room}, path


def test_there_is_no_import_cycle_not_even_a_lazy_one():
    graph = {name: imports_of(path) & MODULES.keys() for name, path in MODULES.items()}
    # A package's __init__ re-exports its modules; that edge is not a cycle.
    for name, path in MODULES.items():
        if path.name == "__init__.py":
            graph[name] = set()
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for target in graph[name]:
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], {"pandas", "numpy", "scipy", "openai", "pydantic", "PIL", "torch", "pyarrow"}),
        (["score", "--help"], {"pandas", "numpy", "scipy", "openai", "PIL", "torch"}),
        (["tasks", "list"], {"pandas", "openai", "torch", "pyarrow", "huggingface_hub"}),
    ],
)
def test_commands_load_only_what_they_need(arguments, heavy):
    program = (
        "import sys; sys.argv[1:] = " + repr(arguments) + "\n"
        "from instit_bench.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('LOADED', *sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.rsplit("LOADED", 1)[1].split()
    assert not heavy & set(loaded)


def test_modules_can_be_read_in_one_sitting():
    sizes = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: size for name, size in sizes.items() if size > 400} == {}
