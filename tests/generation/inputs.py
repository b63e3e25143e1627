"""What the tests of the commands give to them: captions, catalogues and words."""

from __future__ import annotations

import json

CAPTION = {"file_name": "1.jpg", "caption": "A cat sits on a mat."}
ONE_TOOL = {"name": "Bake Cake", "description": "Bakes.", "result": "file"}


def put(folder, name, value):
    (folder / name).write_text(value if isinstance(value, str) else json.dumps(value))


def captions(folder, number=4):
    put(
        folder,
        "c.json",
        [{"file_name": f"{n}.jpg", "caption": f"A cat {n}."} for n in range(number)],
    )


def words(server, *more):
    options = ("--captions", "c.json", "--model", "m", "--backend", "openai")
    return ("generate", "instructions", *options, "--base-url", server.base_url, *more)


def catalogue(*changes):
    return json.dumps({"tools": [ONE_TOOL | change for change in changes]})  # JSON is YAML
