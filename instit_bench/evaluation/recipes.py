"""Recipes: the settings for known checkpoints, by name (``recipes.yaml``, docs/checkpoints.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from instit_bench.errors import InputError
from instit_bench.validation import did_you_mean, read_yaml

FILE = Path(__file__).with_name("recipes.yaml")
# Settings that consist of ``key=value``: the user's keys override the recipe's, one by one.
_BY_KEY = ("model_arg", "engine_arg")


class Recipe(BaseModel):
    """The settings for a checkpoint; ``needs`` says what only the user can give."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint: str
    about: str
    settings: Mapping[str, Any]
    needs: Mapping[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Chosen:
    name: str
    recipe: Recipe
    given: Mapping[str, Any]


@cache
def recipes() -> Mapping[str, Recipe]:
    """Return all recipes by name."""
    return {str(name): Recipe.model_validate(fields) for name, fields in read_yaml(FILE).items()}


def with_recipe(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's settings, with those of the recipe that ``recipe`` or ``model`` names.

    The given settings win. A model of a recipe's name on another backend is not that recipe.

    Raises:
        InputError: There is no such recipe, or it needs a setting that is missing.
    """
    chosen = _chosen(values)
    if chosen is None:
        return dict(values)
    own, given = chosen.recipe.settings, chosen.given
    merged = {**own, **given, "recipe": chosen.name}
    for name in _BY_KEY:
        if name in own:
            merged[name] = list(_words(own[name], given.get(name)))
    for name, what in chosen.recipe.needs.items():
        if not merged.get(name):
            option = name.replace("_", "-")
            raise InputError(f"--recipe {chosen.name}: needs --{option}: {what}")
    return merged


def _chosen(values: Mapping[str, Any]) -> _Chosen | None:
    name, model = values.get("recipe"), values.get("model")
    if name is None:
        if not isinstance(model, str) or model not in recipes():
            return None
        backend = values.get("backend")
        if backend is not None and backend != recipes()[model].settings["backend"]:
            return None
        name = model
    if name not in recipes():
        hint = did_you_mean(str(name), recipes()) or f"; there are {', '.join(recipes())}"
        raise InputError(f"--recipe {name}: no such recipe{hint}")
    given = {key: value for key, value in values.items() if not (key == "model" and value == name)}
    return _Chosen(name, recipes()[name], given)


def _words(own: Mapping[str, Any], given: Any) -> Mapping[str, None]:
    """Return ``key=value`` of both, each key once; as keys, in order."""
    if isinstance(given, Mapping):
        given = [f"{key}={value}" for key, value in given.items()]
    words = [given] if isinstance(given, str) else list(given or ())
    keys = {str(word).partition("=")[0] for word in words}
    kept = [f"{key}={value}" for key, value in own.items() if key not in keys]
    return dict.fromkeys([*kept, *words])
