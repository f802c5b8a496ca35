from __future__ import annotations

from collections.abc import Iterator

import pytest

from policylens.infer.messages import Language, use_language


@pytest.fixture
def chinese() -> Iterator[None]:
    """The program speaks Chinese in this test."""
    use_language(Language.ZH)
    yield
    use_language(Language.EN)
