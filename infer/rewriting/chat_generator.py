"""A generator behind the OpenAI protocol (`POST …/chat/completions`): vLLM, llama.cpp, Ollama, a service.

Written on the standard library, so that what it may do is in plain sight: one address, no redirects, no
proxy, a bounded answer in a bounded time, and the key in one header and nowhere else.
"""

from __future__ import annotations

import http.client
import json
import logging
import random
import re
import ssl
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

from policylens.data.errors import ConfigError
from policylens.infer.rewriting.generators import Failure, GeneratorError, Request, messages

logger = logging.getLogger(__name__)

# An answer is one sentence in an envelope; a model that thinks aloud may need some of this.
MAX_ANSWER_BYTES = 256 * 1024
_ATTEMPTS = 3
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 8.0
_TRY_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_LOCAL = ("localhost", "127.0.0.1", "::1")


class ChatGenerator:
    """Asks a server.

    Args:
        model: Name of the model, as the server knows it.
        base_url: Address up to before `/chat/completions`.
        key: Sent as bearer token; "" for none.
        timeout_s: Longest time for one sentence, with all attempts and pauses, in seconds.

    Raises:
        ConfigError: The address or the key cannot be used.
    """

    def __init__(self, model: str, *, base_url: str, key: str = "", timeout_s: float = 30.0) -> None:
        self.name = model
        self._model = model
        self._timeout_s = timeout_s
        self._secure, self._host, self._port, self._path = _address(base_url)
        if key and not (key.isascii() and key.isprintable() and " " not in key.strip()):
            raise ConfigError("the API key in the environment has characters that a header cannot carry")
        self._key = key.strip()
        if self._key and not self._secure and self._host not in _LOCAL:
            logger.warning("the API key goes to %s without encryption; use an https:// address", self._host)
        # Some servers refuse these settings; then the model's own are used.
        self._settings: dict[str, object] = {"temperature": 0}

    def reword(self, request: Request) -> str:
        """The answer of the server; see `Generator.reword`."""
        end = time.monotonic() + self._timeout_s
        for attempt in range(_ATTEMPTS):
            try:
                return self._attempt(request, end)
            except _TryAgain as error:
                pause_s = max(error.after_s, _FIRST_PAUSE_S * 2**attempt * random.uniform(0.75, 1.25))
                last = attempt == _ATTEMPTS - 1
                if last or time.monotonic() + pause_s >= end:
                    raise GeneratorError(error.failure) from None
                logger.debug("no answer (%s); trying again in %.1f s", error.failure, pause_s)
                time.sleep(pause_s)
        raise GeneratorError("server")

    def _attempt(self, request: Request, end: float) -> str:
        status, after_s, answer = self._post(self._body(request), end)
        if status == 400 and self._settings:
            self._settings = {}
            status, after_s, answer = self._post(self._body(request), end)
        if status in _TRY_AGAIN:
            raise _TryAgain("server", after_s)
        if status >= 500:
            raise GeneratorError("server")
        if status != 200:
            # Redirects are not followed: they would carry the key and the text to another place.
            logger.warning("the server answers %s; check --base-url, the model's name and the key", status)
            raise GeneratorError("refused", final=True)
        content = _content(answer)
        if self._key and self._key in content:
            # A server that plays the key back must not get it into a report.
            raise GeneratorError("garbage")
        return content

    def _body(self, request: Request) -> bytes:
        limit = {"max_tokens": request.max_tokens} if self._settings else {}
        body = {
            "model": self._model,
            "messages": messages(request),
            "stream": False,
            **self._settings,
            **limit,
        }
        return json.dumps(body, ensure_ascii=False).encode()

    def _post(self, body: bytes, end: float) -> tuple[int, float, bytes]:
        """Status, seconds to wait before the next attempt, and body of the answer.

        The exchange runs in a thread of its own: a server that sends a byte now and then would outlive any
        timeout of the socket.
        """
        left_s = end - time.monotonic()
        if left_s <= 0:
            raise GeneratorError("timeout")
        exchange = _Exchange(self._connection(left_s), self._path, body, self._headers(), end)
        thread = threading.Thread(target=exchange.run, name="policylens-rewrite", daemon=True)
        thread.start()
        thread.join(left_s)
        if thread.is_alive():
            exchange.abandon()
            raise GeneratorError("timeout")
        if exchange.error is not None:
            raise exchange.error
        return exchange.status, exchange.after_s, exchange.answer

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Connection": "close"}
        return headers | ({"Authorization": f"Bearer {self._key}"} if self._key else {})


class _TryAgain(Exception):
    """An attempt failed in a way that the next one may not."""

    def __init__(self, failure: Failure, after_s: float = 0.0) -> None:
        super().__init__(failure)
        self.failure = failure
        self.after_s = after_s


class _Exchange:
    """One request and its answer."""

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        path: str,
        body: bytes,
        headers: dict[str, str],
        end: float,
    ) -> None:
        self._connection = connection
        self._request = path, body, headers
        self._end = end
        self.status = 0
        self.after_s = 0.0
        self.answer = b""
        self.error: Exception | None = None

    def run(self) -> None:
        """Send, receive, and keep what came or what went wrong."""
        path, body, headers = self._request
        try:
            self._connection.request("POST", path, body, headers)
            response = self._connection.getresponse()
            self.status = response.status
            self.after_s = _retry_after(response.getheader("Retry-After"))
            self.answer = self._read(response)
        except TimeoutError:
            self.error = GeneratorError("timeout")
        except GeneratorError as error:
            self.error = error
        except (OSError, http.client.HTTPException, ValueError):
            # Refused, reset, cut short or not HTTP at all. The message may quote the request: it is dropped.
            self.error = _TryAgain("server")
        finally:
            self.abandon()

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := response.read1(16 * 1024):
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise GeneratorError("garbage")
            if time.monotonic() > self._end:
                raise GeneratorError("timeout")
            parts.append(part)
        return b"".join(parts)

    def abandon(self) -> None:
        """Close the connection; a thread that still waits on it wakes up."""
        with suppress(OSError):
            self._connection.close()


def _address(base_url: str) -> tuple[bool, str, int | None, str]:
    """Whether it is encrypted, host, port and path of the endpoint."""
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    # Neither is an address shown that may hold a key: user:KEY@host without http://, or ...?key=KEY.
    if parts.username is not None or parts.password is not None or "@" in base_url:
        raise ConfigError("--base-url must not hold a name or password; put the key into POLICYLENS_API_KEY")
    usable = parts.scheme in ("http", "https") and host and not parts.query and not parts.fragment
    if not usable or not base_url.isascii() or not base_url.isprintable() or " " in base_url:
        raise ConfigError(
            f"--base-url {re.split('[?#]', base_url)[0]!r} is no address of a server; expected "
            "http(s)://HOST[:PORT]/v1, without ? and #"
        )
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return parts.scheme == "https", str(host), port, f"{path}/chat/completions"


def _retry_after(header: str | None) -> float:
    """Seconds that the server asks to wait, at most `_LONGEST_PAUSE_S`; dates are not read."""
    try:
        return min(max(0.0, float(header or 0)), _LONGEST_PAUSE_S)
    except ValueError:
        return 0.0


def _content(answer: bytes) -> str:
    try:
        content = json.loads(answer)["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise GeneratorError("garbage") from None
    if not isinstance(content, str):
        raise GeneratorError("garbage")
    return content
