"""``--data``: the hub, the demo, a folder or a file, and where each looks for the parts."""

from __future__ import annotations

import pytest

from instit_bench.datasets.source import open_source
from instit_bench.errors import InputError

PROMPTS = "prompts/inst_it_bench_prompts.json"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTIT_BENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_demo_is_the_embedded_data():
    source = open_source("demo")
    assert (source.kind, source.label, source.file) == ("demo", "demo", None)
    assert (source.root / "Inst-It-Bench").is_dir()


def test_hub_keeps_other_files_in_the_home_folder(home):
    source = open_source("hub", "v1")
    assert (source.kind, source.label, source.root) == ("hub", "hub", home)
    assert source.revision == "v1"


def test_a_folder_is_distinguished_from_a_file(tmp_path):
    folder = tmp_path / "my data"
    folder.mkdir()
    file = folder / "items.v2.json"
    file.touch()
    source = open_source(str(folder))
    assert (source.kind, source.label, source.root, source.file) == (
        "path",
        "my data",
        folder,
        None,
    )
    source = open_source(str(file))
    assert (source.kind, source.label, source.root) == ("path", "items.v2", folder)
    assert source.file == file


def test_relative_paths_and_tildes_are_resolved(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path / "data")
    assert open_source(".").label == "data"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_source("~/data").root == tmp_path / "data"


@pytest.mark.parametrize("spec", ["demo", "hub"])
def test_a_folder_with_a_reserved_name_needs_a_path(tmp_path, monkeypatch, spec):
    (tmp_path / spec).mkdir()
    monkeypatch.chdir(tmp_path)
    assert open_source(spec).kind == spec
    assert open_source(f"./{spec}").kind == "path"


@pytest.mark.parametrize("spec", ["", "no/such", "x" * 300, "~no-such-user/x", "HUB", "hub "])
def test_a_missing_path_is_one_clear_error(tmp_path, monkeypatch, spec):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"^--data "):
        open_source(spec)


def test_named_folders_take_precedence_over_the_root(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
    (tmp_path / "c").touch()
    found = list(open_source(str(tmp_path)).folders(("a", "b", "c", "d")))
    assert found == [tmp_path / "a", tmp_path / "b", tmp_path]


def test_prompts_are_in_the_data_folder_or_above_a_single_file(tmp_path):
    data = tmp_path / "data"
    (data / "inst_it").mkdir(parents=True)
    record_file = data / "inst_it" / "x.json"
    record_file.touch()
    assert open_source(str(data)).prompts_file() is None
    (data / "prompts").mkdir()
    (data / PROMPTS).touch()
    assert open_source(str(data)).prompts_file() == data / PROMPTS
    assert open_source(str(record_file)).prompts_file() == data / PROMPTS
    assert open_source(str(data / "inst_it")).prompts_file() is None


def test_prompts_for_the_hub_are_in_the_home_folder_and_the_demo_has_none(home):
    (home / "prompts").mkdir(parents=True)
    (home / PROMPTS).touch()
    assert open_source("hub").prompts_file() == home / PROMPTS
    assert open_source("demo").prompts_file() is None


def test_a_user_without_a_home_folder_is_told_how_to_name_one(monkeypatch):
    def unknown(_):
        raise KeyError("uid not found")

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("INSTIT_BENCH_HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    with pytest.raises(InputError, match="set INSTIT_BENCH_HOME to a folder"):
        open_source("hub")
