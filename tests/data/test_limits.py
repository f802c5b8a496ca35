import pytest

from policylens.data.errors import ConfigError
from policylens.data.limits import Limits, parse_limits


def test_given_limits_change_only_those():
    assert parse_limits(["pages=10", "file-mb=1,000"]) == Limits(pages=10, file_mb=1000)
    assert parse_limits([]) == Limits()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("page=1", "expected NAME=NUMBER, NAME one of file_mb, parsed_mb, pages, chars, lines"),
        ("pages", "expected a whole number of at least 1, e.g. pages=5000"),
        ("pages=0", "expected a whole number"),
        ("pages=-1", "expected a whole number"),
        ("pages=１", "expected a whole number"),
    ],
)
def test_what_is_no_limit_is_an_error(given, message):
    with pytest.raises(ConfigError) as caught:
        parse_limits([given])
    assert message in str(caught.value)


def test_limit_of_nothing_is_an_error():
    with pytest.raises(ConfigError, match="the limit chars is 0; expected a whole number"):
        Limits(chars=0)
