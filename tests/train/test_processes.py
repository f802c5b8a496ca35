from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

from policylens.data.labels import LabelledParagraph
from policylens.infer.cli import app
from policylens.models.bundle import open_bundle
from policylens.train.processes import agree, in_any, is_main, n_processes

Rows = Callable[[int], list[LabelledParagraph]]
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
# --cpu would start processes by mpirun only; what several GPUs get runs on CPUs, too.
ACCELERATE = (
    *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"),
    *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"),
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_rows: Rows) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    lines = [
        {"text": row.paragraph.text, "doc": row.paragraph.doc, "theme": row.theme, "stance": row.stance}
        for row in tiny_rows(176)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def settings(folder: Path, base: Path, **values: object) -> Path:
    """A file of settings; 160 rows to train on, so that batches of 16 come out even, and no dropout."""
    given: dict[str, object] = {
        "base": str(base),
        "epochs": 2,
        "batch_size": 16,
        "encoder_lr": 3e-3,
        "head_lr": 1e-2,
        "max_tokens": 64,
        "train_tokens": 64,
        "holdout_share": 0.1,
        "dropout": 0.0,
        "patience": 0,
    } | values
    path = folder / "run.toml"
    path.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items()))
    return path


def train_here(folder: Path, data: Path, config: Path) -> Path:
    out = folder / "model"
    result = CliRunner().invoke(
        app, ["train", "--data", str(data), "--config", str(config), "-o", str(out), "--device", "cpu"]
    )
    assert result.exit_code == 0, result.output
    return out


def launched(launcher: tuple[str, ...], data: Path, config: Path, out: Path) -> tuple[str, ...]:
    port = ("--main_process_port", str(free_port())) if launcher is ACCELERATE else ()
    return (
        *(*launcher, *port, "-m", "policylens.infer", "train", "--data", str(data)),
        *("--config", str(config), "-o", str(out), "--device", "cpu"),
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}


def largest_difference(one: Path, other: Path) -> float:
    first, second = load_file(one / "model.safetensors"), load_file(other / "model.safetensors")
    assert first.keys() == second.keys()
    return max(
        float(np.abs(first[name].astype(np.float32) - second[name].astype(np.float32)).max())
        for name in first
    )


@pytest.fixture(scope="module")
def whole_batches(tmp_path_factory: pytest.TempPathFactory, tiny_base: Path, data: Path) -> Path:
    """The model of one process and whole batches, which the others have to come near."""
    folder = tmp_path_factory.mktemp("whole")
    return train_here(folder, data, settings(folder, tiny_base))


def test_added_gradients_are_those_of_the_larger_batch(
    tmp_path: Path, tiny_base: Path, data: Path, whole_batches: Path
) -> None:
    config = settings(tmp_path, tiny_base, batch_size=4, accumulate=4)
    found = largest_difference(train_here(tmp_path, data, config), whole_batches)
    # float16 on disk; a step of another size or another order moves weights by more than 0.01.
    assert found < 2e-3


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_two_processes_train_the_model_of_one(
    launcher: tuple[str, ...], tmp_path: Path, tiny_base: Path, data: Path, whole_batches: Path
) -> None:
    out = tmp_path / "model"
    command = launched(launcher, data, settings(tmp_path, tiny_base, batch_size=8), out)
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300)
    assert done.returncode == 0, done.stderr
    assert largest_difference(out, whole_batches) < 2e-3
    # One process talks, one writes, and nothing of the run is left over.
    assert done.stderr.count("160 paragraphs to train on") == 1
    assert done.stderr.count(f"wrote {out}") == 1
    assert {path.name for path in out.iterdir()} == {path.name for path in whole_batches.iterdir()}
    assert open_bundle(out).config.temperatures == pytest.approx(
        open_bundle(whole_batches).config.temperatures, rel=0.05
    )


@pytest.mark.slow
def test_an_interrupt_stops_both_at_one_step_and_resume_goes_on(
    tmp_path: Path, tiny_base: Path, data: Path
) -> None:
    out = tmp_path / "model"
    config = settings(tmp_path, tiny_base, batch_size=8, epochs=60)
    command = launched(TORCHRUN, data, config, out)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        wait_for(lambda: any((out / "checkpoints").glob("checkpoint-*")), seconds=240)
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=120)
    assert process.returncode != 0
    assert talk.count("with --resume goes on") == 1, talk
    assert not (out / "model.safetensors").exists()
    resumed = subprocess.run(
        [*command, "--resume"], capture_output=True, text=True, env=environment(), timeout=500
    )
    assert resumed.returncode == 0, resumed.stderr
    assert "starting from the beginning" not in resumed.stderr
    assert (out / "model.safetensors").is_file()
    assert not (out / "checkpoints").exists()


def wait_for(is_there: Callable[[], bool], *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_there():
        assert time.monotonic() < end, f"nothing after {seconds} s"
        time.sleep(0.1)


@pytest.mark.slow
def test_processes_agree_on_how_many_steps_fit_into_the_time(
    tmp_path: Path, tiny_base: Path, data: Path
) -> None:
    out = tmp_path / "model"
    config = settings(tmp_path, tiny_base, batch_size=8, epochs=500, max_minutes=0.05)
    done = subprocess.run(
        launched(TORCHRUN, data, config, out), capture_output=True, text=True, env=environment(), timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("planned steps fit into") == 1
    assert (out / "model.safetensors").is_file()


def test_alone_there_is_nothing_to_agree_on() -> None:
    assert (n_processes(), is_main()) == (1, True)
    assert agree(lambda: 7) == 7
    assert in_any(True)
    assert not in_any(False)


def test_heads_alone_are_no_work_for_several(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    result = CliRunner().invoke(
        app, ["train", "--mode", "linear", "--data", "x.jsonl", "-o", str(tmp_path / "m")]
    )
    assert result.exit_code == 2
    assert "--mode linear runs in one process" in result.stderr
