"""A run that is killed anywhere and resumed writes the bytes of one that was not."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from policylens.infer.cli import app
from policylens.infer.streams.journal import Journal

GREEN = "各地要推进绿色转型，三年内建成二十家绿色工厂，带动上下游企业一起降碳。"
LOAN = "银行发放贷款三百笔，平均利率比去年低一个百分点，企业普遍反映手续比过去简单。"


def run(*args, stdin=None):
    return CliRunner().invoke(app, [str(arg) for arg in args], input=stdin)


def records(path, n_records, *, broken=()):
    lines = [
        '{"text": 5}' if n in broken else json.dumps({"text": f"{n}。{(GREEN, LOAN)[n % 2]}", "n": n})
        for n in range(n_records)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def beside(out):
    """What a finished run leaves, but for its journal."""
    return {
        path.name: path.read_bytes()
        for path in sorted(out.parent.iterdir())
        if path.name.startswith(out.name) and path.suffix != ".journal"
    }


# Forks a run that kills itself before its k-th step that touches a file, then resumes it, once with a second
# kill on the way; for every k there is. In a process of its own: others have threads, which a fork breaks.
EVERY_STEP = """
import os, signal, sys, traceback
from pathlib import Path
import pyarrow.parquet  # once, not in every fork
from policylens.data.records import TaggedParagraph
from policylens.infer import pipeline
from policylens.infer.streams.formats import TableFormat

folder, form = Path(sys.argv[1]), TableFormat(sys.argv[2])
STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"}

class Tagger:
    def classify(self, paragraphs, **_):
        return (TaggedParagraph(par, "green", 0.5, (), "support", 0.5) for par in paragraphs)

def attempt(out, *, resume, kill_at):
    child = os.fork()
    if not child:
        try:
            steps = 0
            def count(event, args):
                nonlocal steps
                if event in STEPS and str(out.parent) in str(args[0]):
                    steps += 1
                    if steps == kill_at:
                        os.kill(os.getpid(), signal.SIGKILL)
            sys.addaudithook(count)
            inputs = [str(folder / "a.jsonl"), str(folder / "texts")]
            pipeline.classify_to(out, inputs, Tagger, form=form, shard_paragraphs=4, resume=resume,
                                 on_failure=lambda failure: None)
        except BaseException:
            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -9), code
    return code == 0

def left(out):
    return {p.name: p.read_bytes() for p in out.parent.iterdir() if p.suffix != ".lock"}

def fresh(name):
    (folder / name).mkdir()
    return folder / name / f"out.{form}"

whole = fresh("whole")
assert attempt(whole, resume=False, kill_at=0)
expected = left(whole)
assert set(expected) == {whole.name, whole.name + ".errors.jsonl", whole.name + ".journal"}
kills = 0
for k in range(1, 1000):
    out = fresh(f"killed-{k}")
    if attempt(out, resume=False, kill_at=k):
        break
    kills += 1
    if not attempt(out, resume=True, kill_at=1 + k * 7 % 23):
        kills += 1
        assert attempt(out, resume=True, kill_at=0)
    wrong = {name: data for name, data in left(out).items() if expected.get(name) != data}
    assert left(out) == expected, (k, wrong)
print(kills)
"""


@pytest.mark.parametrize("form", ["jsonl", "parquet", pytest.param("csv", marks=pytest.mark.slow)])
def test_a_kill_at_any_step_loses_nothing(form, tmp_path):
    records(tmp_path / "a.jsonl", 9, broken=(3, 8))
    for name in ("2023", "2024"):
        (tmp_path / "texts" / name).mkdir(parents=True)
        (tmp_path / "texts" / name / "报告.txt").write_text(f"{GREEN}\n\n{LOAN}\n", encoding="utf-8")
    process = subprocess.run(
        [sys.executable, "-c", EVERY_STEP, str(tmp_path), form], capture_output=True, text=True, timeout=900
    )
    assert process.returncode == 0, process.stderr
    assert int(process.stdout) > 20


class Cli:
    """The command line as its own process, on the tiny model."""

    def __init__(self, model, source):
        self.model, self.source = model, source

    def start(self, out, *more):
        command = [sys.executable, "-m", "policylens.infer", "--quiet", "classify", self.source, "-o", out]
        command += ["--model", self.model, "--device", "cpu", "--checkpoint", "64", *more]
        return subprocess.Popen(
            [str(word) for word in command], stderr=subprocess.PIPE, env={**os.environ, "HF_HUB_OFFLINE": "1"}
        )

    def survive(self, out, *, kills, seed):
        """Run and kill, each time after a random while, until enough kills hit; then to the end."""
        chance = random.Random(seed)
        hits = 0
        while hits < kills:
            process = self.start(out, "--resume")
            parts = out.with_name(out.name + ".parts")
            until = time.monotonic() + 60
            while not parts.exists() and process.poll() is None and time.monotonic() < until:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.25))
            process.send_signal(signal.SIGKILL)
            _, error = process.communicate()
            assert process.returncode in (1, -9), error
            if process.returncode != -9:
                return hits
            hits += 1
        process = self.start(out, "--resume")
        _, error = process.communicate()
        assert process.returncode == 1, error
        return hits


@pytest.fixture
def cli(tiny_model, tmp_path):
    source = records(tmp_path / "a.jsonl", 6000, broken=(70, 5000))
    return Cli(tiny_model, source)


@pytest.mark.parametrize(
    ("form", "kills"),
    [
        ("jsonl", 2),
        ("parquet", 2),
        *(pytest.param(form, 10, marks=pytest.mark.slow) for form in ("jsonl", "csv", "parquet")),
    ],
)
def test_kill_9_at_random_points(form, kills, cli, tmp_path):
    for folder in ("whole", "killed"):
        (tmp_path / folder).mkdir()
    whole, killed = (tmp_path / folder / f"out.{form}" for folder in ("whole", "killed"))
    assert cli.start(whole).wait() == 1
    hits, seed = 0, 0
    while hits < kills:
        for path in killed.parent.iterdir():
            path.unlink()
        hits += cli.survive(killed, kills=kills - hits, seed=seed)
        seed += 1
        assert beside(killed) == beside(whole)
    assert len(beside(whole)) == 2


def test_ctrl_c_keeps_what_is_done(cli, tmp_path):
    out = tmp_path / "out.jsonl"
    process = cli.start(out)
    journal = tmp_path / "out.jsonl.parts" / "journal.jsonl"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (journal.exists() and b'"shard"' in journal.read_bytes()):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate()
    assert (process.returncode, error.count(b"Traceback")) == (130, 0)
    assert not out.exists()
    assert not (tmp_path / "out.jsonl.lock").exists()
    # Without --resume the work of the first run is not thrown away.
    again = cli.start(out)
    assert b"holds an unfinished run" in again.communicate()[1]
    assert again.returncode == 2
    assert cli.start(out, "--resume").wait() == 1
    assert len(out.read_bytes().splitlines()) == 5998


def test_a_second_run_on_the_same_output_is_refused(cli, tmp_path):
    out = tmp_path / "out.jsonl"
    first = cli.start(out)
    until = time.monotonic() + 60
    while time.monotonic() < until and not (tmp_path / "out.jsonl.parts").exists():
        time.sleep(0.005)
    first.send_signal(signal.SIGSTOP)
    second = cli.start(out, "--resume")
    _, error = second.communicate()
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 2
    assert f"is being written by another run (process {first.pid} on ".encode() in error
    assert first.wait() == 1
    assert not (tmp_path / "out.jsonl.lock").exists()


def test_a_lock_that_a_killed_run_left_locks_nothing(loads, tmp_path):
    (tmp_path / "out.jsonl.lock").write_text('{"pid": 1, "host": "elsewhere"}')
    result = run("classify", records(tmp_path / "a.jsonl", 3), "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 0
    assert not (tmp_path / "out.jsonl.lock").exists()


def test_a_full_disk_ends_cleanly_and_the_run_goes_on(tiny_model, tmp_path):
    source = records(tmp_path / "a.jsonl", 400)
    out = tmp_path / "out.jsonl"
    command = [sys.executable, "-m", "policylens.infer", "classify", str(source), "-o", str(out)]
    command += ["--model", str(tiny_model), "--checkpoint", "64"]
    # No file may grow beyond 100 blocks of 1,024 bytes.
    limited = ["bash", "-c", 'ulimit -f 100; exec "$@"', "bash", *command]
    process = subprocess.run(limited, capture_output=True, text=True)
    assert process.returncode == 1
    warning, error = process.stderr.splitlines()
    assert warning.endswith("out.jsonl.parts; the same command with --resume goes on")
    assert error == f"error: cannot write {out}: File too large"
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True)
    assert resumed.returncode == 0, resumed.stderr
    numbers = [json.loads(line)["n"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert numbers == list(range(400))


@pytest.fixture
def unfinished(loads, tmp_path, monkeypatch):
    """A run of 20 records, interrupted after two shards of 5; gives the arguments of its command."""
    source = records(tmp_path / "a.jsonl", 20, broken=(3,))
    args = ["classify", source, "-o", tmp_path / "out.jsonl", "--checkpoint", "5"]
    tag = type(loads.classifier).classify

    def interrupted(self, paragraphs, **options):
        for item in tag(self, paragraphs, **options):
            if item.paragraph.extra["n"] == 13:
                raise KeyboardInterrupt
            yield item

    monkeypatch.setattr(type(loads.classifier), "classify", interrupted)
    result = run(*args)
    assert result.exit_code == 130
    assert "10 paragraphs are kept in " in result.stderr
    monkeypatch.setattr(type(loads.classifier), "classify", tag)
    loads.classifier.seen.clear()
    return args


def test_an_interruption_while_a_shard_is_noted_keeps_it(loads, tmp_path, monkeypatch):
    noted = Journal._note

    def interrupted(self, shard):
        monkeypatch.setattr(Journal, "_note", noted)
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "_note", interrupted)
    source = records(tmp_path / "a.jsonl", 9)
    result = run("classify", source, "-o", tmp_path / "out.jsonl", "--checkpoint", "5")
    assert result.exit_code == 130
    assert "WARNING: 5 paragraphs are kept in " in result.stderr


def test_resume_tags_only_the_rest(unfinished, loads, tmp_path):
    result = run(*unfinished, "--resume")
    assert result.exit_code == 1
    assert [text.split("。")[0] for text in loads.classifier.seen] == [str(n) for n in range(11, 20)]
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["n"] for row in rows] == [n for n in range(20) if n != 3]
    # The failure of the first part still counts.
    assert "1 input or record could not be used: see " in result.stderr


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--all-kinds"], "option all_kinds was False, is True"),
        (["--checkpoint", "6"], "option shard_paragraphs was 5, is 6"),
        (["--batch-tokens", "999"], "option batch_tokens was not given, is 999"),
        (["b.jsonl"], "the number of inputs was 1, is 2"),
    ],
)
def test_another_command_does_not_resume(change, reason, unfinished, loads, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    records(tmp_path / "b.jsonl", 2)
    result = run(*unfinished, *change, "--resume")
    assert result.exit_code == 2
    assert f"cannot resume out.jsonl, it would not be the same run: {reason}" in result.stderr
    assert loads.classifier.seen == []


def test_a_changed_input_does_not_resume(unfinished, tmp_path):
    with (tmp_path / "a.jsonl").open("a") as stream:
        stream.write('{"text": "新增。"}\n')
    result = run(*unfinished, "--resume")
    assert result.exit_code == 2
    assert f"an input has changed; input {tmp_path / 'a.jsonl'} has another size than before" in result.stderr


def test_a_changed_model_does_not_resume(unfinished, loads, monkeypatch):
    class OtherModel(type(loads.classifier)):
        pass

    loads.classifier = OtherModel()
    result = run(*unfinished, "--resume")
    assert result.exit_code == 2
    assert "model classifier was KeywordClassifier, is test_a_chang…" in result.stderr


def test_a_torn_journal_and_torn_rows_are_cut_off(unfinished, tmp_path):
    parts = tmp_path / "out.jsonl.parts"
    with (parts / "journal.jsonl").open("ab") as stream:
        stream.write(b'{"shard": {"paragraphs": 15, "fail')
    with (parts / "rows.jsonl").open("ab") as stream:
        stream.write(b'{"doc": "a", "par')
    assert run(*unfinished, "--resume").exit_code == 1
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["n"] for row in rows] == [n for n in range(20) if n != 3]


def test_rows_that_are_gone_are_not_made_up(unfinished, tmp_path):
    os.truncate(tmp_path / "out.jsonl.parts" / "rows.jsonl", 10)
    result = run(*unfinished, "--resume")
    assert result.exit_code == 2
    assert "rows.jsonl has 10 bytes, its journal says " in result.stderr


def test_resume_of_a_finished_run_does_nothing(unfinished, loads, tmp_path):
    run(*unfinished, "--resume")
    before = (tmp_path / "out.jsonl").stat()
    loads.classifier.seen.clear()
    assert run(*unfinished, "--resume").exit_code == 1
    assert loads.classifier.seen == []
    assert (tmp_path / "out.jsonl").stat().st_ino == before.st_ino
    other = run(*unfinished, "--all-kinds", "--resume")
    assert other.exit_code == 2
    assert "is complete, but of another run: option all_kinds was False, is True" in other.stderr


def test_resume_without_an_earlier_run_is_a_run(loads, tmp_path):
    source = records(tmp_path / "a.jsonl", 3)
    assert run("classify", source, "-o", tmp_path / "out.jsonl", "--resume").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "out.jsonl", "out.jsonl.journal"]


@pytest.mark.parametrize("args", [["-", "-o", "out.jsonl"], ["a.jsonl"], ["a.jsonl", "-o", "-"]])
def test_what_cannot_be_resumed(args, loads, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    records(tmp_path / "a.jsonl", 1)
    result = run("classify", *args, "--resume", stdin=GREEN)
    assert result.exit_code == 2
    assert "--resume needs a file" in result.stderr
    assert loads.calls == []


def test_an_interrupted_run_from_standard_input_leaves_nothing(loads, tmp_path, monkeypatch):
    def interrupted(paragraphs, **_):
        raise KeyboardInterrupt

    monkeypatch.setattr(loads.classifier, "classify", interrupted)
    assert run("classify", "-", "-o", tmp_path / "out.jsonl", stdin=GREEN).exit_code == 130
    assert list(tmp_path.iterdir()) == []


def test_another_format_clears_what_a_killed_run_left(loads, tmp_path):
    source = records(tmp_path / "a.jsonl", 3)
    parts = tmp_path / "out.jsonl.parts"
    parts.mkdir()
    for name in ("rows.csv", "000003.parquet", "whole.parquet", "inputs.jsonl", "errors.jsonl"):
        (parts / name).write_text("left")
    assert run("classify", source, "-o", tmp_path / "out.jsonl").exit_code == 0
    assert not parts.exists()


def test_files_of_others_in_the_folder_are_not_deleted(loads, tmp_path):
    (tmp_path / "out.jsonl.parts").mkdir()
    (tmp_path / "out.jsonl.parts" / "mine.txt").write_text("keep")
    result = run("classify", records(tmp_path / "a.jsonl", 3), "-o", tmp_path / "out.jsonl")
    assert result.exit_code == 1
    assert result.stderr == f"error: cannot write {tmp_path / 'out.jsonl'}: Directory not empty\n"
    assert (tmp_path / "out.jsonl.parts" / "mine.txt").read_text() == "keep"


def test_output_in_the_folder_of_the_inputs_is_no_input(loads, tmp_path):
    records(tmp_path / "a.jsonl", 3, broken=(1,))
    out = tmp_path / "out.jsonl"
    for _ in range(2):
        assert run("classify", tmp_path, "-o", out).exit_code == 1
        assert [json.loads(line)["n"] for line in out.read_text(encoding="utf-8").splitlines()] == [0, 2]


def test_errors_have_their_own_file_and_go_with_them(loads, tmp_path):
    source, out = tmp_path / "a.jsonl", tmp_path / "out.csv"
    source.write_text('{"text": "甲。"}\n{"text": ""}\n\n[1]\n{"text": "乙。"\n', encoding="utf-8")
    result = run("classify", source, tmp_path / "none.txt", "-o", out)
    assert result.exit_code == 1
    errors = tmp_path / "out.csv.errors.jsonl"
    rows = [json.loads(line) for line in errors.read_text(encoding="utf-8").splitlines()]
    assert [(row["input"], row["line"], row["error"]) for row in rows] == [
        (str(source), 2, "no_text"),
        (str(source), 4, "not_an_object"),
        (str(source), 5, "bad_json"),
        (str(tmp_path / "none.txt"), None, "unreadable"),
    ]
    assert rows[0]["message"] == f"{source}, line 2: 'text' is empty"
    assert list(rows[0]) == ["input", "line", "error", "message"]
    assert result.stderr.splitlines()[-1] == f"error: 4 inputs or records could not be used: see {errors}"
    # A run without errors takes the file of the last one away.
    source.write_text('{"text": "甲。"}\n', encoding="utf-8")
    assert run("classify", source, "-o", out).exit_code == 0
    assert not errors.exists()


def test_strict_stops_and_without_it_the_run_goes_on(loads, tmp_path):
    source = records(tmp_path / "a.jsonl", 10, broken=(7,))
    args = ["classify", source, "-o", tmp_path / "out.jsonl", "--checkpoint", "3"]
    result = run(*args, "--strict")
    assert result.exit_code == 1
    assert "line 8: 'text' is int, expected a string (the run stops here: --strict)" in result.stderr
    assert "6 paragraphs are kept" in result.stderr
    loads.classifier.seen.clear()
    assert run(*args, "--resume").exit_code == 1
    assert len(loads.classifier.seen) == 3
    strict_stream = run("classify", source, "--strict")
    assert (strict_stream.exit_code, len(strict_stream.stdout.splitlines())) == (1, 7)


def test_an_input_that_changes_while_it_is_read(loads, tmp_path, monkeypatch):
    source = records(tmp_path / "a.jsonl", 3)
    tag = loads.classifier.classify

    def slowly(paragraphs, **options):
        with source.open("a") as stream:
            stream.write(json.dumps({"text": "晚到。"}) + "\n")
        return tag(paragraphs, **options)

    monkeypatch.setattr(loads.classifier, "classify", slowly)
    result = run("classify", source, "-o", tmp_path / "out.jsonl", "--checkpoint", "2")
    assert result.exit_code == 1
    (error,) = map(json.loads, (tmp_path / "out.jsonl.errors.jsonl").read_text("utf-8").splitlines())
    assert (error["error"], error["line"]) == ("changed", None)
    assert f"{source}: changed while it was read" in error["message"]
