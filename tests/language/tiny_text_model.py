"""A tiny BERT with its WordPiece tokenizer, saved as such checkpoints are published."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from transformers import BertConfig, BertModel, BertTokenizerFast

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def save_tiny_bert(folder: Path, words: Iterable[str], *, seed: int = 0, longest: int = 96) -> Path:
    """A checkpoint folder whose vocabulary is these words and single letters.

    Its layers are nearly the identity, so that the mean over tokens is nearly a bag of words: two
    texts are alike where they share words.
    """
    folder.mkdir(parents=True, exist_ok=True)
    letters = "abcdefghijklmnopqrstuvwxyz0123456789-,.;:()'/+"
    known = sorted({w.lower() for w in words} | set(letters)) + [f"##{c}" for c in letters]
    vocabulary = [*SPECIAL, *(w for w in known if w not in SPECIAL)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=24, max_position_embeddings=longest,
    )  # fmt: skip
    network = BertModel(config)
    with torch.no_grad():
        network.embeddings.word_embeddings.weight.normal_(0, 1)
    network.save_pretrained(folder)
    # A vocabulary file alone would be read by older releases; the published form is saved.
    BertTokenizerFast(
        vocab={word: i for i, word in enumerate(vocabulary)}, model_max_length=longest
    ).save_pretrained(folder)
    return folder
