"""Digests worded by models and servers of every bad kind: they come out, without a figure of the model's."""

import io
import json
import logging
import re
import threading
import time
import unicodedata
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from policylens.data.errors import ConfigError, ModelFileError
from policylens.data.records import Citation, CitedSentence, Digest, Paragraph, TaggedParagraph, ThemeDigest
from policylens.data.taxonomy import load_taxonomy
from policylens.infer.cli import app
from policylens.infer.reports.report_docx import render_docx
from policylens.infer.reports.report_page import render_page, words
from policylens.infer.reports.wording import KEPT, rewriting_line
from policylens.infer.rewriting import chat_generator
from policylens.infer.rewriting.chat_generator import ChatGenerator
from policylens.infer.rewriting.generators import (
    Failure,
    GeneratorError,
    Request,
    open_generator,
    read_answer,
)
from policylens.infer.rewriting.guard import Objection
from policylens.infer.rewriting.rewrite import Rewriter, open_rewriter
from policylens.infer.summary import Summary

INVEST = "今年1—9月，全市技改投资增长18.6%，更新机床和锅炉3400台，单位产值能耗下降6.2%。"
BETTER = "今年1—9月全市技改投资增长18.6%，机床和锅炉更新3400台，单位产值能耗下降6.2%。"
PERSON = "园区负责人叶扶疏说，上半年回收旧设备1.2万吨，再制造零件的价格只有新件的一半。"
KEY = "sk-0123456789abcdef"


def tagged(*texts):
    return [TaggedParagraph(Paragraph("甲", i, "body", t), "green", 0.9) for i, t in enumerate(texts, 1)]


def digest_of(*texts):
    sentences = tuple(CitedSentence(text, (Citation("甲", i),)) for i, text in enumerate(texts, 1))
    return Digest((ThemeDigest("green", len(texts), 1, {}, sentences),), 1, len(texts))


class Answers:
    """A generator that gives the answers it is told to."""

    name = "sham"

    def __init__(self, answer):
        self.answer = answer
        self.requests = []

    def reword(self, request):
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(request) if callable(self.answer) else self.answer


def reword(generator, *texts, max_chars=300):
    return Rewriter(generator, max_chars=max_chars)(digest_of(*texts), tagged(*texts))


class TestRewriter:
    def test_a_good_rewording_takes_the_place_of_its_sentence(self):
        digest = reword(Answers(f"改写：{BETTER}"), INVEST)
        assert digest.themes[0].sentences == (CitedSentence(BETTER, (Citation("甲", 1),), INVEST),)
        assert (digest.rewriting.sentences, digest.rewriting.reworded, dict(digest.rewriting.kept)) == (
            1,
            1,
            {},
        )

    def test_the_model_sees_the_cited_paragraph(self):
        generator = Answers(BETTER)
        Rewriter(generator, max_chars=300)(digest_of(INVEST), tagged(INVEST + "后文。"))
        assert generator.requests == [Request(INVEST, (INVEST + "后文。",))]

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (BETTER.replace("18.6", "19.6"), "figure"),
            (INVEST, "unchanged"),
            ("", "form"),
            ("好的。\n" + BETTER, "form"),
            (GeneratorError("timeout"), "timeout"),
            (GeneratorError("refused", final=True), "refused"),
        ],
    )
    def test_else_the_extract_stands(self, answer, reason):
        digest = reword(Answers(answer), INVEST)
        assert digest.themes == digest_of(INVEST).themes
        assert dict(digest.rewriting.kept) == {reason: 1}

    def test_the_budget_of_a_theme_holds(self):
        longer = BETTER.replace("，机床", "，全市机床")
        assert reword(Answers(longer), INVEST).rewriting.reworded == 1
        assert dict(reword(Answers(longer), INVEST, max_chars=len(INVEST)).rewriting.kept) == {"length": 1}

    def test_a_dead_generator_is_left_alone(self, caplog):
        generator = Answers(GeneratorError("server"))
        digest = reword(generator, *[INVEST.replace("3400", str(n)) for n in range(5)])
        assert len(generator.requests) == 3
        assert dict(digest.rewriting.kept) == {"server": 3, "given_up": 2}
        assert "gives no answer (server)" in caplog.text

    def test_a_sentence_of_two_digests_is_asked_for_once(self):
        generator = Answers(BETTER)
        rewriter = Rewriter(generator, max_chars=300)
        for _ in range(2):
            assert rewriter(digest_of(INVEST), tagged(INVEST)).rewriting.reworded == 1
        assert len(generator.requests) == 1

    def test_every_reason_has_words(self):
        digest = reword(Answers(GeneratorError("timeout")), INVEST)
        assert (
            rewriting_line(digest.rewriting) == "措辞：sham 改写；1 句中采用 0 句，保留原文 1 句（超时 1）。"
        )
        wanted = {*get_args(Objection), *get_args(Failure), "unchanged", "given_up"}
        assert set(KEPT) == wanted
        assert {reason: words(f"kept_{reason}") for reason in wanted} == KEPT

    def test_the_page_and_the_document_say_it(self):
        digest = reword(Answers(BETTER.replace("18.6", "19.6")), INVEST)
        summary = Summary(digest, load_taxonomy(), tuple(tagged(INVEST)))
        page = re.sub("<[^>]*>", "", render_page(summary))
        assert "sham 改写：1 句中采用 0 句，保留原文 1 句 · 数字无出处 1" in page
        with zipfile.ZipFile(io.BytesIO(render_docx(summary))) as file:
            text = re.sub("<[^>]*>", "", file.read("word/document.xml").decode())
        assert "措辞：sham 改写；1 句中采用 0 句，保留原文 1 句（数字无出处 1）。" in text

    def test_the_page_shows_the_extract_of_a_reworded_sentence(self):
        summary = Summary(reword(Answers(BETTER), INVEST), load_taxonomy(), tuple(tagged(INVEST)))
        assert f'title="{INVEST}">{BETTER}<' in render_page(summary)


def figures(text):
    return set(re.findall(r"\d+(?:\.\d+)?", unicodedata.normalize("NFKC", text)))


@settings(max_examples=80, deadline=None)
@given(
    # Numbers of the source, so that many answers are accepted, and any others in half and full width.
    numbers=st.lists(
        st.sampled_from(["1", "9", "18.6", "3400", "6.2"])
        | st.from_regex(r"[0-9０-９]{1,4}([.．][0-9]{1,2})?", fullmatch=True),
        min_size=5,
        max_size=5,
    ),
    keep=st.lists(st.booleans(), min_size=5, max_size=5),
    tail=st.sampled_from(["", "，比去年高{}个百分点", "（{}）", "，累计{}亿元"]),
)
def test_a_digest_never_has_a_figure_that_its_sources_lack(numbers, keep, tail):
    old = iter(zip(re.findall(r"[\d.]+", BETTER), numbers, keep, strict=True))
    answer = re.sub(r"[\d.]+", lambda _: (lambda own, new, kept: own if kept else new)(*next(old)), BETTER)
    answer = answer[:-1] + tail.format(numbers[0]) + "。"
    digest = reword(Answers(answer), INVEST)
    assert figures(digest.themes[0].text) == figures(INVEST)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("甲乙。", "甲乙。"),
        ("<think>想 3 次</think>\n\n改写后：甲乙", "甲乙。"),
        ("```\n甲乙。\n```", "甲乙。"),
        ("“甲乙。”", "甲乙。"),
        ("甲乙。\n原句：丙丁。\n改写：戊。", "甲乙。"),
        ("甲乙。\n丙丁。", ""),
        ("<think>没有想完", ""),
        ("  \n", ""),
    ],
)
def test_read_answer(answer, sentence):
    assert read_answer(answer) == sentence


class TestOpen:
    @pytest.mark.parametrize("spec", ["", "hf:", "gpt-4", "ollama:qwen", "openai: "])
    def test_an_unknown_kind(self, spec):
        with pytest.raises(ConfigError, match="expected hf:MODEL"):
            open_generator(spec)

    def test_options_that_do_not_fit(self):
        with pytest.raises(ConfigError, match="needs the address"):
            open_generator("openai:m")
        with pytest.raises(ConfigError, match="a local model needs none"):
            open_generator("hf:m", base_url="http://localhost/v1")
        with pytest.raises(ConfigError, match="without --rewrite"):
            open_rewriter(None, base_url="http://localhost/v1")
        assert open_rewriter(None) is None

    @pytest.mark.parametrize(
        "url", ["localhost:8000", "ftp://a/v1", "http://", "http://a/v1?k=1", "http://a:b/v1"]
    )
    def test_no_address(self, url):
        with pytest.raises(ConfigError, match="is no address"):
            open_generator("openai:m", base_url=url)

    def test_secrets_stay_out_of_errors(self):
        with pytest.raises(ConfigError) as error:
            open_generator("openai:m", base_url=f"https://user:{KEY}@a/v1")
        assert KEY not in str(error.value)
        with pytest.raises(ConfigError) as error:
            open_generator("openai:m", base_url="https://a/v1", environ={"OPENAI_API_KEY": KEY + "\nX: y"})
        assert KEY not in str(error.value)


class _Server(BaseHTTPRequestHandler):
    """Does with each request what `behave` says."""

    protocol_version = "HTTP/1.0"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, self.headers, body))
        try:
            self.server.behave(self, body)
        except OSError:
            pass

    def log_message(self, *args):
        pass

    def send(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else body.encode())

    def say(self, content):
        self.send(200, json.dumps({"choices": [{"message": {"content": content}}]}))


def original(body):
    return body["messages"][-1]["content"].rpartition("原句：")[2]


def invents(server, body):
    server.say(re.sub(r"\d+", lambda m: str(int(m[0]) + 1), original(body)))


def adds(server, body):
    server.say(original(body).replace("。", "，累计投资37.5亿元。"))


def drops_names(server, body):
    server.say(original(body).replace("叶扶疏", ""))


def hangs(server, body):
    server.server.stop.wait(20)


def drips(server, body):
    server.send_response(200)
    server.end_headers()
    while not server.server.stop.wait(0.05):
        server.wfile.write(b" ")
        server.wfile.flush()


def floods(server, body):
    server.send_response(200)
    server.end_headers()
    while not server.server.stop.is_set():
        server.wfile.write(b"x" * 65536)


def breaks_off(server, body):
    server.send(200, b'{"choices": [', [("Content-Length", "999")])


def is_no_http(server, body):
    server.wfile.write(b"\x00\xff garbage\r\n\r\n")


def says_nothing(server, body):
    server.say(None)


def is_html(server, body):
    server.send(200, "<html>99%</html>")


def fails(server, body):
    server.send(500, f"broken, key was {KEY}")


def redirects(server, body):
    server.send(307, "", [("Location", "http://127.0.0.1:9/v1")])


def refuses(server, body):
    server.send(401, f"bad key {KEY}")


def nests(server, body):
    server.send(200, "[" * 100_000)


@contextmanager
def serving(behave):
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    server.daemon_threads = True
    server.behave, server.requests, server.stop = behave, [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server, f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.stop.set()
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(chat_generator, "_FIRST_PAUSE_S", 0.01)


class TestServer:
    @pytest.mark.parametrize(
        ("behave", "reasons"),
        [
            (invents, {"figure", "date"}),
            (adds, {"figure"}),
            (drops_names, {"dropped", "unchanged"}),
            (hangs, {"timeout"}),
            (drips, {"timeout"}),
            (floods, {"garbage"}),
            (breaks_off, {"garbage", "server"}),
            (is_no_http, {"server", "garbage"}),
            (says_nothing, {"garbage"}),
            (is_html, {"garbage"}),
            (nests, {"garbage"}),
            (fails, {"server"}),
            (redirects, {"refused", "given_up"}),
            (refuses, {"refused", "given_up"}),
        ],
    )
    def test_the_digest_comes_out(self, behave, reasons, caplog):
        caplog.set_level(logging.DEBUG)
        with serving(behave) as (_, url):
            # Long enough for a loaded machine to answer, short enough for two hanging answers.
            timeout_s = 1.0 if behave in (hangs, drips) else 20.0
            generator = ChatGenerator("m", base_url=url, key=KEY, timeout_s=timeout_s)
            start = time.monotonic()
            digest = reword(generator, INVEST, PERSON)
            assert time.monotonic() - start < 2 * timeout_s + 5
        assert digest.themes == digest_of(INVEST, PERSON).themes
        assert set(digest.rewriting.kept) <= reasons
        assert sum(digest.rewriting.kept.values()) == 2
        assert KEY not in caplog.text

    def test_a_good_answer_and_what_was_asked(self):
        with serving(lambda server, body: server.say(BETTER)) as (server, url):
            digest = reword(ChatGenerator("m", base_url=url, key=KEY), INVEST)
        assert digest.themes[0].text == BETTER
        ((path, headers, body),) = server.requests
        assert (path, headers["Authorization"], body["model"]) == (
            "/v1/chat/completions",
            f"Bearer {KEY}",
            "m",
        )
        assert body["max_tokens"] == 32 + 2 * len(INVEST)

    def test_no_key_no_header(self):
        with serving(lambda server, body: server.say(BETTER)) as (server, url):
            reword(ChatGenerator("m", base_url=url), INVEST)
        assert server.requests[0][1]["Authorization"] is None

    def test_tries_again_after_an_error(self):
        left = [503, 429]
        with serving(lambda s, body: s.send(left.pop(), "") if left else s.say(BETTER)) as (server, url):
            digest = reword(ChatGenerator("m", base_url=url), INVEST)
        assert (digest.rewriting.reworded, len(server.requests)) == (1, 3)

    def test_a_server_that_knows_no_settings(self):
        def behave(server, body):
            server.send(400, "unknown field") if "max_tokens" in body else server.say(BETTER)

        with serving(behave) as (server, url):
            digest = reword(ChatGenerator("m", base_url=url), INVEST)
        assert (digest.rewriting.reworded, len(server.requests)) == (1, 2)

    def test_nobody_listens(self):
        with serving(fails) as (_, url):
            pass
        digest = reword(ChatGenerator("m", base_url=url), INVEST)
        assert dict(digest.rewriting.kept) == {"server": 1}


class TestCommand:
    @pytest.fixture
    def tags(self, tmp_path):
        path = tmp_path / "tags.jsonl"
        row = {"doc": "甲", "para": 1, "text": INVEST, "theme": "green", "stance": "neutral"}
        path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    def run(self, *args):
        return CliRunner().invoke(app, ["summarize", *map(str, args)])

    def test_the_report_says_what_was_replaced(self, tags, loads, monkeypatch):
        monkeypatch.setenv("POLICYLENS_API_KEY", KEY)
        with serving(lambda server, body: server.say(BETTER)) as (_, url):
            options = (tags, "--rewrite", "openai:m", "--base-url", url)
            plain = self.run(*options)
            report = json.loads(self.run(*options, "--format", "json").stdout)
        assert plain.exit_code == 0
        assert "措辞：m 改写；1 句中采用 1 句，保留原文 0 句。" in plain.stdout
        assert BETTER in plain.stdout.replace("\\", "")
        assert report["rewriting"] == {"generator": "m", "sentences": 1, "reworded": 1, "kept": {}}
        assert report["themes"][0]["sentences"][0]["extract"] == INVEST
        assert KEY not in plain.stdout + plain.stderr

    def test_wrong_options_stop_before_any_work(self, tags, loads, tmp_path):
        out = tmp_path / "out.md"
        for options in (
            ["--rewrite", "openai:m"],
            ["--base-url", "http://a/v1"],
            ["--rewrite", f"hf:{tmp_path}/no"],
        ):
            assert self.run(tags, "-o", out, *options).exit_code == 2
        assert not out.exists()


class TestLocalModel:
    """Random models write garbage: the digest comes out as extracted."""

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["seq2seq", "causal"])
    def test_a_tiny_model(self, kind, tiny_base, tmp_path):
        import torch
        from transformers import (
            AutoTokenizer,
            GPT2Config,
            GPT2LMHeadModel,
            T5Config,
            T5ForConditionalGeneration,
        )

        tokenizer = AutoTokenizer.from_pretrained(tiny_base)
        special = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}
        torch.manual_seed(0)
        if kind == "seq2seq":
            sizes = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
            config = T5Config(vocab_size=len(tokenizer), **sizes, decoder_start_token_id=1, **special)
            model = T5ForConditionalGeneration(config)
        else:
            sizes = {"n_positions": 1024, "n_embd": 16, "n_layer": 1, "n_head": 2}
            model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), **sizes, **special))
        model.save_pretrained(tmp_path)
        tokenizer.save_pretrained(tmp_path)
        generator = open_generator(f"hf:{tmp_path}", device="cpu")
        answer = generator.reword(Request(INVEST, (INVEST,)))
        assert isinstance(answer, str)
        digest = reword(generator, INVEST)
        assert digest.themes == digest_of(INVEST).themes
        assert set(digest.rewriting.kept) <= {"form", "length", "figure", "code", "similarity"}

    def test_no_model_there(self, tmp_path):
        with pytest.raises(ModelFileError, match="cannot be loaded"):
            open_generator(f"hf:{tmp_path / 'none'}")
