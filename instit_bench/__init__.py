"""Evaluation harness for large multimodal models on Inst-IT Bench and GPT4Tools."""

__version__ = "0.1.0"
