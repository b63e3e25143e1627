"""The cache of scores that have been paid for."""

from __future__ import annotations

import multiprocessing
import resource
import sqlite3
import threading

import pytest

from instit_bench.errors import InputError
from instit_bench.judging.cache import VerdictCache, cache_key
from instit_bench.scorers.judge import JudgeContract, JudgeItem
from instit_bench.types import Usage, Verdict

CONTRACT = JudgeContract("P", "official")
ITEM = JudgeItem("q", "g", "a")


def test_scores_persist_when_the_cache_is_reopened(tmp_path):
    path = tmp_path / "cache.sqlite"
    VerdictCache(path).put("k", "j", Verdict(0.7, raw="0.7", usage=Usage(10, 2)))
    kept = VerdictCache(path).get("k")
    assert kept == Verdict(0.7, None, "0.7", Usage(10, 2), cached=True)
    assert VerdictCache(path).get("other") is None


def test_errors_are_never_cached(tmp_path):
    cache = VerdictCache(tmp_path / "cache.sqlite")
    cache.put("k", "j", Verdict(error="no", raw="prose"))
    assert cache.get("k") is None


@pytest.mark.parametrize(
    "other",
    [
        cache_key({"model": "n"}, CONTRACT, ITEM, 0),
        cache_key({"model": "m"}, JudgeContract("Q", "official"), ITEM, 0),
        cache_key({"model": "m"}, CONTRACT, JudgeItem("Q", "g", "a"), 0),
        cache_key({"model": "m"}, CONTRACT, JudgeItem("q", "G", "a"), 0),
        cache_key({"model": "m"}, CONTRACT, JudgeItem("q", "g", "A"), 0),
        cache_key({"model": "m"}, CONTRACT, ITEM, 1),
    ],
)
def test_the_key_covers_everything_that_a_score_depends_on(other):
    assert other != cache_key({"model": "m"}, CONTRACT, ITEM, 0)
    assert cache_key({"model": "m"}, CONTRACT, ITEM, 0) == cache_key(
        {"model": "m"}, CONTRACT, ITEM, 0
    )


def _fill(path, start):
    cache = VerdictCache(path)
    for number in range(start, start + 200):
        cache.put(str(number), "j", Verdict(0.5, raw=""))


def test_two_processes_can_write_at_the_same_time(tmp_path):
    path = tmp_path / "cache.sqlite"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_fill, args=(path, start)) for start in (0, 100)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    (line,) = VerdictCache(path).stats()
    assert (line.judge, line.scores) == ("j", 300)


def test_a_cache_that_another_process_is_creating_is_waited_for(tmp_path):
    path = tmp_path / "cache.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE begun (a)")
    other.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.2, other.execute, ["COMMIT"])
    release.start()
    cache = VerdictCache(path)
    release.join()
    cache.put("k", "j", Verdict(0.5, raw=""))
    assert cache.get("k") is not None


def test_a_cache_that_stays_locked_is_not_called_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr("instit_bench.judging.cache._WAIT_S", 0.1)
    other = sqlite3.connect(tmp_path / "cache.sqlite", isolation_level=None)
    other.execute("CREATE TABLE begun (a)")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(InputError, match="database is locked; wait until no other command uses it"):
        VerdictCache(tmp_path / "cache.sqlite")


def test_an_invalid_cache_file_is_one_clear_error(tmp_path):
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(InputError, match="move the file away"):
        VerdictCache(path)


def test_stats_and_clear_on_the_command_line(cli, tmp_path):
    cache = VerdictCache(tmp_path / "home/judge-cache.sqlite")
    cache.put("k", "openai:m", Verdict(0.5, raw="", usage=Usage(100, 5)))
    assert "openai:m: 1 scores, 105 tokens" in cli("judge", "cache", "stats").stdout
    assert "1 verdicts deleted" in cli("judge", "cache", "clear").stderr
    assert "openai:m" not in cli("judge", "cache", "stats").stdout


def test_without_write_access_scores_are_kept_in_memory(tmp_path):
    (tmp_path / "home").write_text("a file, where a folder should be")
    cache = VerdictCache.or_without(tmp_path / "home/judge-cache.sqlite")
    assert "judge cache off" in cache.warning
    assert "INSTIT_BENCH_HOME" in cache.warning
    cache.put("k", "j", Verdict(0.7, raw="0.7"))
    assert cache.get("k").score == 0.7


def test_a_folder_in_place_of_the_cache_file_is_an_error(tmp_path):
    (tmp_path / "judge-cache.sqlite").mkdir()
    assert VerdictCache.or_without(tmp_path / "judge-cache.sqlite").warning


def test_a_damaged_cache_is_an_error_wherever_it_is(tmp_path):
    path = tmp_path / "judge-cache.sqlite"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(InputError, match="move the file away"):
        VerdictCache.or_without(path)


def test_on_a_full_disk_the_cache_goes_on_in_memory_with_one_warning(tmp_path):
    told = []
    cache = VerdictCache(tmp_path / "c.sqlite")
    cache.tell = told.append
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**17, limit[1]))  # as if the disk were full there
    try:
        for number in range(100):
            cache.put(f"key {number}", "openai:m", Verdict(0.5, None, "x" * 10_000, Usage(1, 1)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    (warning,) = told
    assert "judge cache off: " in warning
    assert "c.sqlite" in warning
    assert cache.get("key 99") is not None
