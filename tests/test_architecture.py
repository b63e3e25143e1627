"""The rooms of the package and which may import which (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from instit_bench.scorers.registry import SCORERS

PACKAGE = Path(__file__).resolve().parents[1] / "instit_bench"
LEAVES = {
    *("types", "errors", "plugins", "resources", "endpoint", "display", "progress", "validation"),
    *("stopping", "textfile"),
    "_version",
}
STORED = {"scorers", "datasets", "media", "stats", "tasks", "runs"}
# Bottom to top: a room may import the leaves, itself and these.
MAY_IMPORT: Mapping[str, set[str]] = {
    "stats": set(),
    "scorers": {"stats"},
    "datasets": set(),
    "media": set(),
    "backends": {"media"},
    "cluster": {"backends", "datasets", "media"},
    "scheduling": {"backends", "cluster", "datasets"},
    "tasks": {"datasets", "media", "scorers"},
    "interventions": {"datasets", "media", "scorers", "tasks"},
    "runs": {"scorers", "stats"},
    "formats": STORED - {"media", "stats"},
    "judging": STORED - {"media"} | {"backends", "cluster", "scheduling"},
    "evaluation": STORED
    | {"backends", "cluster", "formats", "interventions", "judging", "scheduling"},
    "comparison": {"scorers", "stats", "runs"},
    "leaderboard": {"scorers", "runs"},
    "report": STORED | {"comparison", "leaderboard"},
    "generation": {"scorers", "datasets", "backends", "cluster", "judging", "runs"}
    | {"evaluation", "report", "scheduling"},
    "suites": STORED | {"backends", "evaluation", "comparison", "leaderboard"},
    "audit": STORED
    | {"evaluation", "interventions", "comparison", "leaderboard", "report", "suites"},
    "view": {"runs", "leaderboard", "report"},
    "integrations": STORED | {"backends", "formats", "judging", "evaluation", "scheduling"},
}


Graph = Mapping[str, set[str]]


def modules_of(package: Path) -> dict[str, Path]:
    """Return every module of a package by its dotted name; ``__init__`` has the package's name."""
    return {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in package.rglob("*.py")
    }


def import_graph(package: Path) -> Graph:
    """Return the modules of the package that each module imports, including lazy imports."""
    modules = modules_of(package)
    return {
        name: set(_imported(ast.parse(path.read_text(encoding="utf-8")), modules)) - {name}
        for name, path in modules.items()
    }


def _imported(tree: ast.Module, modules: Mapping[str, Path]) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            # A name that is not a module is defined in the package's __init__.
            yield from (name if name in modules else node.module for name in names)


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def wall_breaches(graph: Graph) -> list[str]:
    """Return imports that point up, or sideways between rooms that may not import each other."""
    breaches = []
    for module, targets in graph.items():
        room = room_of(module)
        if room in LEAVES:
            allowed = LEAVES
        elif room in MAY_IMPORT:
            allowed = MAY_IMPORT[room] | LEAVES | {room}
        else:  # cli, api and the package itself may import everything
            continue
        breaches += [
            f"{module} -> {target}" for target in targets if room_of(target) not in allowed
        ]
    return breaches


def cycles(graph: Graph) -> list[str]:
    """Return one path for each cycle found by a walk through the graph."""
    done: set[str] = set()
    found: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            found.append(" -> ".join((*trail[trail.index(name) :], name)))
        elif name not in done:
            for target in sorted(graph[name]):
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
    return found


def test_every_room_is_listed_here_and_in_the_docs():
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert rooms == MAY_IMPORT.keys() | {"api", "cli", "endpoint"}
    page = (PACKAGE.parent / "docs/architecture.md").read_text(encoding="utf-8")
    for room in rooms:
        assert f"`{room}/`" in page, room


def test_imports_only_point_down():
    assert wall_breaches(import_graph(PACKAGE)) == []


def test_there_is_no_import_cycle_even_through_lazy_imports_or_an_init():
    assert cycles(import_graph(PACKAGE)) == []


@pytest.mark.parametrize(
    ("file", "line", "finds", "said"),
    [
        (
            "runs/record.py",
            "from instit_bench.evaluation.plan import make_plan",
            wall_breaches,
            "instit_bench.runs.record -> instit_bench.evaluation.plan",
        ),
        (
            "types.py",
            "from instit_bench.stats import paired",
            wall_breaches,
            "instit_bench.types -> instit_bench.stats.paired",
        ),
        (
            "runs/journal.py",
            "def _lazy():\n    from instit_bench.runs.loaded import Run",
            cycles,
            "instit_bench.runs.journal -> ",
        ),
        (
            "runs/manifest.py",
            "import instit_bench",
            cycles,
            "instit_bench.runs.manifest -> instit_bench",
        ),
        (
            "backends/vllm/server.py",
            "from instit_bench.backends import create_backend",
            cycles,
            "instit_bench.backends",
        ),
    ],
    ids=["upward import", "a leaf's import", "lazy cycle", "the package itself", "__init__ edge"],
)
def test_a_planted_violation_is_found(tmp_path, file, line, finds, said):
    package = shutil.copytree(
        PACKAGE, tmp_path / "instit_bench", ignore=shutil.ignore_patterns("demo", "templates")
    )
    planted = package / file
    planted.write_text(f"{planted.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    assert any(said in found for found in finds(import_graph(package)))


# Names of scorers in other senses: the engine's own key for restricted replies.
_OTHER_SENSES = {
    ("backends/vllm/backend.py", '{"structured_outputs": {"choice": '),
    ("judging/vllm_judge.py", '{"structured_outputs": {"choice": '),
}


def named_scorers(package: Path) -> list[str]:
    """Return lines with a quoted scorer name outside the rooms that may use one."""
    name = re.compile(rf"""(["'`])({"|".join(SCORERS.built_in)})\1""")
    files = [path for path in package.rglob("*") if path.suffix in {".py", ".js", ".j2", ".css"}]
    found = []
    for path in sorted(files):
        place = path.relative_to(package).as_posix()
        if place.startswith(("scorers/", "tasks/")):
            continue
        found += [
            f"{place}: {line.strip()}"
            for line in path.read_text(encoding="utf-8").splitlines()
            if name.search(line)
            and not any(place == file and words in line for file, words in _OTHER_SENSES)
        ]
    return found


def test_no_other_room_uses_a_scorer_by_name():
    assert named_scorers(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("runs/marks.py", 'constrained = task.scorer == "choice"'),
        ("report/templates/report.js", "if (scorer === 'tool_call') show();"),
    ],
)
def test_a_planted_scorer_name_is_found(tmp_path, file, line):
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(f"{line}\n", encoding="utf-8")
    assert named_scorers(tmp_path) == [f"{file}: {line}"]


HEAVY = {"pandas", "numpy", "scipy", "openai", "aiohttp", "torch"}


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], {"pandas", "numpy", "scipy", "openai", "pydantic", "PIL", "torch", "pyarrow"}),
        (["score", "--help"], HEAVY | {"PIL"}),
        (["tasks", "list"], HEAVY | {"pyarrow", "huggingface_hub"}),
        (
            ["run", "--backend", "baseline", "--model", "first", "--data", "demo", "--limit", "1"],
            HEAVY - {"openai"},
        ),
    ],
)
def test_commands_load_only_what_they_need(arguments, heavy, tmp_path):
    program = (
        "import sys; sys.argv[1:] = " + repr(arguments) + "\n"
        "from instit_bench.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print('LOADED', *sys.modules)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.rsplit("LOADED", 1)[1].split()
    assert not heavy & set(loaded)


def test_modules_are_short():
    sizes = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {path: size for path, size in sizes.items() if size > 400} == {}
