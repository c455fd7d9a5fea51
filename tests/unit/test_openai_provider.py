"""OpenAI's answers read, its file read, its sizes."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from imgbot.domain.errors import ConfigError, ProviderError, ProviderErrorKind as Kind
from imgbot.domain.operations import Operation
from imgbot.domain.order_pace import OrderLimit
from imgbot.providers.http import ProviderResponse, write_base64
from imgbot.providers.openai import OpenAiProvider, OpenAiSpec, picture_of
from imgbot.providers.protocol import ProviderConfig
from imgbot.providers.spec_file import parse_file, read_preset, validate

FILE = """\
adapter = "openai"
url = "http://127.0.0.1:8080/v1/"
[[models]]
operations = ["create", "edit"]
id = "one"
price_usd = 0.25
[[models]]
operations = ["create"]
id = "two"
body = { quality = "low" }
"""


def answered(status: int, content: Any = None, **headers: str) -> ProviderResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ProviderResponse(status, named, content, json.dumps(content))


def error(message: str = "no", kind: str = "invalid_request_error", **fields: Any) -> Any:
    return {"error": {"message": message, "type": kind, "param": None, "code": None} | fields}


def spec_of(text: str) -> OpenAiSpec:
    return validate(parse_file("mine.toml", text), OpenAiSpec)


@pytest.mark.parametrize(
    ("answer", "kind", "is_billed"),
    [
        (answered(400, error("rejected by the safety system")), Kind.MODERATED, False),
        (answered(500, error(code="moderation_blocked")), Kind.MODERATED, False),
        (answered(200, error(code="moderation_blocked")), Kind.MODERATED, False),
        (answered(429, error(kind="insufficient_quota")), Kind.NO_CREDIT, False),
        (answered(400, error(code="billing_hard_limit_reached")), Kind.NO_CREDIT, False),
        (answered(402), Kind.NO_CREDIT, False),
        (answered(429), Kind.RATE_LIMITED, False),
        (answered(403, error()), Kind.AUTH, False),
        (answered(400, error(param="size")), Kind.INVALID, False),
        (answered(404, error(code=404)), Kind.NOT_FOUND, False),
        (answered(302), Kind.SUBMIT_UNKNOWN, None),
        (answered(413), Kind.UNSUITABLE, False),
        (answered(400, error(code="unsupported_file_mimetype")), Kind.UNSUITABLE, False),
        (answered(400, error(param="image[3]")), Kind.UNSUITABLE, False),
        (answered(503, {"error": "busy"}), Kind.SUBMIT_UNKNOWN, None),
        (answered(500), Kind.SUBMIT_UNKNOWN, None),
        (answered(502, error(kind="server_error")), Kind.SUBMIT_UNKNOWN, None),
        (answered(504, error(kind="server_error")), Kind.SUBMIT_UNKNOWN, None),
        (answered(408), Kind.SUBMIT_UNKNOWN, None),
        (answered(409, error()), Kind.SUBMIT_UNKNOWN, None),
        (answered(425, error()), Kind.SUBMIT_UNKNOWN, None),
        (answered(200, error()), Kind.FAILED, None),
        (answered(200, {"data": [None, 7, {"b64_json": None, "url": 3}]}), Kind.FAILED, None),
        (answered(200, {"data": {"b64_json": "aGk="}}), Kind.FAILED, None),
        (answered(200, ["data"]), Kind.SUBMIT_UNKNOWN, None),
        (answered(200), Kind.SUBMIT_UNKNOWN, None),
    ],
)
def test_every_no_that_the_exchanges_lack_has_its_meaning(
    answer: ProviderResponse, kind: Kind, is_billed: bool | None
) -> None:
    with pytest.raises(ProviderError) as refusal:
        picture_of(answer)

    assert (refusal.value.kind, refusal.value.is_billed) == (kind, is_billed)


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [({"retry_after": "soon"}, None), ({"retry_after": "9e9"}, 3600.0), ({}, None)],
)
def test_the_wait_is_taken_from_the_header(headers: dict[str, str], wait_s: float | None) -> None:
    with pytest.raises(ProviderError) as refusal:
        picture_of(answered(429, error(code="rate_limit_exceeded"), **headers))

    assert refusal.value.retry_after_s == wait_s


def test_a_picture_is_found_in_base64_before_its_address() -> None:
    both = {"data": [{"url": "/made.png", "b64_json": "aGk="}]}

    assert picture_of(answered(200, both))[0] == "aGk="
    assert picture_of(answered(200, {"data": [{"url": "/made.png"}]}))[1] == "/made.png"
    assert picture_of(answered(200, {"data": [{"url": "data:;base64,aGk="}]}))[1] == ""


def test_base64_is_taken_in_all_its_forms_and_sizes_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "made.jpg"
    for wrong in ("aGk*", "aGkaa", "картинка"):
        with pytest.raises(ProviderError, match="failed"):
            write_base64(wrong, target)
        assert list(tmp_path.iterdir()) == []
    for encoded in ("+/+/aGk=", "+/+/aGk", "data:image/png;base64,+/+/aGk=", "-_-_aGk",
                    "+/+/\n aGk=\n"):  # fmt: skip
        write_base64(encoded, target)
        assert target.read_bytes() == b"\xfb\xff\xbfhi"
        assert list(tmp_path.iterdir()) == [target]
    # Above what Telegram takes.
    write_base64("A" * (72 << 20), target)
    assert target.stat().st_size == 54 << 20


async def test_the_preset_offers_all_but_an_upscale() -> None:
    spec = validate(read_preset("openai"), OpenAiSpec)
    provider = OpenAiProvider(spec, ProviderConfig(key="sk-1"))

    assert list(provider.offers) == [*("create", "edit", "merge", "retouch", "inpaint", "removebg")]
    assert provider.offers[Operation.MERGE].inputs.max_count == 10
    assert (spec.key, provider.order_limit) == ("OPENAI_API_KEY", OrderLimit(250, 60.0))
    assert base64.b64encode(b"sk-1").decode() not in repr(provider.offers)
    await provider.aclose()


async def test_an_operator_chooses_address_model_and_price() -> None:
    terms = """
usual = { create = "two", edit = "third", upscale = "fourth" }
prices_usd = { edit = 0.000003 }
"""
    provider = OpenAiProvider(spec_of(terms + FILE), ProviderConfig())

    chosen = {name: (offer.model, offer.price_micro) for name, offer in provider.offers.items()}
    assert chosen == {"create": ("two", 0), "edit": ("third", 3)}
    await provider.aclose()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"create", "edit"', '"create", "upscale"', "line 4: models.0.operations.1"),
        ('"low"', '"low", n = 4', "line 10: models.1.body: n is set by imgbot itself"),
        ('"low"', "[1]", "line 10: models.1.body.quality"),
        ('url = "http', 'url = "ftp', "line 2: url"),
        ("price_usd", "price", "line 6: models.0.price: unknown key"),
        ("[[models]]", "[sizes]\narea_px = 9\nlisted = {wide = '9x9'}\n[[models]]", "line 5"),
        ("[[models]]", 'headers = {Host = "x"}\n[[models]]', "'Host' is set by imgbot itself"),
        ("[[models]]", 'headers = {X = "a\\nb"}\n[[models]]', "'X' is not a header"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(old: str, new: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=r"^IMGBOT_PROVIDER: mine\.toml, line") as refusal:
        spec_of(FILE.replace(old, new, 1))

    assert complaint in str(refusal.value)


def test_a_ratio_becomes_the_nearest_size() -> None:
    listed = validate(read_preset("openai"), OpenAiSpec).sizes
    fitting = spec_of("sizes = { area_px = 1_048_576, default = '512x512' }\n" + FILE).sizes
    silent = spec_of(FILE).sizes

    ratios = ("16:9", "21:9", "5:4", "9:16", "", "0:1", "wide")
    sizes = ["1360x768", "1360x768", "1152x864", "768x1360", "", "", ""]
    assert [listed.size_of(ratio) for ratio in ratios] == sizes
    sizes = ["1024x1024", "1360x768", "592x1776", "512x512"]
    assert [fitting.size_of(ratio) for ratio in ("1:1", "16:9", "1:100", "")] == sizes
    assert silent.size_of("16:9") == ""
