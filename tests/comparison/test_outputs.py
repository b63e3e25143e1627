"""The files and messages of a check: JUnit XML, Markdown, step summary, annotations.

Names of models, tasks and samples are untrusted and must not be interpreted in any of these.
"""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from instit_bench.display import one_line
from tests.command_line import REPOSITORY
from tests.comparison.runs import TASK, task_scores, write_run

HOSTILE = {
    "table": "a|b | c",
    "line": "x\n::error::boom",
    "command": "::set-output name=a::b",
    "old command": "##[error]boom",
    "terminal": "\x1b[31mred\x1b[0m \u202egnp",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "link": "[click](javascript:alert(1)) ![p](http://x.example/p.png)",
    "mention": "@someone see #1 at http://x.example or www.x.example",
    "code": "`id` **bold** \\| ~~x~~ &lt;",
    "percent": "100%25 %0A::error::boom",
    "xml": "]]> & ' \" \x00 \ud800 \ufffe",
    "rich": "[bold red]x[/]",
}


@pytest.fixture(params=HOSTILE)
def hostile(request):
    return HOSTILE[request.param]


def hostile_runs(tmp_path, text):
    """Make a run that is worse than its baseline, with the text in every free field."""

    def task(right, prompts):
        scores = task_scores(right, of=80, prompts=prompts)
        scores["samples"] = {
            f"{id_}{text}": sample | {"kind": text} for id_, sample in scores["samples"].items()
        }
        return scores

    for name, right in (("baseline", 80), ("run", 0)):
        tasks = {TASK: task(right, "official"), text: task(right, f"{text}{name}")}
        file = tmp_path / write_run(tmp_path, name, **tasks)
        values = json.loads(file.read_text()) | {"model": text}
        # Lone surrogates are rejected in JSON files that are read strictly.
        file.write_text(json.dumps(values).replace("\\ud800", "?"))
    return "run.json", "baseline.json"


def test_untrusted_names_are_never_interpreted(cli, tmp_path, hostile):
    run, baseline = hostile_runs(tmp_path, hostile)
    done = cli(
        *("check", run, "--baseline", baseline, "--junit", "j.xml", "--markdown", "c.md"),
        GITHUB_ACTIONS="true",
    )
    assert done.returncode == 3, done.stderr
    check_annotations(done.stdout)
    check_markdown((tmp_path / "c.md").read_text(), hostile)
    names = {case.get("classname") for case in ET.parse(tmp_path / "j.xml").iter("testcase")}
    assert len(names) == 2
    assert TASK in names
    shown = cli("compare", baseline, run, "--allow-mismatch", "--markdown", "d.md")
    assert shown.returncode == 0, shown.stderr
    check_markdown((tmp_path / "d.md").read_text(), hostile)
    assert set(shown.stdout) & set("\x1b\x00\u202e\r") == set()


def check_annotations(stdout):
    """Outside the section where the runner ignores commands, there are only our own."""
    first, *lines = stdout.splitlines()
    token = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", first)[1]
    end = lines.index(f"::{token}::")
    assert token not in "".join(lines[:end])
    *commands, conclusion = lines[end + 1 :]
    pattern = r"::error title=[^:,\r\n]*::[^\r\n]*"
    assert commands
    assert all(re.fullmatch(pattern, command) for command in commands)
    assert all("%0A" not in c.replace("%250A", "") for c in commands)
    assert conclusion == "check: UNDECIDED: 1 of 8 rules cannot be checked, 2 broken"


def check_markdown(page, text):
    """A real parser finds our tables, our bold words and the literal text."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(page)
    html = {token.content.strip() for token in tokens if token.type == "html_block"}
    assert html <= {"<details><summary>Comparison and flips</summary>", "</details>"}
    inline = [token for token in tokens if token.type == "inline"]
    kinds = {child.type for token in inline for child in token.children}
    assert kinds <= {"text", "text_special", "softbreak", "strong_open", "strong_close"}
    shown = [
        "".join(child.content for child in token.children).replace("\u200b", "") for token in inline
    ]
    assert one_line(text) in shown  # a separate cell
    assert any(cell.startswith("80: ") and one_line(text) in cell for cell in shown)
    assert not re.search(r"@\w|#\d|://|www\.", page.replace("&#8203;", "\u200b"))


def test_junit_has_one_case_per_rule(cli, tmp_path):
    baseline = write_run(
        tmp_path, "baseline", **{TASK: task_scores(80, of=80), "gone": task_scores(1)}
    )
    run = write_run(tmp_path, "run", **{TASK: task_scores(0, of=80)})
    cli("check", run, "--baseline", baseline, "--junit", "j.xml")
    (suite,) = ET.parse(tmp_path / "j.xml").getroot()
    counts = {name: int(suite.get(name)) for name in ("tests", "failures", "errors")}
    assert counts == {"tests": 6, "failures": 2, "errors": 1}
    cases = {f"{case.get('classname')} {case.get('name')}": case for case in suite}
    assert list(cases) == [
        f"{TASK} min_coverage",
        f"{TASK} max_error_rate",
        f"{TASK} comparable",
        f"{TASK} official_accuracy max_drop",
        f"{TASK} accuracy max_drop",
        "gone comparable",
    ]
    assert cases["gone comparable"].find("error") is not None
    failure = cases[f"{TASK} accuracy max_drop"].find("failure")
    assert "1.0000 to 0.0000" in failure.get("message")
    assert "80 of 80 samples" in cases[f"{TASK} min_coverage"].findtext("system-out")


def test_the_step_summary_is_appended_to(cli, tmp_path):
    run = write_run(tmp_path, "run", **{TASK: task_scores(40, of=80)})
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    cli("check", run, "--baseline", run, "--markdown", "c.md", GITHUB_STEP_SUMMARY=str(summary))
    assert summary.read_text() == "before\n" + (tmp_path / "c.md").read_text()
    assert "**check: passed: all 5 rules**" in summary.read_text()


def test_outside_a_runner_no_workflow_commands_are_printed(cli, tmp_path):
    baseline = write_run(tmp_path, "baseline", **{TASK: task_scores(80, of=80)})
    run = write_run(tmp_path, "run", **{TASK: task_scores(0, of=80)})
    done = cli("check", run, "--baseline", baseline)
    assert done.returncode == 1
    assert "::" not in done.stdout
    assert f"instit-bench compare {baseline} {run}" in done.stderr


def test_a_check_that_fails_removes_the_files_of_an_earlier_one(cli, tmp_path):
    run = write_run(tmp_path, "run", **{TASK: task_scores(40, of=80)})
    outputs = ("--junit", "j.xml", "--markdown", "c.md")
    assert cli("check", run, "--baseline", run, *outputs).returncode == 0
    assert cli("check", run, "--baseline", "gone.json", *outputs).returncode == 2
    assert not (tmp_path / "j.xml").exists()
    assert not (tmp_path / "c.md").exists()


def test_without_a_common_task_the_files_report_it(cli, tmp_path):
    baseline = write_run(tmp_path, "baseline", other=task_scores(40, of=80))
    run = write_run(tmp_path, "run", **{TASK: task_scores(40, of=80)})
    done = cli("check", run, "--baseline", baseline, "--junit", "j.xml", "--markdown", "c.md")
    assert done.returncode == 3
    assert "check: UNDECIDED: 1 of 4 rules cannot be checked" in done.stdout
    assert "**undecided**" in (tmp_path / "c.md").read_text()
    assert ET.parse(tmp_path / "j.xml").find(".//error") is not None
    assert "compare" not in done.stderr, "there is nothing to compare"


@pytest.mark.parametrize("option", ["--junit", "--markdown", "summary"])
def test_a_file_that_cannot_be_written_is_not_a_regression(cli, tmp_path, option):
    run = write_run(tmp_path, "run", **{TASK: task_scores(40, of=80)})
    (tmp_path / "folder").mkdir()
    if option == "summary":
        done = cli("check", run, "--baseline", run, GITHUB_STEP_SUMMARY="folder")
    else:
        done = cli("check", run, "--baseline", run, option, "folder")
    assert done.returncode == 2
    assert "folder: Is a directory" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "accuracy max_drop" in done.stdout, "all findings are printed in any case"
    assert "check: passed" not in done.stdout


def test_the_demo_runs_pass_their_baselines_and_the_gate_can_fail(cli):
    """CI also does this with the installed wheel (``.ci/gate-demo``)."""
    baselines = REPOSITORY / "results/baselines"

    def check(run, baseline):
        files = ("--baseline", baselines / baseline, "--policy", baselines / "checks.yaml")
        return cli("check", run, *files)

    for model in ("random", "echo-gold"):
        run = ("run", "--model", model, "--backend", "baseline", "--data", "demo")
        assert cli(*run, "--judge", "lexical").returncode == 0
        held = check(f"results/{model}-demo", f"{model}-demo.json")
        assert held.returncode == 0, held.stdout
        assert "check: passed" in held.stdout
    worse = check("results/random-demo", "echo-gold-demo.json")
    assert worse.returncode == 1
    assert "check: REGRESSION" in worse.stdout
