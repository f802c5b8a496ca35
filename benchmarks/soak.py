"""Runs `policylens classify` on mixed inputs again and again and watches its memory.

    python benchmarks/soak.py [--minutes 20] [--model DIR] [--seed 1]

Each round makes a folder of text, HTML and record files in several encodings, some of them broken, and tags
it into another format with one classifier that stays loaded. Every fifth round does the same by the command
line, kills it at random and goes on with --resume: the bytes must be those of a run that was left alone. The
end says how much memory has grown after the first quarter of the time; more than `--allow-mb` is exit code 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from policylens.data.read import read_document
from policylens.data.reflow import reflow
from policylens.infer import Classifier
from policylens.infer.pipeline import classify_to
from policylens.infer.streams.formats import TableFormat

SAMPLE = Path(__file__).parent.parent / "data" / "samples" / "binhe_industry_conference.txt"
_KILL_ROUND = 5
_RECORDS = 200


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def resident_mb() -> float:
    """Resident size of this process in MB (1,000,000 bytes)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def make_inputs(folder: Path, chance: random.Random) -> int:
    """Write good and broken files; gives how many failures they must cause."""
    texts = [par.text for par in reflow(read_document(SAMPLE)) if par.kind == "body"]
    folder.mkdir()
    page = "\n\n".join(chance.sample(texts, 8)) + "\n"
    for name, encoding in (("a.txt", "utf-8"), ("b.txt", "gb18030"), ("c.md", "utf-16")):
        (folder / name).write_bytes(page.encode(encoding))
    html = "".join(f"<p>{text}</p>" for text in chance.sample(texts, 8))
    (folder / "d.html").write_text(f"<title>会议</title>{html}", encoding="utf-8")
    broken = set(chance.sample(range(_RECORDS), 5))
    with (folder / "e.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(_RECORDS):
            text = chance.choice(texts)[: chance.randrange(20, 500)]
            record = {"text": f"{number}：{text}", "n": number}
            line = "{broken" if number in broken else json.dumps(record, ensure_ascii=False)
            stream.write(line + "\n")
    (folder / "f.txt").write_bytes(b"")
    (folder / "g.pdf").write_bytes(b"%PDF-1.7 not really")
    (folder / "h.docx").write_bytes(b"PK\x03\x04 nor this")
    return len(broken) + 3


def tag_here(folder: Path, classifier: Classifier, form: TableFormat, expected: int) -> int:
    """Tag the folder in this process; gives the number of rows."""
    out = folder.parent / f"tags.{form}"
    done = classify_to(out, [str(folder)], lambda: classifier, form=form, on_failure=lambda _: None)
    if done.failures != expected:
        raise SystemExit(f"{done.failures} failures, expected {expected}")
    return done.paragraphs


def tag_with_kills(folder: Path, form: TableFormat, model: str | None, chance: random.Random) -> int:
    """Tag the folder by the command line, killed up to five times; gives how often a kill hit."""
    out = folder.parent / f"killed.{form}"
    whole = folder.parent / f"whole.{form}"
    command = [sys.executable, "-m", "policylens.infer", "-q", "classify", str(folder), "--checkpoint", "32"]
    command += ["--model", model] if model else []
    subprocess.run([*command, "-o", str(whole)], stderr=subprocess.DEVNULL, check=False)
    hits = 0
    for patience_s in [*(chance.uniform(0.5, 6) for _ in range(5)), None]:
        process = subprocess.Popen([*command, "-o", str(out), "--resume"], stderr=subprocess.DEVNULL)
        try:
            process.wait(patience_s)
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            hits += 1
    if whole.read_bytes() != out.read_bytes():
        raise SystemExit(f"{out} differs from {whole} after {hits} kills")
    return hits


def main() -> None:
    """Run rounds until the time is over, then judge the memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--model")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--allow-mb", type=float, default=50)
    args = parser.parse_args()
    # What is broken on purpose needs no warnings.
    logging.getLogger("policylens").setLevel(logging.ERROR)
    chance = random.Random(args.seed)
    classifier = Classifier.load(args.model)
    began = time.monotonic()
    until = began + 60 * args.minutes
    sizes: list[float] = []
    rows = kills = 0
    for number, form in enumerate(itertools.cycle(TableFormat), start=1):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "papers"
            expected = make_inputs(folder, chance)
            rows += tag_here(folder, classifier, form, expected)
            if number % _KILL_ROUND == 0:
                kills += tag_with_kills(folder, form, args.model, chance)
        sizes.append(resident_mb())
        minutes = (time.monotonic() - began) / 60
        say(f"round {number}: {minutes:.1f} min, {rows:,} rows, {kills} kills survived, {sizes[-1]:.0f} MB")
        if time.monotonic() > until:
            break
    settled = sizes[len(sizes) // 4 :]
    third = max(1, len(settled) // 3)
    growth = statistics.median(settled[-third:]) - statistics.median(settled[:third])
    say(f"memory has grown by {growth:.0f} MB after the first quarter; allowed are {args.allow_mb:.0f}")
    sys.exit(int(growth > args.allow_mb))


if __name__ == "__main__":
    main()
