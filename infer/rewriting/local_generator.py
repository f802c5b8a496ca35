"""A Hugging Face model as generator: seq2seq (T5, BART) or causal (Qwen, GPT-2), of a folder or the hub."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Any

from policylens.data.errors import ConfigError, ModelFileError
from policylens.infer.rewriting.generators import GeneratorError, Request, messages, prompt

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

_DEFAULT_MAX_TOKENS = 1024


class LocalGenerator:
    """Rewords with a model in this process, greedily, so that the same input gives the same report.

    Args:
        name: What a report calls it.
        model: The model, in evaluation mode.
        tokenizer: Its tokenizer.
        timeout_s: Longest time for one sentence, in seconds; what is written by then is taken.
    """

    def __init__(
        self, name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, timeout_s: float
    ) -> None:
        self.name = name
        self._model = model
        self._tokenizer = tokenizer
        self._timeout_s = timeout_s
        self._is_seq2seq = bool(model.config.is_encoder_decoder)

    @classmethod
    def load(cls, model: str, *, timeout_s: float = 30.0, device: str = "auto") -> LocalGenerator:
        """Load a model; code that comes with it is never run.

        Args:
            model: A folder, or a name on the hub.
            timeout_s: See the class.
            device: "auto", "cpu" or "cuda".

        Raises:
            ModelFileError: It cannot be loaded, or is no text generator.
            ConfigError: There is no such device.
        """
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

        if device == "cuda" and not torch.cuda.is_available():
            raise ConfigError("--device cuda: torch finds no GPU; leave the option out or use --device cpu")
        place = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
        try:
            config = AutoConfig.from_pretrained(model, trust_remote_code=False)
            auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
            loaded = auto.from_pretrained(model, config=config, trust_remote_code=False, use_safetensors=True)
            tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
        except (
            Exception
        ) as error:  # transformers raises what its parts raise: OSError, ValueError, KeyError …
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelFileError(
                f"--rewrite hf:{model} cannot be loaded: {reason}; "
                "give a folder or hub name of a seq2seq or causal model"
            ) from error
        return cls(
            model.rstrip("/").rsplit("/", 1)[-1], loaded.eval().to(place), tokenizer, timeout_s=timeout_s
        )

    def reword(self, request: Request) -> str:
        """The model's continuation; see `Generator.reword`."""
        import torch

        try:
            with torch.inference_mode():
                return self._generate(request)
        except Exception as error:  # out of memory, too long, a broken tokenizer: the digest must come out
            logger.debug("the model failed on a sentence", exc_info=True)
            raise GeneratorError("failed") from error

    def _generate(self, request: Request) -> str:
        room = self._window()
        new_tokens = min(request.max_tokens, room // 2) if not self._is_seq2seq else request.max_tokens
        encoded = self._encode(request).to(self._model.device)
        n_prompt = encoded["input_ids"].shape[1]
        if not self._is_seq2seq and n_prompt + new_tokens > room:
            # A prompt whose end is cut off asks for nothing.
            raise GeneratorError("failed")
        pad = self._tokenizer.pad_token_id
        generate: Any = self._model.generate
        output = generate(
            **encoded,
            max_new_tokens=new_tokens,
            max_time=self._timeout_s,
            do_sample=False,
            num_beams=1,
            pad_token_id=self._tokenizer.eos_token_id if pad is None else pad,
        )
        written = output[0] if self._is_seq2seq else output[0][n_prompt:]
        return str(self._tokenizer.decode(written, skip_special_tokens=True))

    def _encode(self, request: Request) -> Any:  # noqa: ANN401 - BatchEncoding, untyped
        if self._is_seq2seq:
            # Such models are tuned to one task and would reword an instruction along with the sentence.
            return self._tokenizer(
                request.sentence,
                return_tensors="pt",
                return_token_type_ids=False,
                truncation=True,
                max_length=self._window(),
            )
        text, special = prompt(request), True
        if self._tokenizer.chat_template:
            text, special = self._chat(request), False
        return self._tokenizer(
            text, return_tensors="pt", return_token_type_ids=False, add_special_tokens=special
        )

    def _chat(self, request: Request) -> str:
        chat = messages(request)
        try:
            text = self._tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        except Exception:  # templates of some models know no system role and raise what they like
            chat = [{"role": "user", "content": "\n\n".join(message["content"] for message in chat)}]
            text = self._tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return str(text)

    def _window(self) -> int:
        """Most tokens that the model reads."""
        config = self._model.config
        limits = [getattr(config, name, None) for name in ("max_position_embeddings", "n_positions")]
        limits.append(self._tokenizer.model_max_length)
        known = [int(limit) for limit in limits if limit and not math.isinf(limit) and limit < 1e9]
        return min(known, default=_DEFAULT_MAX_TOKENS)
