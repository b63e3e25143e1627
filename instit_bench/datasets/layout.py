"""The only definition of what a data folder may contain, and under which names.

DATA/Inst-It-Bench/   parquet configs or JSON variants, images_vpt/ and videos_vpt/ or zips; for
                      --marks also images_raw/ and videos_raw/ or zips, and the files of masks
DATA/Inst-It-Dataset/ annotations of videos and of images as JSON, and media folders or zips
DATA/gpt4tools/       one JSON file per split, and one of training data
DATA/prompts/         the benchmark's own prompt texts
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

INST_IT_FOLDERS = ("Inst-It-Bench", "Inst-IT-Bench", "inst_it")
GPT4TOOLS_FOLDERS = ("gpt4tools", "GPT4Tools")
PROMPTS_FILE = Path("prompts", "inst_it_bench_prompts.json")

# Config -> names of its JSON variant.
INST_IT_JSON: Mapping[str, tuple[str, ...]] = {
    "image_multi_choice": ("image_multi_choices", "image_multi_choice", "image_mc_record_sample"),
    "image_open_ended": ("image_open_ended",),
    "video_multi_choice": ("video_multi_choices", "video_multi_choice"),
    "video_open_ended": ("video_open_ended",),
}
_SHARDS = ("/*.parquet", "/test/*.parquet", "*.parquet")
# Folders of images with drawn marks; older copies use the shorter names.
MEDIA_FOLDERS = {"image": ("images_vpt", "images"), "video": ("videos_vpt", "videos")}

# The same media without marks, and where each object is in them.
RAW_FOLDERS = {"image": "images_raw", "video": "videos_raw"}
MASK_FILES = {
    "image": "image_instance_captions_masks.json",
    "video": "video_instance_captions_masks.json",
}

INST_IT_DATASET_FOLDERS = ("Inst-It-Dataset", "Inst-IT-Dataset", "inst_it_dataset", "dataset")
# Kind -> names of its annotation file; the second of each has masks, which no caption needs.
INST_IT_DATASET_FILES: Mapping[str, tuple[str, ...]] = {
    "video": ("inst_it_dataset_video_21k", "inst_it_dataset_video_21k_w_mask", "video_record"),
    "image": ("inst_it_dataset_image_51k", "inst_it_dataset_image_51k_w_mask"),
}

# Split -> known names of its file; the first is upstream's.
GPT4TOOLS_FILES: Mapping[str, tuple[str, ...]] = {
    "seen": ("gpt4tools_val_seen.json", "gpt4tools_val_seen_tools.json", "gpt4tools_seen.json"),
    "unseen": (
        "gpt4tools_test_unseen.json",
        "gpt4tools_test_unseen_tools.json",
        "gpt4tools_unseen.json",
    ),
}

# Training data: upstream's file, what generate writes, and the names in copies. One of them
# (causal-lm/gpt4tools) has cut the file into 64,301 training and 7,145 validation records.
_TRAINING_PARTS = ("train", "validation")
GPT4TOOLS_TRAINING: tuple[tuple[str, ...], ...] = (
    *(("gpt4tools_71k.json",), ("gpt4tools_train.json",), ("gpt4tools_train.jsonl",)),
    *(("gpt4tools.json",), ("gpt4tools.parquet",), ("train.parquet",)),
    *(
        tuple(pattern.format(part) for part in _TRAINING_PARTS)
        for pattern in ("data/{}-*.parquet", "{}-*.parquet", "default/{}/*.parquet")
    ),
)


def media_kind(config: str) -> str:
    """Return ``image`` or ``video``, from a config's name."""
    return config.partition("_")[0]


def parquet_patterns(config: str) -> tuple[str, ...]:
    """Return where a config's Parquet shards may be, relative to a data folder."""
    return tuple(f"{base}{config}{rest}" for base in ("", "data/") for rest in _SHARDS)


def inst_it_files(config: str, folder: Path) -> tuple[Path, ...]:
    """Return a config's Parquet shards in a folder, or else its JSON variant; empty if neither."""
    for pattern in parquet_patterns(config):
        if shards := sorted(folder.glob(pattern)):
            return tuple(shards)
    variants = (folder / f"{name}.json" for name in INST_IT_JSON[config])
    return tuple(path for path in variants if path.is_file())[:1]


def gpt4tools_training_files(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Return the training data in the first folder that has them; Parquet may be in shards."""
    found = (
        tuple(path for name in names for path in sorted(folder.glob(name)))
        for folder in folders
        for names in GPT4TOOLS_TRAINING
    )
    return next(filter(None, found), ())


def inst_it_dataset_file(kind: str, folder: Path) -> Path | None:
    """Return the annotation file of videos or of images in a folder, if it has one."""
    names = (f"{name}{end}" for name in INST_IT_DATASET_FILES[kind] for end in (".json", ".jsonl"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def gpt4tools_file(split: str, folders: Iterable[Path]) -> Path | None:
    """Return a split's file in the first folder that has it."""
    names = GPT4TOOLS_FILES[split]
    candidates = (folder / name for folder in folders for name in names)
    return next((path for path in candidates if path.is_file()), None)
