"""Finding and reading task plugins."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from instit_bench.errors import InputError
from instit_bench.tasks import registry as registry_module
from instit_bench.tasks.config import MEAN_SCORE
from instit_bench.tasks.registry import load_registry

BUILT_IN = {
    "inst_it_image_mc",
    "inst_it_image_oe",
    "inst_it_video_mc",
    "inst_it_video_oe",
    "gpt4tools_seen",
    "gpt4tools_unseen",
}
TRAINING = {
    "gpt4tools_train",
    "inst_it_dataset_changes",
    "inst_it_dataset_instance_captions",
    "inst_it_dataset_temporal_change",
    "inst_it_dataset_captions",
    "inst_it_dataset_open_ended",
    "inst_it_dataset_multi_choice",
    "inst_it_dataset_image_instance_captions",
    "inst_it_dataset_image_captions",
}
PLUGIN = """
task: colours
dataset_path: json
dataset_kwargs: {data_files: colours.json}
doc_to_text: question
doc_to_target: answer
process_results: !function utils.process_results
metric_list: [{metric: exact, aggregation: mean, higher_is_better: true}]
tag: mine
"""


def write_plugin(folder, text=PLUGIN, name="colours.yaml"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder


def test_the_benchmarks_tasks_and_groups_ship():
    registry = load_registry()
    assert set(registry.tasks) == BUILT_IN | TRAINING
    assert [t.name for t in registry.resolve(["gpt4tools"])] == [
        "gpt4tools_seen",
        "gpt4tools_unseen",
    ]
    assert {t.name for t in registry.resolve(["inst_it_bench", "gpt4tools"])} == BUILT_IN


def test_a_task_given_twice_is_selected_once():
    names = [t.name for t in load_registry().resolve(["gpt4tools_seen", "gpt4tools"])]
    assert names == ["gpt4tools_seen", "gpt4tools_unseen"]


def test_a_user_s_folder_is_found_by_path_and_by_tag(tmp_path):
    registry = load_registry([write_plugin(tmp_path / "plugin")])
    assert [task.name for task in registry.resolve(["mine"])] == ["colours"]


def test_an_installed_package_is_found_by_its_entry_point(tmp_path, monkeypatch):
    package = write_plugin(tmp_path / "my_tasks")
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("mine", "my_tasks", registry_module.ENTRY_POINT_GROUP)
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [entry])
    assert "colours" in load_registry().tasks


def test_an_unknown_name_is_an_error_with_the_nearest_names():
    with pytest.raises(InputError, match="did you mean 'gpt4tools_seen'"):
        load_registry().resolve(["gpt4tools_sen"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PLUGIN.replace("dataset_path: json\n", ""), "key 'dataset_path' is missing"),
        (PLUGIN.replace("task: colours", "name: colours"), "key 'task' is missing"),
        (PLUGIN.replace("doc_to_target", "doc_to_targt"), "did you mean 'doc_to_target'"),
        (PLUGIN + "metadata: {scorer: best}", "key 'metadata.scorer'"),
        (PLUGIN + "metadata: {scorers: choice}", "did you mean 'scorer'"),
        (PLUGIN.replace("task: colours", "task: ../colours"), "key 'task'"),
        (PLUGIN + "include: nowhere", "key 'include': file not found"),
        (PLUGIN + "include: colours.yaml", "is circular"),
        (PLUGIN.replace("utils.process_results", "process_results"), "module.function"),
        (PLUGIN.replace("aggregation: mean", "aggregation: median"), "metric_list.0.aggregation"),
        (PLUGIN.replace("aggregation: mean", "aggregation: !function utils.median"), "choose mean"),
        (PLUGIN + "description: before every prompt", "key 'description' is not known"),
        (PLUGIN + "generation_kwargs: {max_new_tokens: many}", "max_new_tokens': Input should be"),
        (PLUGIN + "generation_kwargs: {max_new_tokens: -1}", "max_new_tokens': Input should be"),
        (PLUGIN + "generation_kwargs: {max_new_tokens: 1.5}", "max_new_tokens': Input should be"),
        (PLUGIN + "generation_kwargs: {until: 5}", "key 'until"),
        (PLUGIN + "generation_kwargs: {until: [[a]]}", "key 'until"),
        (PLUGIN + "generation_kwargs: {temperature: .inf}", "temperature': Input should be a fini"),
        (PLUGIN + "generation_kwargs: {temperature: hot}", "temperature': Input should be a valid"),
        ("task: [", "is not valid YAML"),
        ("- task", "must be a mapping"),
        (PLUGIN.replace("task: colours", "task: gpt4tools_seen"), "is already used by"),
    ],
)
def test_a_broken_plugin_is_an_error_that_names_file_and_key(tmp_path, text, told):
    folder = write_plugin(tmp_path / "plugin", text)
    with pytest.raises(InputError) as caught:
        load_registry([folder])
    assert str(folder / "colours.yaml") in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_clustered_mean_is_recognised_as_a_mean(tmp_path):
    text = PLUGIN.replace("aggregation: mean", f"aggregation: !function {MEAN_SCORE}")
    assert "colours" in load_registry([write_plugin(tmp_path / "plugin", text)]).tasks


def test_reading_a_plugin_does_not_run_its_code(tmp_path):
    folder = write_plugin(tmp_path / "plugin")
    (folder / "utils.py").write_text("raise SystemExit('ran')")
    load_registry([folder])


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (None, "cannot import utils"),
        ("import nothing_of_that_name", "cannot import utils"),
        ("x = 1", "utils has no function process_results"),
    ],
)
def test_a_missing_function_is_an_error_that_names_its_key(tmp_path, module, told):
    folder = write_plugin(tmp_path / "plugin")
    if module is not None:
        (folder / "utils.py").write_text(module)
    task = load_registry([folder]).tasks["colours"]
    with pytest.raises(InputError) as caught:
        _ = task.process_results
    assert "process_results: !function utils.process_results" in str(caught.value)
    assert told in str(caught.value)
