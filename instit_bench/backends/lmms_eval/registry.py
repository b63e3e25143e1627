"""Look up lmms-eval's registered models without loading torch or any model."""

from __future__ import annotations

import difflib
import io
from contextlib import redirect_stdout
from dataclasses import dataclass

from instit_bench.errors import InputError

INSTALL = 'pip install "instit-bench[lmms-eval]"'


@dataclass(frozen=True, slots=True)
class Adapter:
    """An lmms-eval model: its name there, its class, and whether that takes chat messages.

    Other classes are called simple: they take one text and a list of media.
    """

    name: str
    class_path: str
    is_chat: bool


def find_adapter(name: str, force_simple: bool = False) -> Adapter:
    """Return the registered model of this name; of two kinds, the chat one by default.

    Raises:
        InputError: lmms-eval is not installed, or has no such model.
    """
    try:
        with redirect_stdout(io.StringIO()):  # its log goes to standard output
            from lmms_eval import models
    except ImportError as error:
        raise InputError(f"--backend lmms-eval needs lmms-eval 0.7: {INSTALL} ({error})") from error
    names = models.list_available_models(include_aliases=True)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
        raise InputError(f"--model {name}: lmms-eval has no model of this name; {hint}")
    found = models.MODEL_REGISTRY_V2.resolve(name, force_simple)
    return Adapter(found.model_id, found.class_path, found.model_type == "chat")
