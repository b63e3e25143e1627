"""``check`` and ``compare`` of several runs, by patterns and folders."""

from __future__ import annotations

import pytest

from tests.command_line import cli_in

RUN = ("run", "--backend", "baseline", "--data", "demo", "--tasks", "gpt4tools_seen")


@pytest.fixture(scope="module")
def cli(tmp_path_factory):
    """Three runs, of which one is far worse than the first, beside a folder of other things."""
    folder = tmp_path_factory.mktemp("checked")
    cli = cli_in(folder)
    for name, model in (("base", "echo-gold"), ("same", "echo-gold"), ("worse", "first")):
        done = cli(*RUN, "--model", model, "--name", name)
        assert done.returncode == 0, done.stderr
    (folder / "results/baselines").mkdir()
    return cli


@pytest.mark.parametrize("runs", [["results"], ["results/[sw]*", "results/base"]])
def test_each_run_is_checked_but_not_the_baseline_itself(cli, runs):
    done = cli("check", *runs, "--baseline", "results/base")
    assert done.returncode == 1, done.stderr
    assert [line.rstrip() for line in done.stdout.splitlines() if line.startswith("check of ")] == [
        "check of same (echo-gold)",
        "check of worse (first)",
    ]
    told = [line for line in done.stdout.splitlines() if line.startswith("check: ")]
    assert [line.split()[1] for line in told] == ["passed:", "REGRESSION:"]


def test_a_file_is_about_one_run(cli):
    done = cli("check", "results/*", "--baseline", "results/base", "--junit", "j.xml")
    assert done.returncode == 2
    assert "j.xml: is written for one run, and there are 2" in done.stderr


def test_the_first_of_a_pattern_is_the_reference(cli):
    done = cli("compare", "results/*")
    assert done.returncode == 0, done.stderr
    assert "skipped: results/baselines is not a run" in done.stderr
    assert "B: same (echo-gold) against A: base (echo-gold)" in done.stdout
    assert "B: worse (first) against A: base (echo-gold)" in done.stdout
