"""``instit-bench leaderboard``: one row per model, with marks on doubtful cells."""

from __future__ import annotations

import csv
import io
import os
import pty
import re
import subprocess
import sys
from collections import Counter

import pandas as pd
import pytest

from instit_bench.leaderboard.rows import Cell, Column, Row
from instit_bench.leaderboard.table import csv_text
from tests.command_line import cli_environment, cli_in

COLUMNS = [
    "model",
    "source",
    "inst_it_image_oe",
    "inst_it_image_mc",
    "inst_it_video_oe",
    "inst_it_video_mc",
    "gpt4tools_seen_sr",
    "gpt4tools_unseen_sr",
]
BASELINE = ["run", "--backend", "baseline", "--data", "demo"]


def test_runs_beside_published_rows_in_the_csv(cli, tmp_path):
    cli(*BASELINE, "--model", "echo-gold", "--name", "gold")
    done = cli("leaderboard", "results/gold", "--published", "--csv", "board.csv")
    assert done.returncode == 0, done.stderr
    board = pd.read_csv(tmp_path / "board.csv")
    assert list(board.columns[:8]) == COLUMNS
    assert list(board.columns[8:13]) == [
        "inst_it_image_oe_n",
        "inst_it_image_oe_coverage",
        "inst_it_image_oe_ci95_low",
        "inst_it_image_oe_ci95_high",
        "inst_it_image_oe_marks",
    ]
    row = board.set_index("model").loc["echo-gold"]
    assert row["gpt4tools_seen_sr"] == pytest.approx(100 * 22 / 24, abs=10)
    assert row["inst_it_image_mc_n"] == 16
    assert row["inst_it_image_mc_marks"] == "gold demo own-prompts"
    assert row["inst_it_image_oe_marks"] == "gold demo own-prompts coverage"
    assert pd.isna(row["inst_it_image_oe"])
    published = board.set_index("model").loc["GPT-4o"]
    assert (published["inst_it_image_mc"], published["inst_it_video_oe"]) == (84.8, 65.5)
    assert published["source"]


@pytest.mark.parametrize(
    "command", [["leaderboard", "--csv", "out"], ["report", "--output", "out"]]
)
def test_folders_without_runs_are_skipped(cli, tmp_path, command):
    cli(*BASELINE, "--model", "first", "--tasks", "inst_it_image_mc", "--name", "r")
    (tmp_path / "results/baselines").mkdir()
    (tmp_path / "results/board.csv").touch()
    done = cli(*command, "results/baselines", "results/board.csv", "results/r")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[:2] == [
        "skipped: results/baselines is not a run: it has no manifest.json",
        "skipped: results/board.csv is not a run: it has no manifest.json",
    ]
    assert "first" in (tmp_path / "out").read_text()


@pytest.mark.parametrize("command", ["leaderboard", "report"])
def test_a_missing_folder_and_folders_without_any_run_are_errors(cli, tmp_path, command):
    cli(*BASELINE, "--model", "first", "--tasks", "inst_it_image_mc", "--name", "r")
    (tmp_path / "results/baselines").mkdir()
    for paths in (["results/r", "results/mistyped"], ["results/baselines", "results/baselines"]):
        done = cli(command, *paths)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """A folder with runs of three models, one of them among the runs of a suite."""
    folder = tmp_path_factory.mktemp("several")
    cli = cli_in(folder)
    for model, *options in (
        ("first", "--tasks", "inst_it_*_mc"),
        ("echo-gold", "--tasks", "inst_it_*_mc", "--output", "results/suite"),
        ("random", "--tasks", "inst_it_image_mc,gpt4tools_seen"),
    ):
        done = cli(*BASELINE, "--model", model, "--name", model, *options)
        assert done.returncode == 0, done.stderr
    (folder / "results/baselines").mkdir()
    return cli


@pytest.mark.parametrize("paths", [[], ["results"], ["results/*"], ["results/f*", "results/[rs]*"]])
def test_folders_of_runs_and_patterns_stand_for_the_runs_in_them(several, paths):
    done = several("leaderboard", *paths, "--sort", "model")
    assert done.returncode == 0, done.stderr
    assert models_of(done) == ["echo-gold", "first", "random"]


def models_of(done):
    return re.findall(r"^ (\S+) +results/", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("options", "models"),
    [
        (["--sort", "inst_it_image_mc"], ["echo-gold", "first", "random"]),
        (["--sort", "Image MC"], ["echo-gold", "first", "random"]),
        (["--sort", "gpt4tools_seen"], ["random", "first", "echo-gold"]),
        (["--sort", "mean", "--tasks", "inst_it_*_mc"], ["echo-gold", "first", "random"]),
        (["--tasks", "gpt4tools_seen"], ["random"]),
        (["--tasks", "gpt4tools"], ["random"]),  # a group, of which there is one task
    ],
    ids=str,
)
def test_rows_are_sorted_and_columns_chosen(several, options, models):
    assert models_of(several("leaderboard", *options)) == models


def test_the_mean_is_that_of_all_official_columns_shown(several):
    both = several("leaderboard", "--tasks", "inst_it_*_mc", "--markdown", "b.md", "--sort", "mean")
    header, gold, *_ = (
        line.split() for line in both.stdout.splitlines() if "inst_it" in line or "gold" in line
    )
    assert (header[-1], gold[-1]) == ("mean", "100.0")
    assert not re.search(r"random .* \d+\.\d$", both.stdout.rstrip(), re.MULTILINE)
    assert "mean" not in several("leaderboard", "--tasks", "inst_it_image_mc").stdout


def test_published_rows_join_all_own_runs(several):
    done = several("leaderboard", "--published")
    assert "GPT-4o" in done.stdout
    assert set(models_of(done)) == {"first", "echo-gold", "random"}


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--sort", "imge"], "--sort imge: there is no such column; there are inst_it_image_mc"),
        (["--tasks", "gpt4tools_*,no*"], "--tasks no*: no run has such a task; there are gpt4"),
    ],
    ids=str,
)
def test_what_no_run_has_is_refused_with_what_there_is(several, option, said):
    done = several("leaderboard", *option)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_more_tasks_than_fit_are_spread_over_several_tables():
    from io import StringIO

    from rich.console import Console

    from instit_bench.leaderboard.show import board

    names = [f"own_task_with_a_long_name_{number}" for number in range(9)]
    columns = {name: Column(name, "a", "Other tasks", name, "") for name in names}
    row = Row(
        "organisation/model",
        "results/m",
        {n: Cell(10.0 + i) for i, n in enumerate(names)},
        own=columns,
    )
    console = Console(file=StringIO(), width=60)
    console.print(board([row], 60))
    shown = console.file.getvalue()
    assert max(map(len, shown.splitlines())) <= 60
    assert re.findall(r"\b1\d\.0\b", shown)[:9] == [f"{10 + i}.0" for i in range(9)]
    assert "…" not in shown


def test_columns_of_a_kind_follow_the_leaderboard_s_order_of_tasks():
    from instit_bench.leaderboard.rows import COLUMNS, columns_of

    tasks = ["own_b", *reversed(dict.fromkeys(c.task for c in COLUMNS.values())), "own_a"]
    own = {
        f"{task}_corrected": Column(task, "m", "Corrected by human scores (not official)", task, "")
        for task in tasks
    }
    row = Row("m", "results/m", {name: Cell(1.0) for name in own}, own=own)
    expected = [*reversed(tasks[1:-1]), "own_b", "own_a"]
    assert [column.task for column in columns_of([row]).values()] == expected


def test_published_rows_have_details_and_sources(shared_data):
    from instit_bench.leaderboard.rows import published_rows

    rows = {row.model: row for row in published_rows()}
    facts = pd.read_csv(shared_data / "published/inst_it_bench.csv", dtype=str)
    assert len(rows) == len(facts) + len(pd.read_csv(shared_data / "published/gpt4tools.csv"))
    for fact in facts.to_dict("records"):
        row = rows.get(fact["model"]) or rows[f"{fact['model']} ({fact['llm']})"]
        assert row.source
        for column in ("image_oe", "image_mc", "video_oe", "video_mc"):
            cell = row.cells.get(f"inst_it_{column}")
            assert (str(cell.value) if cell else "-") == fact[column]
    assert rows["Vicuna-13B + GPT4Tools"].cells["gpt4tools_unseen_sr"].value == 90.6


def test_full_precision_in_csv_one_decimal_on_screen(cli, tmp_path, shared_data):
    cli("score", shared_data / "inst_it/video_mc_inference.json", "--task", "inst_it_video_mc")
    done = cli("leaderboard", "results/video_mc_inference", "--csv", "b.csv")
    assert "42.9" in done.stdout
    assert "42.857142857142854" in (tmp_path / "b.csv").read_text()


def test_every_mark_in_the_table_is_explained(cli):
    cli(*BASELINE, "--model", "random", "--limit", 2, "--name", "r")
    done = cli("leaderboard")
    cells = re.findall(r"\b\d+\.\d ([A-Z]+)\b", done.stdout)
    assert "DLP" in cells
    for letter in "DLPC":
        assert re.search(rf"^{letter}: \w+", done.stdout, re.MULTILINE)


def test_model_names_cannot_break_the_markdown_table(cli, tmp_path):
    cli(
        *("run", "--backend", "baseline", "--data", "demo", "--tasks", "gpt4tools_seen"),
        *("--model", "text:a|b<script>\\n[x](y)", "--name", "odd"),
    )
    assert cli("leaderboard", "results/odd", "--markdown", "b.md").returncode == 0
    lines = (tmp_path / "b.md").read_text().splitlines()
    assert lines[2].startswith("| text:a\\|b\\<script\\>")
    assert lines[0] == "| model | source | gpt4tools_seen_sr |"
    assert len(re.findall(r"(?<!\\)\|", lines[2])) == 4


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (' "=1+1', "' \"=1+1"),
        ("＝1+1", "'＝1+1"),
        ("a;=1+1", "a;'=1+1"),
        ("a\n=1+1", "a\n'=1+1"),
        ("a\x1b[31mb\x9b", "a?[31mb?"),
        ("text:a=b-c@d+e, =f", "text:a=b-c@d+e, =f"),
        ("Vicuna-13B + GPT4Tools; x", "Vicuna-13B + GPT4Tools; x"),
    ],
)
def test_csv_cells_are_never_formulas(name, written):
    text = csv_text([Row(name, name, {"gpt4tools_seen_sr": Cell(50.0)})])
    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert (row["model"], row["source"]) == (written, written)
    assert row["gpt4tools_seen_sr"] == "50.0"


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_nothing_is_cut_off_at_any_terminal_width(cli, tmp_path, width):
    cli(*BASELINE, "--model", "random", "--limit", 2, "--name", "r")
    arguments = ("leaderboard", "results/r", "--published", "--csv", "b.csv")
    shown = in_terminal(tmp_path, width, *arguments)
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= width
    numbers = pd.read_csv(tmp_path / "b.csv")[COLUMNS[2:]].stack().dropna()
    assert len(numbers) > 60
    assert Counter(re.findall(r"\b\d+\.\d\b", shown)) >= Counter(map("{:.1f}".format, numbers))
    assert "DLPC" in shown


def in_terminal(folder, width, *arguments):
    """Return the output of a command on a terminal of ``width`` characters."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "instit_bench", *arguments]
    # On a dumb terminal, rich uses the width only if it also knows the height.
    environment = cli_environment(COLUMNS=str(width), LINES="40", TERM="dumb")
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=theirs)
    os.close(theirs)
    parts = []
    while True:
        try:
            parts.append(os.read(ours, 65536))
        except OSError:  # the process has closed its end of the pipe
            break
        if not parts[-1]:
            break
    os.close(ours)
    assert process.wait() == 0
    return b"".join(parts).decode().replace("\r\n", "\n")


def test_a_run_in_a_folder_with_a_non_unicode_name_has_a_row(cli, tmp_path):
    cli(*BASELINE, "--model", "first", "--tasks", "gpt4tools_seen", "--name", "r")
    odd = os.fsdecode(b"r-\xff")
    (tmp_path / "results/r").rename(tmp_path / odd)
    done = cli("leaderboard", odd, "--csv", "b.csv", "--html", "b.html", "--markdown", "b.md")
    assert done.returncode == 0, done.stderr
    for name in ("b.csv", "b.html", "b.md"):
        assert "r-\ufffd" in (tmp_path / name).read_text()


def test_a_killed_run_has_a_row(cli, tmp_path):
    cli(*BASELINE, "--model", "first", "--tasks", "gpt4tools_seen", "--name", "r")
    run = tmp_path / "results/r"
    (run / "results.json").unlink()
    journal = run / "samples/gpt4tools_seen.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:10]) + '{"id"')
    done = cli("leaderboard", "results/r", "--csv", "b.csv")
    assert done.returncode == 0, done.stderr
    row = pd.read_csv(tmp_path / "b.csv").iloc[0]
    assert row["gpt4tools_seen_sr_n"] == 10
    assert row["gpt4tools_seen_sr_coverage"] == pytest.approx(10 / 24)
    assert "coverage" in row["gpt4tools_seen_sr_marks"]


def test_the_committed_leaderboard_is_up_to_date(cli, tmp_path):
    from tests.command_line import REPOSITORY

    assert cli("leaderboard", "--published", "--csv", "b.csv").returncode == 0
    committed = (REPOSITORY / "results/leaderboard.csv").read_text()
    assert (tmp_path / "b.csv").read_text() == committed
