"""The network: one encoder, a head for themes, one for secondary themes and, if any, one for stances."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from policylens.data.taxonomy import Taxonomy

THEME, ALSO, STANCE = "theme", "also", "stance"


def head_sizes(taxonomy: Taxonomy) -> dict[str, int]:
    """Head name -> number of logits; the stance head exists only where the taxonomy has stances."""
    sizes = {THEME: len(taxonomy.themes), ALSO: len(taxonomy.themes)}
    if taxonomy.stances:
        sizes[STANCE] = len(taxonomy.stances)
    return sizes


class PolicyClassifier(nn.Module):
    """Encoder and linear heads over the mean of the paragraph's token vectors.

    The context (first text of the pair) informs those vectors through attention but is not averaged in, so
    that a paragraph keeps its weight whether or not it has a context.

    Args:
        encoder: A BERT-like encoder whose output has `last_hidden_state`.
        sizes: Head name -> number of logits, see `head_sizes`.
        dropout: Probability of dropping a pooled feature in training.
    """

    def __init__(self, encoder: PreTrainedModel, sizes: dict[str, int], *, dropout: float = 0.1) -> None:
        """Add fresh heads to an encoder."""
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        hidden = int(encoder.config.hidden_size)
        self.heads = nn.ModuleDict({name: nn.Linear(hidden, size) for name, size in sizes.items()})

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> dict[str, Tensor]:
        """Logits of every head.

        Args:
            input_ids: `[batch, seq]`.
            attention_mask: `[batch, seq]`, 1 for tokens and 0 for padding.
            token_type_ids: `[batch, seq]`, 1 for the paragraph, 0 for its context; all 0 without context.

        Returns:
            Head name -> logits, float32 `[batch, n_labels]`.
        """
        return self.read(self.pool(input_ids, attention_mask, token_type_ids))

    def read(self, pooled: Tensor) -> dict[str, Tensor]:
        """Logits of every head, float32 `[batch, n_labels]`, from mean vectors `[batch, hidden]`."""
        pooled = self.dropout(pooled)
        return {name: head(pooled).float() for name, head in self.heads.items()}

    def pool(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Mean vector of the paragraph's tokens, `[batch, hidden]`."""
        # RoBERTa-like encoders have a single type embedding; the mask below still needs both types.
        types = token_type_ids.clamp(max=getattr(self.encoder.config, "type_vocab_size", 1) - 1)
        states = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=types
        ).last_hidden_state
        mask = paragraph_mask(attention_mask, token_type_ids).unsqueeze(-1).to(states.dtype)
        mean: Tensor = (states * mask).sum(1) / mask.sum(1)
        return mean


def paragraph_mask(attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
    """1 for the tokens that are averaged: the second text of a pair, else the only text. `[batch, seq]`."""
    has_context = token_type_ids.max(dim=1, keepdim=True).values
    return torch.where(has_context > 0, token_type_ids, torch.ones_like(token_type_ids)) * attention_mask
