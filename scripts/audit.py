"""Sum up a report of pip-audit in one line: ``python scripts/audit.py AUDIT.json``.

The exit code is 1 if a package has a known vulnerability. An audit without data, as on a machine
without access to them, is a skip and is printed as such.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def summary(report: Path) -> tuple[str, int]:
    """Return the line and the exit code."""
    try:
        packages = json.loads(report.read_text(encoding="utf-8"))["dependencies"]
    except (OSError, ValueError, KeyError):
        return "skipped: pip-audit cannot run on this machine", 0
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        return "skipped: pip-audit has no data about any package on this machine", 0
    found = [
        f"{package['name']} {package['version']}: {', '.join(v['id'] for v in package['vulns'])}"
        for package in audited
        if package["vulns"]
    ]
    if found:
        return f"known vulnerabilities: {'; '.join(found)}", 1
    left = len(packages) - len(audited)
    more = f"; no data about {left} more" if left else ""
    return f"audited {len(audited)} packages: no known vulnerabilities{more}", 0


if __name__ == "__main__":
    words, code = summary(Path(sys.argv[1]))
    print(words)
    sys.exit(code)
