"""The API key of `--rewrite openai:` goes to one server, and into no log, error, report or journal."""

from __future__ import annotations

import json
import logging
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policylens.infer.cli import app
from policylens.infer.digests.salience import Salience
from policylens.infer.rewriting import chat_generator

KEY = "sk-local-7f3a9c51d2e84b60"
SENTENCE = "省财政安排专项资金20亿元，支持中小企业节能改造，每户最高补助50万元。"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.keys.append(self.headers["Authorization"])  # type: ignore[attr-defined]
        try:
            self.server.behave(self)  # type: ignore[attr-defined]
        except OSError:
            pass

    def log_message(self, *args: object) -> None:
        pass

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status, headers.pop("reason", None))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(behave: Callable[[_Handler], None]) -> Iterator[tuple[ThreadingHTTPServer, str]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.behave, server.keys = behave, []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server, f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()


def said(content: str) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}]}, ensure_ascii=False).encode()


# What a server does with a request; each plays the key back in its own way.
FAILURES: dict[str, Callable[[_Handler], None]] = {
    "401 in the body": lambda to: to.answer(401, f'{{"error": "bad key {KEY}"}}'.encode()),
    "403 in the status line": lambda to: to.answer(403, b"", reason=f"no {KEY}"),
    "429 with a header": lambda to: to.answer(429, b"", **{"Retry-After": KEY}),
    "500 with a trace": lambda to: to.answer(500, f"Authorization: Bearer {KEY}".encode()),
    "garbage": lambda to: to.wfile.write(f"\0\xff {KEY}\r\n\r\n".encode()),
    "no JSON": lambda to: to.answer(200, f"<html>{KEY}</html>".encode()),
    "other JSON": lambda to: to.answer(200, json.dumps({"error": KEY}).encode()),
    "cut short": lambda to: to.answer(200, KEY.encode(), **{"Content-Length": "9999"}),
    "a header too long": lambda to: to.answer(200, b"", **{"X-Key": KEY * 5000}),
    "the key as the sentence": lambda to: to.answer(200, said(f"{SENTENCE[:-1]}{KEY}。")),
    "the key as words": lambda to: to.answer(200, said(KEY)),
    "the connection ends": lambda to: to.connection.close(),
}  # fmt: skip


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("POLICYLENS_API_KEY", KEY)
    monkeypatch.setattr(chat_generator, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(Salience, "open", lambda model=None: None)
    root, ours = logging.getLogger(), logging.getLogger("policylens")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], root.level, ours.level = before[0], before[1], before[2]


@pytest.fixture
def tags(tmp_path: Path) -> Path:
    path = tmp_path / "tags.jsonl"
    row = {"doc": "a", "para": 1, "text": SENTENCE, "theme": "green", "stance": "support"}
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def told(tags: Path, url: str, *options: str, suffix: str = "json") -> str:
    """All that a run says and writes."""
    out = tags.with_name(f"out.{suffix}")
    rewrite = ["--rewrite", "openai:m", "--base-url", url, "--rewrite-timeout", "20"]
    result = CliRunner().invoke(app, [*options, "summarize", str(tags), "-o", str(out), *rewrite])
    assert result.exit_code == 0, result.stderr
    assert out.is_file()
    return result.stdout + result.stderr + str(result.exception or "") + content(tags.parent)


def content(folder: Path) -> str:
    """All files of a folder as one text; those in zip files too."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.append(path.read_bytes())
        if path.suffix == ".docx":
            with zipfile.ZipFile(path) as packed:
                found += [packed.read(name) for name in packed.namelist()]
    return b"\n".join(found).decode("utf-8", "replace")


@pytest.mark.parametrize("options", [["-vv"], ["-vv", "--log-json"]], ids=" ".join)
@pytest.mark.parametrize("failure", FAILURES)
def test_a_key_that_is_played_back_stays_out(failure: str, options: list[str], tags: Path) -> None:
    with serving(FAILURES[failure]) as (server, url):
        text = told(tags, url, *options)
    assert server.keys[0] == f"Bearer {KEY}", "the key was sent"  # type: ignore[attr-defined]
    assert KEY not in text
    report = json.loads(tags.with_name("out.json").read_text(encoding="utf-8"))
    assert report["themes"][0]["digest"] == SENTENCE, "the extracted sentence stands"


@pytest.mark.parametrize("suffix", ["md", "html", "docx", "json"])
def test_no_report_holds_it(suffix: str, tags: Path) -> None:
    with serving(lambda to: to.answer(200, said(SENTENCE.replace("安排", "安排了")))) as (_, url):
        assert KEY not in told(tags, url, "-vv", suffix=suffix)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_does_not_carry_it(status: int, tags: Path) -> None:
    with serving(lambda to: to.answer(200, said("甲。"))) as (other, elsewhere):
        place = f"{elsewhere}/chat/completions"
        with serving(lambda to: to.answer(status, b"", Location=place)) as (first, url):
            assert KEY not in told(tags, url, "-vv")
    assert first.keys and not other.keys  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "address",
    [
        f"http://user:{KEY}@127.0.0.1/v1",
        f"user:{KEY}@127.0.0.1/v1",
        f"http://127.0.0.1/v1?key={KEY}",
        f"127.0.0.1/v1?key={KEY}",
        f"http://127.0.0.1/v1#{KEY}",
        f"http://127.0.0.1:x/v1?{KEY}",
    ],
)
def test_an_address_with_a_key_in_it_is_not_repeated(address: str, tags: Path) -> None:
    rewrite = ["--rewrite", "openai:m", "--base-url", address]
    result = CliRunner().invoke(app, ["-vv", "summarize", str(tags), *rewrite])
    assert result.exit_code == 2
    assert "--base-url" in result.stderr
    assert KEY not in result.stdout + result.stderr


def test_a_run_of_classify_writes_no_environment(tags: Path, tmp_path: Path, tiny_model: Path) -> None:
    out = tmp_path / "out" / "tags.csv"
    out.parent.mkdir()
    result = CliRunner().invoke(
        app, ["-vv", "classify", str(tags), "-o", str(out), "--model", str(tiny_model)]
    )
    assert result.exit_code == 0, result.stderr
    assert (out.parent / "tags.csv.journal").is_file()
    assert KEY not in result.stdout + result.stderr + content(out.parent)
