"""Reading the examples of a page."""

from __future__ import annotations

import pytest

from tests.docs.pages import commands, examples, is_printed

PAGE = """
# Title

<!-- setup: mkdir results -->

```bash
instit-bench run
```

It prints, in the end:

```text
done
```

<!-- not run: needs a GPU, which CI lacks -->
```bash
nvidia-smi
```

```python
# colours/utils.py
x = 1
```

<!-- file: colours/colours.json -->

```json
[]
```

<!-- exit code: 3 -->

```bash
false
```

## Next

```text
a table that no command prints
```
"""


def test_a_page_is_read_with_what_its_comments_say(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    run, gpu, file, data, code = examples(page)
    assert (run.code, run.setup, run.printed) == (
        "instit-bench run\n",
        ("mkdir results",),
        "done\n",
    )
    assert gpu.not_run == "needs a GPU, which CI lacks"
    assert (file.writes, data.writes) == ("colours/utils.py", "colours/colours.json")
    assert (code.exit_code, code.printed) == (3, None)


def test_a_console_block_is_commands_with_their_output():
    block = "$ echo a \\\n    b\na b\n\n$ true\n$ echo $?\n0\n"
    assert list(commands(block)) == [("echo a \\\n    b", "a b"), ("true", ""), ("echo $?", "0")]


def test_what_runs_instead_prints_what_the_page_says(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- instead: echo a -->\n```console\n$ print a\na\n```\n")
    assert list(commands(examples(page)[0].code)) == [("echo a", "a")]


@pytest.mark.parametrize(
    ("expected", "actual", "whole", "fits"),
    [
        ("a\nb", "a  \nb\n", True, True),
        ("a", "a\nb", True, False),
        ("b", "a\nb\nc", False, True),
        ("a\n…\nc", "a\nb\nb\nc", True, True),
        ("a\n…\nc", "a\nc", True, True),
        ("a\n…", "a\nb\nc", True, True),
        ("…\nc", "a\nb\nc", True, True),
        ("took … s", "took 1.5 s", True, True),
        ("took … s", "took 1.5 min", True, False),
        ("bc", "abc", False, False),
        ("1 (2)", "1 (2)", True, True),
    ],
)
def test_output_is_compared_line_by_line(expected, actual, whole, fits):
    assert is_printed(expected, actual, whole=whole) is fits
