"""Bad input gives one clear line and exit code 2: never a traceback, never exit code 0."""

from __future__ import annotations

import json

import pytest

RUN = ["run", "--backend", "baseline", "--model", "first"]
DEMO = [*RUN, "--data", "demo"]
JUDGED = ["--judge", "openai:j", "--judge-base-url", "http://127.0.0.1:9/v1"]
TOOL = {"id": 1, "instruction": "Do.", "output": "Thought: Do I need to use a tool? No\nAI: x"}


BILLION = "a: &a [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else '*a'] * 9)}]\n" for n in range(9)
)


def write(path, text):
    path.write_text(text)
    return path.name


ODD_LINES = {
    "include: 5": "t.yaml: key 'include' must be a file name",
    f"include: {'x' * 300}": "t.yaml: key 'include': file not found",
    "output_type: 2024-01-01": "t.yaml: key 'output_type': Input should be",
    "repeats: !!int abc": "t.yaml: is not valid YAML: invalid literal",
    "generation_kwargs: {max_new_tokens: many}": "key 'max_new_tokens': Input should be",
    "generation_kwargs: {max_new_tokens: [1]}": "key 'max_new_tokens': Input should be",
    "generation_kwargs: {until: 5}": "key 'until.str': Input should be a valid string",
    "generation_kwargs: {until: {a: b}}": "key 'until.str': Input should be a valid string",
}


def plugin_with(line):
    plugin = (
        "task: t\ndataset_path: json\ndoc_to_text: q\ndoc_to_target: a\n"
        "metric_list: [{metric: accuracy}]\nmetadata: {scorer: choice}\n"
    )

    def arguments(folder):
        write(folder / "t.yaml", plugin + line)
        return [*DEMO, "--include-path", "."]

    return arguments


CASES = {
    "no model": (lambda p: ["run", "--data", "demo"], "--model is missing"),
    "unknown option": (lambda p: [*DEMO, "--lmit", "3"], "--lmit"),
    "unknown command": (lambda p: ["evaluate"], "evaluate"),
    "a number that is none": (lambda p: [*DEMO, "--limit", "many"], "--limit"),
    "a number out of range": (lambda p: [*DEMO, "--limit", "0"], "--limit"),
    "unknown backend": (
        lambda p: ["run", "--model", "first", "--backend", "tpu"],
        "choose one of baseline, openai",
    ),
    "unknown baseline": (
        lambda p: ["run", "--backend", "baseline", "--model", "gpt-4o", "--data", "demo"],
        "has no model 'gpt-4o'",
    ),
    "an option that takes one value, given twice": (
        lambda p: [*DEMO, "--backend", "baseline"],
        "--backend: given 2 times, but takes one value",
    ),
    "unknown task": (lambda p: [*DEMO, "--tasks", "gpt4tool"], "did you mean 'gpt4tools'"),
    "unknown sample": (lambda p: [*DEMO, "--sample-id", "zzz"], "--sample-id zzz"),
    "unknown judge": (lambda p: [*DEMO, "--judge", "me"], "--judge"),
    "unknown style": (lambda p: [*DEMO, "--prompt-style", "xml"], "--prompt-style"),
    "raw style with pictures": (lambda p: [*DEMO, "--prompt-style", "raw"], "inst_it_image_mc"),
    "a bad error budget": (lambda p: [*DEMO, "--fail-on-error", "1.5"], "--fail-on-error"),
    "a run name that is a path": (lambda p: [*DEMO, "--name", "../x"], "--name '../x'"),
    "a run name that no file system takes": (
        lambda p: [*DEMO, "--name", "名" * 70],
        "--name: use at most 200 bytes, found 210",
    ),
    "a model name of a megabyte": (
        lambda p: ["run", "--backend", "baseline", "--data", "demo", "--model", "m" * 10**6],
        "--model: String should have at most 4096 characters",
    ),
    "a temperature without an end": (
        lambda p: [*DEMO, "--temperature", "inf"],
        "--temperature: Input should be a finite number",
    ),
    "a body that is not JSON": (
        lambda p: [*DEMO, "--extra-body", '{"a": NaN}'],
        "--extra-body: cannot be sent as JSON",
    ),
    "a config file of aliases within aliases": (
        lambda p: ["run", "--config", write(p / "c.yaml", BILLION)],
        "c.yaml: is not valid YAML: more than 100000 values",
    ),
    "a config file that would run something": (
        lambda p: [
            *("run", "--config"),
            write(p / "c.yaml", f"model: !!python/object/apply:os.mkdir ['{p}/made']"),
        ],
        "could not determine a constructor",
    ),
    "a date in a config file that is none": (
        lambda p: ["run", "--config", write(p / "c.yaml", "model: !!timestamp x")],
        "c.yaml: is not valid YAML",
    ),
    "a number in a config file that is none": (
        lambda p: ["run", "--config", write(p / "c.yaml", "model: !!int abc")],
        "c.yaml: is not valid YAML: invalid literal",
    ),
    "a config file nested without end": (
        lambda p: ["run", "--config", write(p / "c.yaml", "a: " + "[" * 3000)],
        "c.yaml: is not valid YAML:",
    ),
    "a config file with an empty judge": (
        lambda p: ["run", "--config", write(p / "c.yaml", "model: first\njudge:\n")],
        "c.yaml: field 'judge': Input should be a valid tuple",
    ),
    "prices that are a list": (
        lambda p: [*DEMO, *JUDGED, "--judge-prices", write(p / "p.json", "[1]")],
        "--judge-prices p.json: must be JSON of the form",
    ),
    "prices nested without end": (
        lambda p: [*DEMO, *JUDGED, "--judge-prices", write(p / "p.json", "[" * 10**5)],
        "--judge-prices p.json: must be JSON of the form",
    ),
    "an output that is a file": (
        lambda p: [*DEMO, "--output", write(p / "file", "")],
        "is a file, not a folder",
    ),
    "data that are not there": (lambda p: [*RUN, "--data", "nowhere"], "no such file or folder"),
    "an empty data folder": (lambda p: [*RUN, "--data", "."], "data for Inst-IT Bench config"),
    "the hub without a network": (lambda p: [*RUN, "--data", "hub"], "data download"),
    "data that are no JSON": (
        lambda p: [*RUN, "--tasks", "gpt4tools_seen", "--data", write(p / "d.json", "[{")],
        "d.json: is not valid JSON",
    ),
    "a record without a field": (
        lambda p: [
            *(*RUN, "--tasks", "gpt4tools_seen", "--data"),
            write(p / "d.json", json.dumps([TOOL, {"id": 2, "instruction": "x"}])),
        ],
        "d.json: record 2 (id 2): field 'output' is missing",
    ),
    "a gold output that no one can read": (
        lambda p: [
            *(*RUN, "--tasks", "gpt4tools_seen", "--data"),
            write(
                p / "d.json",
                json.dumps([TOOL | {"output": "Action: A\nAction Input: x\nAction: B"}]),
            ),
        ],
        "gpt4tools_seen: sample 1",
    ),
    "an id that occurs twice": (
        lambda p: [
            *(*RUN, "--tasks", "gpt4tools_seen", "--data"),
            write(p / "d.json", json.dumps([TOOL, TOOL])),
        ],
        "id '1' is not unique",
    ),
    "a config file that is not there": (lambda p: ["run", "--config", "no.yaml"], "no.yaml"),
    "a config file that is no YAML": (
        lambda p: ["run", "--config", write(p / "c.yaml", "model: [")],
        "c.yaml: is not valid YAML",
    ),
    "a setting that does not exist": (
        lambda p: ["run", "--config", write(p / "c.yaml", "modl: first")],
        "c.yaml: field 'modl' is not known; did you mean 'model'",
    ),
    "a broken plugin": (
        lambda p: [*DEMO, "--include-path", (p / write(p / "t.yaml", "task: t")).parent],
        "t.yaml: key 'dataset_path' is missing",
    ),
    **{f"a plugin with {line[:40]}": (plugin_with(line), told) for line, told in ODD_LINES.items()},
    "a file name that no file system takes": (
        lambda p: ["score", "名" * 100, "--task", "gpt4tools_unseen"],
        "cannot be read: [Errno 36] File name too long",
    ),
    "an id of 5,000 digits": (
        lambda p: [
            *("score", "--task", "gpt4tools_unseen", "--data", "demo"),
            write(p / "p.json", '[{"id": ' + "9" * 5000 + ', "output": "No"}]'),
        ],
        "p.json: record 1: field 'id' has 5,000 characters; the maximum is 512",
    ),
    "predictions that are not there": (
        lambda p: ["score", "no.json", "--task", "inst_it_image_mc"],
        "no.json: cannot be read",
    ),
    "scoring a group": (
        lambda p: ["score", write(p / "p.json", "[]"), "--task", "gpt4tools"],
        "is a group",
    ),
    "exporting what is no run": (lambda p: ["export", "."], "is not a run directory"),
    "a leaderboard of what is no run": (lambda p: ["leaderboard", "nowhere"], "nowhere"),
    "judging what is no run": (
        lambda p: ["judge", "nowhere", "--judge", "lexical"],
        "nowhere: run directory not found",
    ),
    "a leaderboard of nothing": (lambda p: ["leaderboard"], "no runs under results"),
    "an endpoint without a key": (
        lambda p: ["run", "--model", "m", "--backend", "openai", "--data", "demo"],
        "set OPENAI_API_KEY",
    ),
    "a key that is none": (
        lambda p: [
            *("run", "--model", "m", "--backend", "openai", "--data", "demo"),
            *("--base-url", "http://127.0.0.1:9/v1"),
        ],
        "OPENAI_API_KEY contains characters",
    ),
    "an address that is none": (
        lambda p: [
            *("run", "--model", "m", "--backend", "openai", "--data", "demo"),
            *("--base-url", "localhost:1"),
        ],
        "must be an address such as http://",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_one_clear_line_and_exit_code_2(cli, tmp_path, case):
    arguments, told = CASES[case]
    key = {"OPENAI_API_KEY": "sk\nsecret"} if case == "a key that is none" else {}
    done = cli(*arguments(tmp_path), **key)
    assert done.returncode == 2, done.stderr
    assert "secret" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("instit-bench: error:")]
    assert len(errors) == 1, done.stderr
    assert told in errors[0]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_journal_damaged_in_the_middle_is_an_error_and_left_unchanged(cli, tmp_path):
    command = [*DEMO, "--tasks", "gpt4tools_seen", "--name", "r"]
    cli(*command)
    path = tmp_path / "results/r/samples/gpt4tools_seen.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    lines[4] = lines[4][:50] + "\n"
    path.write_text("".join(lines))
    done = cli(*command)
    assert done.returncode == 2
    assert "gpt4tools_seen.jsonl: line 5" in done.stderr
    assert path.read_text() == "".join(lines)


@pytest.mark.parametrize(
    "command",
    [
        ["leaderboard", "results/r"],
        ["compare", "results/r", "results/r"],
        ["check", "results/r", "--baseline", "results/r"],
        ["baseline", "save", "results/r"],
        ["report", "results/r"],
        ["export", "results/r"],
    ],
    ids=lambda command: command[0],
)
def test_an_invalid_score_is_refused_by_every_command_that_reads_runs(cli, tmp_path, command):
    cli(*DEMO, "--tasks", "gpt4tools_seen", "--name", "r")
    journal = tmp_path / "results/r/samples/gpt4tools_seen.jsonl"
    line, *rest = journal.read_text().splitlines(keepends=True)
    for value in ("NaN", "7.5", '"high"'):
        broken = json.loads(line)
        broken["scores"]["sr"] = "HERE"
        journal.write_text(json.dumps(broken).replace('"HERE"', value) + "\n" + "".join(rest))
        done = cli(*command)
        assert done.returncode == 2, value
        assert "gpt4tools_seen.jsonl: line 1: field 'scores.sr'" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("tasks", {"../../x": "TASK"}),
        ("tasks", {"a\x00b": "TASK"}),
        ("tasks", {"gpt4tools_seen": {"n_dataset": -5}}),
        ("judging", {"judges": [], "contracts": {}, "prompts": "own"}),
        ("judging", {"judges": ["j"], "contracts": {}, "prompts": "own", "prices": {"j": {}}}),
        ("engine", {"seconds_working": 1e308}),
    ],
)
def test_an_invalid_manifest_is_one_line_for_every_command(cli, tmp_path, part, value):
    cli(*DEMO, "--tasks", "gpt4tools_seen", "--name", "r")
    path = tmp_path / "results/r/manifest.json"
    manifest = json.loads(path.read_text())
    task = manifest["tasks"]["gpt4tools_seen"]
    if part == "tasks":
        value = {name: task | (of if of != "TASK" else {}) for name, of in value.items()}
    path.write_text(json.dumps(manifest | {part: value}))
    for command in (["check", "results/r", "--baseline", "results/r"], ["report", "results/r"]):
        done = cli(*command)
        assert done.returncode == 2
        assert "manifest.json: is not a valid run manifest: field '" in done.stderr
        assert done.stderr.count("\n") == 1


def test_an_output_that_cannot_be_written_is_one_line_and_exit_code_1(cli):
    done = cli(*DEMO, "--output", "/proc/nowhere")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("instit-bench: error: /proc/nowhere")


def test_tables_are_printed_to_an_ascii_terminal(cli_process):
    command = [*RUN[:-1], "text:\N{SNOWMAN}", "--data", "demo", "--tasks", "gpt4tools_seen"]
    done = cli_process(*command, "--name", "r", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "\\u2603" in done.stdout
