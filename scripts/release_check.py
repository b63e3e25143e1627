"""Check that a tag, the package's version, CITATION.cff and CHANGELOG.md agree on the release.

python scripts/release_check.py v1.2.3
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def problems(tag: str, repository: Path = REPOSITORY) -> list[str]:
    """List the reasons not to release under this tag; empty if there are none."""
    version = _found(r'__version__ = "([^"]+)"', repository / "instit_bench/_version.py")
    cited = _found(r"^version: (\S+)$", repository / "CITATION.cff")
    changes = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, but the version in instit_bench/_version.py is {version}")
    if cited != version:
        found.append(
            f"the version in CITATION.cff is {cited}, but in instit_bench/_version.py {version}"
        )
    section = re.search(
        rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)", changes, re.M | re.S
    )
    if section is None:
        found.append(f"CHANGELOG.md has no heading '## {version} - YYYY-MM-DD'")
    elif not section[1].strip():
        found.append(f"the section for {version} in CHANGELOG.md is empty")
    return found


def _found(pattern: str, file: Path) -> str:
    match = re.search(pattern, file.read_text(encoding="utf-8"), re.MULTILINE)
    if match is None:
        raise SystemExit(f"{file}: no version found")
    return match[1]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python scripts/release_check.py v1.2.3")
    if wrong := problems(sys.argv[1]):
        raise SystemExit("\n".join(wrong))
