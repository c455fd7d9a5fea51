"""Who may ask for the status: by which names, and from where."""

from base64 import b64encode

import pytest

from imgbot.ops.http import is_known_host, is_operator


@pytest.mark.parametrize(
    ("host", "configured", "is_ours"),
    [
        ("127.0.0.1:8080", "127.0.0.1", True),
        ("LOCALHOST:9999", "127.0.0.1", True),
        ("[::1]:8080", "127.0.0.1", True),
        ("203.0.113.7:8080", "0.0.0.0", True),
        ("[2001:db8::1]:8080", "::", True),
        ("10.0.0.5:8080", "10.0.0.5", True),
        ("[2001:db8:0::1]:8080", "2001:db8::1", True),
        ("status.example.org:8080", "status.example.org", True),
        ("evil.example:8080", "0.0.0.0", False),
        ("localhost.evil.example", "127.0.0.1", False),
        ("127.0.0.1@evil.example", "127.0.0.1", False),
        ("203.0.113.7", "127.0.0.1", False),
        ("10.0.0.6", "10.0.0.5", False),
        ("", "", False),
        ("[]:8080", "::1", False),
        ("[::1].evil.example:8080", "127.0.0.1", False),
        ("[::1]evil.example", "127.0.0.1", False),
    ],
)
def test_names_of_ours_and_of_others(host: str, configured: str, is_ours: bool) -> None:
    assert is_known_host(host, configured) is is_ours


_KEY = {"Authorization": f"Basic {b64encode(b'any name:key').decode()}"}


@pytest.mark.parametrize(
    ("remote", "headers", "is_one"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {}, True),
        ("::ffff:127.0.0.1", {}, True),
        ("203.0.113.7", {}, False),
        ("::ffff:203.0.113.7", {}, False),
        (None, {}, False),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}, False),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.7"}, False),
    ],
)
def test_callers_on_the_machine_itself(
    remote: str | None, headers: dict[str, str], is_one: bool
) -> None:
    assert is_operator(remote, headers | _KEY, "key") is is_one
    assert not is_operator(remote, headers, "key")
    assert not is_operator(remote, headers | _KEY, "")
