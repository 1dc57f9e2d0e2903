"""Frozen text encoders of the Hugging Face libraries, from a folder on this machine.

Nothing is downloaded, no code of a checkpoint runs, and weights are safetensors only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from neurogenomics_kb.foundation.checkpoints import MODELS, fingerprint, locate, read_config
from neurogenomics_kb.foundation.choices import refuse_unknown
from neurogenomics_kb.foundation.encoder_specs import EncoderFamily
from neurogenomics_kb.foundation.errors import InputError, listing
from neurogenomics_kb.foundation.limits import LARGEST_TEXT, refuse_large, refuse_no_file

# PyTorch is imported when an encoder is wanted.
TEXT_ENCODERS = {"text": "encoder:load_text"}
GUIDE = "docs/integration/language_alignment.md"
FAMILY = EncoderFamily(
    "text encoder", TEXT_ENCODERS, "neurogenomics_kb.language", members=("embed",), guide=GUIDE
)
POOLINGS = ("mean", "cls")
# Tokenizers without a longest text say a number beyond any memory.
NO_LIMIT = 1_000_000
# One of these is a tokenizer; without any, the library makes one that knows no word.
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
# What networks raise for too many tokens, or when they want more than text.
UNFIT = (IndexError, RuntimeError, ValueError, AttributeError, TypeError)
# Parts of a checkpoint that embeddings do not need and that some checkpoints lack.
UNUSED = ("pooler.", "cls.", "lm_head.")


class TextEncoder(Protocol):
    """What every text encoder offers.

    Attributes
    ----------
    dim : int
        Length of a vector.
    weights_fingerprint : str
        Name of the checkpoint's content.
    """

    dim: int
    weights_fingerprint: str

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Embed each text; shape (n_texts, dim)."""
        ...


def load_text_encoder(card_or_spec: Any) -> TextEncoder:
    """Make the text encoder that a card or a spec describes.

    Parameters
    ----------
    card_or_spec : mapping or object
        A spec such as ``{"type": "text", "weights": "/models/bert", "pooling": "mean"}``, or
        something that holds one under ``spec`` (an attribute or a key).

    Raises
    ------
    InputError
        If there is no type, it is unknown, it has no such option, or its weights are not here.
    """
    return FAMILY.make(card_or_spec)


def load_text(
    weights: str, pooling: str = "mean", max_tokens: int | None = None, batch_tokens: int = 4096
) -> HuggingFaceEncoder:
    """Encoder from a folder with ``config.json``, a tokenizer and safetensors.

    Parameters
    ----------
    weights : str
        A folder, or its name below the folder that NGKB_MODEL_DIR names.
    pooling : {"mean", "cls"}
        Mean over the tokens of a text, or the first token.
    max_tokens : int, optional
        Longest text, special tokens included; by default what tokenizer and model take.
    batch_tokens : int
        Tokens that go through the network at once; it does not change the vectors.

    Raises
    ------
    InputError
        If the folder is not here or lacks a part, or the pooling is unknown.
    """
    refuse_unknown("pooling", pooling, POOLINGS)
    folder = find_folder(weights)
    config = read_config(folder)
    return HuggingFaceEncoder(
        read_network(folder),
        read_tokenizer(folder),
        pooling=pooling,
        max_tokens=max_tokens,
        positions=config.get("max_position_embeddings"),
        batch_tokens=batch_tokens,
        weights_fingerprint=fingerprint(folder),
    )


def find_folder(weights: str) -> Path:
    """Folder of a checkpoint on this machine; no hub is asked.

    Raises
    ------
    InputError
        If it is not here.
    """
    try:
        # Without a revision nothing is fetched.
        return locate(weights)
    except InputError:
        raise InputError(
            f"the weights of the text encoder '{weights}' are not on this machine",
            remedy=f"Put config.json, tokenizer and safetensors into a folder of that name below "
            f"{MODELS}, or name another folder; nothing is downloaded.",
        ) from None


def read_network(folder: Path) -> Any:
    """Network of a checkpoint with every weight from its safetensors.

    Raises
    ------
    InputError
        If there are none, they are damaged or incomplete, or the architecture is not one that the
        installed transformers knows without code from the checkpoint.
    """
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    if not any(folder.glob("*.safetensors")):
        raise InputError(
            "there are no safetensors",
            file=folder,
            remedy="Save the model as safetensors where you trust its origin.",
        )
    for file in folder.iterdir():
        if not file.is_dir():
            refuse_no_file(file)
    refuse_large(folder / "config.json", LARGEST_TEXT, "a configuration")
    try:
        network, told = AutoModel.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype="float32",
            output_loading_info=True,
        )
    except Exception as error:  # the library raises many kinds
        raise InputError(
            f"the text encoder cannot be loaded ({' '.join(str(error).split())[:200]})",
            file=folder,
            remedy="Use a checkpoint whose architecture is part of transformers itself.",
        ) from None
    # The library fills what a file lacks with random numbers and goes on.
    absent = sorted(
        name for name in told["missing_keys"] if not any(part in f"{name}." for part in UNUSED)
    )
    if absent:
        raise InputError(
            f"{len(absent)} parameters have no weights ({listing(absent, 3)})",
            file=folder,
            remedy="Use the whole checkpoint, with the config.json that belongs to it.",
        )
    # Of models that read and write, the part that reads.
    return network.get_encoder() if network.config.is_encoder_decoder else network


def read_tokenizer(folder: Path) -> Any:
    """Tokenizer of a checkpoint.

    Raises
    ------
    InputError
        If the folder has none.
    """
    from transformers import AutoTokenizer

    if not any(any(folder.glob(name)) for name in TOKENIZERS):
        raise InputError(
            f"there is no tokenizer ({', '.join(TOKENIZERS)})",
            file=folder,
            remedy="Put the files of the tokenizer beside the weights.",
        )
    for name in (*TOKENIZERS, "*.json"):
        for file in folder.glob(name):
            refuse_large(file, LARGEST_TEXT, "a tokenizer")
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the library raises many kinds
        raise InputError(
            f"the tokenizer cannot be loaded ({' '.join(str(error).split())[:200]})",
            file=folder,
            remedy="Put the tokenizer's files (tokenizer.json) beside the weights.",
        ) from None


class HuggingFaceEncoder:
    """Text to vector by a network of the transformers library.

    Texts of one number of tokens go through the network together, so nothing is ever padded.

    Parameters
    ----------
    network : torch.nn.Module
        Takes ``input_ids`` and ``attention_mask``, gives ``last_hidden_state``.
    tokenizer : callable
        Text to ``input_ids``, special tokens included.
    pooling : {"mean", "cls"}
        Mean over all tokens, or the first.
    max_tokens, positions : int, optional
        Longest text that is asked for, and that the network has positions for.
    batch_tokens : int
        Tokens that go through the network at once.
    weights_fingerprint : str
        Name of the checkpoint's content.
    """

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        *,
        pooling: str = "mean",
        max_tokens: int | None = None,
        positions: int | None = None,
        batch_tokens: int = 4096,
        weights_fingerprint: str = "",
    ) -> None:
        self.network, self.tokenizer = network.eval(), tokenizer
        self.pooling, self.batch_tokens = pooling, batch_tokens
        own = getattr(tokenizer, "model_max_length", NO_LIMIT)
        self.max_tokens = min(n for n in (max_tokens, positions, own, NO_LIMIT) if n is not None)
        self.dim = int(network.config.hidden_size)
        self.weights_fingerprint = weights_fingerprint

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Vector of each text; float64, shape (n_texts, dim).

        Parameters
        ----------
        texts : sequence of str
            None of them empty.

        Raises
        ------
        InputError
            If a text is empty or longer than the encoder takes, the network reads something else
            than text, or all texts get one vector.
        """
        ids = [self._tokens(number, text) for number, text in enumerate(texts)]
        out = np.empty((len(ids), self.dim))
        lengths = defaultdict(list)
        for number, tokens in enumerate(ids):
            lengths[len(tokens)].append(number)
        for length, members in sorted(lengths.items()):
            size = max(1, self.batch_tokens // length)
            for first in range(0, len(members), size):
                batch = members[first : first + size]
                out[batch] = self._run(np.array([ids[number] for number in batch]))
        if len(set(texts)) > 1 and not np.ptp(out, axis=0).any():
            raise InputError(
                f"different texts get one vector with pooling '{self.pooling}'",
                column="pooling",
                remedy="Choose mean: the first token of this model does not see the others.",
            )
        return out

    def _tokens(self, number: int, text: str) -> list[int]:
        """Tokens of one text, read to its end or refused."""
        tokens = self.tokenizer(text)["input_ids"] if text.strip() else []
        if tokens and len(tokens) <= self.max_tokens:
            return tokens
        raise InputError(
            f"text {number + 1} has {len(tokens)} tokens, the encoder takes 1 to {self.max_tokens}",
            column="max_tokens",
            remedy="Write shorter texts; none is cut." if tokens else "Write the text.",
        )

    def _run(self, ids: np.ndarray) -> np.ndarray:
        """Pooled hidden states of texts of one length; (n, dim)."""
        import torch

        batch = torch.from_numpy(ids)
        try:
            with torch.inference_mode():
                states = self.network(input_ids=batch, attention_mask=torch.ones_like(batch))
            hidden = states.last_hidden_state.double().numpy()
        except UNFIT as error:
            raise InputError(
                f"the network does not take {ids.shape[1]} tokens of text "
                f"({' '.join(str(error).split())[:200]})",
                column="max_tokens",
                remedy="Some models have fewer places than their configuration says: set "
                "max_tokens; or name a model that reads text alone.",
            ) from None
        return hidden.mean(axis=1) if self.pooling == "mean" else hidden[:, 0]
