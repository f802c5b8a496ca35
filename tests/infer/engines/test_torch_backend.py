from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from policylens.data.errors import ConfigError
from policylens.data.labels import LabelledParagraph
from policylens.infer.classify import Classifier
from policylens.infer.engines.many_devices import ManyDevices
from policylens.infer.engines.padding import pad_batch
from policylens.infer.engines.torch_backend import TorchBackend, find_budget
from policylens.models.bundle import open_bundle
from policylens.models.encode import Encoding

Rows = Callable[[int], list[LabelledParagraph]]


def windows(*lengths: int) -> list[Encoding]:
    return [Encoding(ids=[5 + n % 7] * n, types=[0] * n) for n in lengths]


def with_memory_for(backend: TorchBackend, most: int, sizes: list[int]) -> None:
    """Make the network run out of memory on batches of more windows, as CUDA does."""
    import torch

    def check(_module: object, _args: object, inputs: dict[str, torch.Tensor]) -> None:
        n_windows = len(inputs["input_ids"])
        if n_windows > most:
            raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
        sizes.append(n_windows)

    backend._network.register_forward_pre_hook(check, with_kwargs=True)


def test_a_batch_that_does_not_fit_runs_in_halves(tiny_model: Path) -> None:
    batch = windows(9, 40, 17, 3, 25)
    plain, narrow = (TorchBackend(open_bundle(tiny_model), device="cpu", states=True) for _ in range(2))
    sizes: list[int] = []
    with_memory_for(narrow, 2, sizes)
    (expected,), (found,) = plain.run([batch]), narrow.run([batch])
    assert sizes == [2, 1, 2]
    for name, values in expected.items():
        if name == "states":
            # Padding of a narrower half is filled up; only real tokens count.
            for row, window in enumerate(batch):
                n = len(window.ids)
                np.testing.assert_allclose(found[name][row, :n], values[row, :n], atol=1e-4)
        else:
            np.testing.assert_allclose(found[name], values, atol=1e-4)


def test_a_single_window_that_does_not_fit_is_an_error(tiny_model: Path) -> None:
    import torch

    backend = TorchBackend(open_bundle(tiny_model), device="cpu")
    with_memory_for(backend, 0, [])
    with pytest.raises(torch.OutOfMemoryError):
        list(backend.run([windows(9, 9)]))


def test_batches_are_launched_ahead_and_come_in_order(tiny_model: Path) -> None:
    backend = TorchBackend(open_bundle(tiny_model), device="cpu")
    taken: list[int] = []

    def source() -> Sequence[Sequence[Encoding]]:
        for number, n in enumerate((4, 30, 12, 7)):
            taken.append(number)
            yield windows(n)

    found = backend.run(source())
    first = next(found)
    assert taken == [0, 1, 2], "two more are launched before the first is waited for"
    everything = [first, *found]
    alone = [next(iter(backend.run([windows(n)]))) for n in (4, 30, 12, 7)]
    for together, by_itself in zip(everything, alone, strict=True):
        np.testing.assert_allclose(together["theme"], by_itself["theme"], atol=1e-5)


@pytest.mark.parametrize(
    ("seconds", "budget"),
    [
        # Twice the tokens in 1.5 times the time, until a batch takes proportionally long.
        ({1: 1.0, 2: 1.5, 4: 2.5, 8: 5.0}, 4),
        # Still faster with more, but there is no room.
        ({1: 1.0, 2: 1.5, 4: None}, 2),
        # Not even the first fits: batches are cut as they run.
        ({1: None}, 1),
        # The last one that may be tried.
        ({1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0}, 8),
    ],
)
def test_budget_is_doubled_as_long_as_it_pays(seconds: dict[int, float | None], budget: int) -> None:
    import torch

    def measure(n_tokens: int) -> float:
        taken = seconds[n_tokens]
        if taken is None:
            raise torch.OutOfMemoryError("CUDA out of memory (simulated)")
        return taken

    assert find_budget(measure, first=1, last=8) == budget


def test_classifier_takes_the_budget_of_the_backend(tiny_model: Path, tiny_rows: Rows) -> None:
    classifier = Classifier.load(tiny_model, device="cpu", backend="torch")
    sizes: list[int] = []
    with_memory_for(classifier.backend, 1000, sizes)  # type: ignore[arg-type]
    paragraphs = [row.paragraph for row in tiny_rows(16)]
    classifier.backend.batch_tokens = 1024  # type: ignore[attr-defined]
    list(classifier.classify(paragraphs))
    classifier.backend.batch_tokens = 128  # type: ignore[attr-defined]
    list(classifier.classify(paragraphs))
    assert sizes[0] == 16 and max(sizes[1:]) < 8
    assert sum(sizes[1:]) == 16


def test_a_list_is_tokenised_ahead_and_gives_what_a_stream_gives(tiny_model: Path, tiny_rows: Rows) -> None:
    classifier = Classifier.load(tiny_model, device="cpu")
    paragraphs = [row.paragraph for row in tiny_rows(150)]
    assert list(classifier.classify(paragraphs)) == list(classifier.classify(iter(paragraphs)))


def test_cuda_without_a_gpu_is_refused(tiny_model: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ConfigError, match="torch sees no GPU; use --device cpu"):
        TorchBackend(open_bundle(tiny_model), device="cuda")


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tiny_model: Path) -> None:
    bundle = open_bundle(tiny_model)
    batches = [windows(9, 7), windows(30), windows(12, 12, 12), windows(5), windows(22, 3)]
    many = ManyDevices(bundle, ["cpu", "cpu"])
    try:
        # An abandoned run must not leak into the next one.
        next(iter(many.run(batches)))
        found = list(many.run(batches))
    finally:
        many.close()
    expected = list(TorchBackend(bundle, device="cpu").run(batches))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours["theme"], theirs["theme"], atol=1e-5)
    assert (many.precision, many.batch_tokens) == ("fp32", None)


@pytest.mark.slow
def test_a_device_that_cannot_be_opened_is_named(tiny_model: Path) -> None:
    with pytest.raises(ConfigError, match="cuda:7: "):
        ManyDevices(open_bundle(tiny_model), ["cuda:7"])


@pytest.mark.gpu
def test_gpu_gives_the_labels_of_the_cpu(tiny_model: Path, tiny_rows: Rows) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no GPU")
    paragraphs = [row.paragraph for row in tiny_rows(60)]
    gpu = Classifier.load(tiny_model, device="cuda")
    cpu = Classifier.load(tiny_model, device="cpu", backend="torch")
    assert [item.theme for item in gpu.classify(paragraphs)] == [
        item.theme for item in cpu.classify(paragraphs)
    ]


def test_padding_goes_to_the_next_sixteen() -> None:
    assert pad_batch(windows(17, 3), pad_id=1)["input_ids"].shape == (2, 32)
