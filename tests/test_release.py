"""A release needs a tag, version, citation and changelog that agree."""

from __future__ import annotations

import pytest

from scripts.release_check import REPOSITORY, problems

VERSION = '__version__ = "1.2.3"\n'
CITATION = "cff-version: 1.2.0\nversion: 1.2.3\n"
CHANGES = (
    "# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-01-31\n\n- New.\n\n## 1.2.2 - 2026-01-01\n"
)


@pytest.fixture
def release(tmp_path):
    def make(version=VERSION, citation=CITATION, changes=CHANGES):
        (tmp_path / "instit_bench").mkdir()
        (tmp_path / "instit_bench/_version.py").write_text(version)
        (tmp_path / "CITATION.cff").write_text(citation)
        (tmp_path / "CHANGELOG.md").write_text(changes)
        return tmp_path

    return make


def test_a_release_whose_parts_agree_is_accepted(release):
    assert problems("v1.2.3", release()) == []


@pytest.mark.parametrize(
    ("tag", "parts", "said"),
    [
        ("v1.2.4", {}, "the tag is v1.2.4, but the version in"),
        ("1.2.3", {}, "the tag is 1.2.3"),
        ("v1.2.3", {"citation": "version: 1.2.2\n"}, "CITATION.cff is 1.2.2, but in"),
        ("v1.2.3", {"changes": "## Unreleased\n\n- New.\n"}, "has no heading '## 1.2.3"),
        ("v1.2.3", {"changes": "## 1.2.3 - 2026-01-31\n\n## 1.2.2\n"}, "CHANGELOG.md is empty"),
    ],
)
def test_every_disagreement_is_reported(release, tag, parts, said):
    assert any(said in problem for problem in problems(tag, release(**parts)))


def test_the_citation_has_the_version_of_this_checkout():
    version = (REPOSITORY / "instit_bench/_version.py").read_text().split('"')[-2]
    assert not any("CITATION" in problem for problem in problems(f"v{version}"))
