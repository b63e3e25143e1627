"""What CI installs and runs is pinned by digest, and audited where that is possible."""

from __future__ import annotations

import json
import re
import sys
import tomllib

import pytest

from tests.command_line import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "scripts"))
from audit import summary


def test_every_action_is_pinned_by_the_digest_of_a_commit():
    files = [*(REPOSITORY / ".github/workflows").glob("*.yml"), REPOSITORY / "action.yml"]
    used = [name for file in files for name in re.findall(r"\buses: (\S+)", file.read_text())]
    assert len(used) > 10
    assert all(re.search(r"^\./|@[0-9a-f]{40}$", name) for name in used), used


def test_every_locked_package_has_a_digest():
    packages = tomllib.loads((REPOSITORY / "uv.lock").read_text())["package"]
    files = [file for package in packages for file in package.get("wheels", [])]
    assert len(files) > 100
    assert all(file["hash"].startswith("sha256:") for file in files)


BAD = {"name": "b", "version": "1", "vulns": [{"id": "PYSEC-1"}, {"id": "CVE-2"}]}
GOOD = {"name": "a", "version": "1", "vulns": []}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "line", "code"),
    [
        ([GOOD], "audited 1 packages: no known vulnerabilities", 0),
        ([GOOD, UNKNOWN], "audited 1 packages: no known vulnerabilities; no data about 1 more", 0),
        ([GOOD, BAD], "known vulnerabilities: b 1: PYSEC-1, CVE-2", 1),
        ([UNKNOWN], "skipped: pip-audit has no data about any package on this machine", 0),
        (None, "skipped: pip-audit cannot run on this machine", 0),
    ],
)
def test_an_audit_fails_passes_or_is_a_recorded_skip(tmp_path, packages, line, code):
    report = tmp_path / "audit.json"
    if packages is not None:
        report.write_text(json.dumps({"dependencies": packages, "fixes": []}))
    assert summary(report) == (line, code)
