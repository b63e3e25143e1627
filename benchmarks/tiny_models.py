"""Generate tiny models with random weights, to test that an engine works, not how well.

    python benchmarks/tiny_models.py FOLDER

makes FOLDER/vision (the architecture of Qwen2.5-VL), FOLDER/text (that of Llama), FOLDER/base (the
same without a chat template) and FOLDER/lora (an adapter for FOLDER/text).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SEED = 0
LAYERS, HEADS, KEY_HEADS, HIDDEN = 2, 4, 2, 128
CONTEXT = 32768
VOCABULARY = 4000
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
TEXT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}"
    "{% if part['type'] in ('image', 'image_url') %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] in ('video', 'video_url') %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def corpus() -> list[str]:
    """Return the tasks' own texts, so that prompts have about as many tokens as for real models."""
    root = Path(__file__).resolve().parents[1]
    files = [*(root / "tasks").rglob("_inst_it*"), *(root / "tasks").rglob("*.yaml")]
    files += sorted((root / "instit_bench/datasets/demo").rglob("*.json"))
    return [line for file in sorted(files) for line in file.read_text().splitlines()]


def make_tokenizer(chat_template: str | None) -> Any:
    """Train a byte-level BPE tokenizer on the corpus."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=chat_template,
        model_max_length=CONTEXT,
    )


def make_vision(folder: Path) -> Path:
    """Make a Qwen2.5-VL with two layers."""
    import torch
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2VLImageProcessor,
    )

    tokenizer = make_tokenizer(TEXT_TEMPLATE)
    token = {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}
    shared = {
        "bos_token_id": token["<|endoftext|>"],
        "eos_token_id": token["<|im_end|>"],
        "tie_word_embeddings": False,
    }
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": KEY_HEADS,
            "max_position_embeddings": CONTEXT,
            "rope_parameters": {
                "rope_type": "default",
                "mrope_section": [4, 6, 6],
                "rope_theta": 1e6,
            },
            **shared,
        },
        vision_config={
            "depth": 2,
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_heads": HEADS,
            "out_hidden_size": HIDDEN,
            "fullatt_block_indexes": [1],
        },
        image_token_id=token["<|image_pad|>"],
        video_token_id=token["<|video_pad|>"],
        vision_start_token_id=token["<|vision_start|>"],
        vision_end_token_id=token["<|vision_end|>"],
        **shared,
    )
    torch.manual_seed(SEED)
    Qwen2_5_VLForConditionalGeneration(config).to(torch.bfloat16).save_pretrained(folder)
    pixels = {"min_pixels": 56 * 56, "max_pixels": 224 * 224}
    Qwen2VLImageProcessor(**pixels).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    image = json.loads((folder / "preprocessor_config.json").read_text())
    image |= {"processor_class": "Qwen2_5_VLProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(image))
    video = image | {"video_processor_type": "Qwen2VLVideoProcessor"}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(video))
    return folder


def make_text(folder: Path, chat_template: str | None = TEXT_TEMPLATE) -> Path:
    """Make a Llama with two layers."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer(chat_template)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KEY_HEADS,
        max_position_embeddings=CONTEXT,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=False,
    )
    torch.manual_seed(SEED)
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_lora(folder: Path, rank: int = 8) -> Path:
    """Make an adapter for the text model, strong enough to change its output."""
    import torch
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(SEED)
    widths = {"q_proj": HIDDEN, "v_proj": HIDDEN * KEY_HEADS // HEADS}
    weights = {}
    for layer in range(LAYERS):
        for name, width in widths.items():
            prefix = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{prefix}.lora_A.weight"] = torch.randn(rank, HIDDEN, generator=generator)
            weights[f"{prefix}.lora_B.weight"] = torch.randn(width, rank, generator=generator)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "text",
        "r": rank,
        "lora_alpha": 4 * rank,
        "target_modules": list(widths),
        "bias": "none",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def make_all(folder: Path) -> Path:
    """Make all models, except those that already exist."""
    makers = {"vision": make_vision, "text": make_text, "lora": make_lora}
    for name, make in makers.items():
        if not (folder / name).exists():
            make(folder / name)
    if not (folder / "base").exists():
        make_text(folder / "base", chat_template=None)
    return folder


if __name__ == "__main__":
    print(make_all(Path(sys.argv[1])))
