"""Makes the first right predictions of a file wrong, for the examples in docs/ci.md.

``python -m tests.docs.worsened FILE COUNT OUTPUT``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.comparison.runs import worsened

if __name__ == "__main__":
    file, count, output = sys.argv[1:]
    rows, changed = worsened(json.loads(Path(file).read_text(encoding="utf-8")), int(count))
    assert len(changed) == int(count)
    Path(output).write_text(json.dumps(rows), encoding="utf-8")
