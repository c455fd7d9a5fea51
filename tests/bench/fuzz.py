"""Fuzzing of input from outside: updates, prompts, provider answers, webhooks, files, pictures.

`python -m tests.bench.fuzz --cases 100000` mutates good inputs at random, each by a seed of its
own, and prints what was found and the peak memory; an input may be refused, but only by the error
that its caller expects. `tests/unit/test_fuzz.py` runs some cases of each.
"""

import argparse
import asyncio
import copy
import functools
import json
import random
import resource
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pydantic import ValidationError

from imgbot.bot import messages
from imgbot.config.sources import load_settings, read_environment_file
from imgbot.domain.buttons import action_in
from imgbot.domain.complaints import offer_for
from imgbot.domain.errors import ConfigError, ProviderError, UserError
from imgbot.domain.intents import ChatFacts, PendingQuestion, classify, scale_in, wording_key
from imgbot.domain.operations import Operation
from imgbot.domain.prompt_options import parse_prompt_options
from imgbot.domain.remix import amend, repeats_prompt
from imgbot.domain.update import chat_of, is_group_chatter, sender_of
from imgbot.domain.words import read as read_words
from imgbot.domain.words.chat import ChatPicture, ChatState
from imgbot.painter.engine.edit_request import parse_edit_request
from imgbot.painter.engine.merge_request import parse_merge_request
from imgbot.painter.pictures import check_picture
from imgbot.providers.factory import PRESETS, open_provider
from imgbot.providers.http import ProviderHttpClient, ProviderResponse, _decoded
from imgbot.providers.protocol import Done, GenerationRequest, Output, ProviderConfig
from imgbot.telegram.lazy_models import import_aiogram
from tests.fakes.exchanges import read_vendor
from tests.fixtures import hostile
from tests.fixtures.bot import extending
from tests.fixtures.photos import load_photo
from tests.fixtures.requests import make_order
from tests.fixtures.utterances import KNOWN, utterances_in

VENDORS = ("bfl", "fal", "kie", "replicate", "wavespeed", "comfyui", "openai")
_PICTURES = ChatState((ChatPicture("fox", Operation.CREATE, ("a red fox",)), ChatPicture("photo")))
_HOSTILE_VALUES: Sequence[Any] = (
    *(
        None,
        True,
        -1,
        0,
        1 << 63,
        1e308,
        float("nan"),
        "",
        "x" * 5000,
        [],
        {},
        [[[[[]]]]],
        "\ud800",
    ),
    *("https://169.254.169.254/", "../../etc/passwd", "\x00", {"id": {"id": []}}, [None] * 50),
)
_HOSTILE_TEXTS = (
    *(
        "\u202e",
        "\u0301" * 30,
        "\x00",
        "👩\u200d🚀" * 9,
        "«",
        "'" * 40,
        "--no ",
        "16:9 ",
        " 2 варианта",
    ),
    *(
        "а" * 300,
        "?" * 90,
        "\n\n",
        "первый вариант лучше ",
        "not ",
        "не ",
        "ß",
        "İ",
        "1/3",
        "\ud83e",
    ),
)
_USER = {"id": 7, "is_bot": False, "first_name": "Ann", "language_code": "en"}
_CHAT = {"id": 7, "type": "private", "first_name": "Ann"}
_SIZE = {"file_id": "a", "file_unique_id": "b", "width": 90, "height": 60, "file_size": 1200}
_MESSAGE = {"message_id": 5, "date": 1795165200, "chat": _CHAT, "from": _USER, "text": "a fox"}
_GROUP = {"id": -100, "type": "supergroup", "title": "Friends", "is_forum": True}
_UPDATES: Sequence[Mapping[str, Any]] = [
    {"update_id": 1, "message": _MESSAGE},
    {"update_id": 2, "message": _MESSAGE | {"photo": [_SIZE], "caption": "/edit red"}},
    {
        "update_id": 3,
        "message": _MESSAGE
        | {
            "chat": _GROUP,
            "message_thread_id": 4,
            "is_topic_message": True,
            "text": "@imgbot a fox",
            "entities": [{"type": "mention", "offset": 0, "length": 7}],
            "reply_to_message": _MESSAGE | {"chat": _GROUP, "photo": [_SIZE]},
        },
    },
    {
        "update_id": 4,
        "callback_query": {
            "id": "9",
            "from": _USER,
            "chat_instance": "1",
            "data": "again:7-1",
            "message": _MESSAGE | {"photo": [_SIZE]},
        },
    },
    {"update_id": 5, "edited_message": _MESSAGE | {"edit_date": 1795165300, "media_group_id": "1"}},
    {
        "update_id": 6,
        "inline_query": {"id": "9", "from": _USER, "query": "fox", "offset": ""},
    },
    {
        "update_id": 7,
        "my_chat_member": {
            "chat": _GROUP,
            "from": _USER,
            "date": 1795165200,
            "old_chat_member": {"status": "left", "user": _USER},
            "new_chat_member": {"status": "member", "user": _USER},
        },
    },
    {
        "update_id": 8,
        "message": _MESSAGE
        | {
            "document": {"file_id": "a", "file_unique_id": "b", "mime_type": "image/png"},
            "external_reply": {
                "origin": {"type": "user", "date": 1795165200, "sender_user": _USER},
                "photo": [_SIZE],
            },
        },
    },
]

_SLOW_S = 5.0

Case = Callable[[random.Random], None]
"""Makes one input of a random source and uses it; raises for a finding."""


def mutated_json(value: Any, dice: random.Random) -> Any:
    """Return a copy of a JSON value with a few places changed, removed or doubled."""
    value = copy.deepcopy(value)
    for _ in range(dice.randint(1, 3)):
        places = list(_places(value))
        holder, key = dice.choice(places) if places else (None, None)
        if holder is None:
            return copy.deepcopy(dice.choice(_HOSTILE_VALUES))
        match dice.randrange(4):
            case 0:
                del holder[key]
            case 1:
                other, name = dice.choice(places)
                with suppress(KeyError, IndexError):
                    # A value that holds itself would be none of JSON's.
                    holder[key] = copy.deepcopy(other[name])
            case _:
                holder[key] = copy.deepcopy(dice.choice(_HOSTILE_VALUES))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def mutated_bytes(content: bytes, other: bytes, dice: random.Random) -> bytes:
    """Return content with a few bytes flipped, cut out, doubled or taken from another."""
    found = bytearray(content)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(found) + 1)
        end = min(len(found), at + dice.choice((1, 2, 4, 16, 200)))
        match dice.randrange(5):
            case 0:
                found[at:end] = dice.randbytes(end - at)
            case 1:
                del found[at:end]
            case 2:
                found[at:at] = found[at:end]
            case 3:
                found[at:end] = dice.choice((b"\xff", b"\x00", b"\x7f")) * (end - at)
            case _:
                begin = dice.randrange(len(other) + 1)
                found[at:end] = other[begin : begin + 64]
    return bytes(found)


def mutated_text(known: Sequence[str], dice: random.Random) -> str:
    """Return pieces of known texts with hostile ones among them, at most 2,000 characters."""
    pieces = list[str]()
    for _ in range(dice.randint(1, 5)):
        text = dice.choice(known)
        at = dice.randrange(len(text) + 1)
        pieces += [text[:at], dice.choice(_HOSTILE_TEXTS) if dice.random() < 0.5 else "", text[at:]]
    return (" ".join(pieces) * dice.choice((1, 1, 1, 2, 40)))[:2000]


def updates() -> Iterator[Case]:
    """Updates: raw, as aiogram's models, and read as the handlers read them."""
    import_aiogram()
    from aiogram.types import Update

    def use(dice: random.Random) -> None:
        raw = mutated_json(dice.choice(_UPDATES), dice)
        if not isinstance(raw, dict):
            return
        chat_of(raw), sender_of(raw), is_group_chatter(raw)
        try:
            update = Update.model_validate(raw)
        except ValidationError:
            return
        if (message := update.message or update.edited_message) is not None:
            for read in (
                messages.prompt_of,
                messages.command_of,
                messages.addressee_of,
                messages.photo_of,
                messages.replied_picture_of,
                messages.target_photo,
                messages.is_about_picture,
                messages.text_after,
            ):
                with suppress(UserError):
                    read(message)
            messages.without_mention(message, "imgbot")
        if update.callback_query is not None:
            messages.asked_about(update.callback_query)
            action_in(update.callback_query.data)

    yield use


def prompts() -> Iterator[Case]:
    """Texts in any chat: understood, amended, freed of their options, or read as an edit."""
    known = [each.text for file in KNOWN for each in utterances_in(file)]

    def use(dice: random.Random) -> None:
        text, latest = (messages.clean(mutated_text(known, dice)) for _ in range(2))
        facts = ChatFacts(
            has_picture=dice.random() < 0.7,
            is_reply_to_picture=dice.random() < 0.2,
            pending=dice.choice(list(PendingQuestion)),
            latest_prompt=latest,
        )
        said = classify(text, facts)
        for read in (
            wording_key,
            scale_in,
            functools.partial(read_words, chat=_PICTURES),
            repeats_prompt,
            offer_for,
            parse_edit_request,
        ):
            read(text)
        parse_prompt_options(said.prompt)
        parse_merge_request(text, 3)
        with suppress(UserError):
            amend(latest, text)

    yield use


def answers() -> Iterator[Case]:
    """Answers of each vendor to every call, and webhooks with headers of any kind."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    for name in VENDORS:
        vendor = read_vendor(name)
        models = vendor.data.get("models", {}).items()
        usual = ", ".join(f'{operation} = "{model}"' for operation, model in models)
        file = extending(name, folder, f"usual = {{ {usual} }}")
        provider = open_provider(file, ProviderConfig(key=vendor.data["key"]), _make)
        known = [each for each in vendor.responses.values() if not each.picture]
        order = make_order(folder, Operation.CREATE, "a lake")
        yield functools.partial(_answer, provider, order, known)


async def _make(order: GenerationRequest) -> Done:
    raise NotImplementedError(order.job_id)


def _answer(provider: Any, order: Any, known: Sequence[Any], dice: random.Random) -> None:
    ticket = {"id": "1", "status_url": "https://x.example/1", "url": "https://x.example/2"}

    async def answer(*_: Any, **__: Any) -> ProviderResponse:
        one = dice.choice(known)
        body = one.content
        if dice.random() < 0.7:
            with suppress(ValueError):
                body = json.dumps(mutated_json(json.loads(body), dice)).encode()
        if dice.random() < 0.3:
            body = mutated_bytes(body, dice.choice(known).content, dice)
        status = dice.choice((one.status, one.status, 200, 201, 400, 402, 404, 429, 500, 503, 302))
        text = body[:2000].decode(errors="replace")
        return ProviderResponse(status, dict(one.headers), _decoded(bytearray(body)), text)

    async def call() -> None:
        headers = {"webhook-id": "1", "webhook-timestamp": "x", "webhook-signature": "v1,é="}
        hooked = mutated_bytes(dice.choice(known).content, b"\xff\x00{", dice)
        signed = dict(headers) if dice.random() < 0.5 else {}
        for called in (
            lambda: provider.submit(order),
            lambda: provider.poll(ticket),
            lambda: provider.look_up("7-1"),
            lambda: provider.search(Operation.CREATE, {"input": "a lake"}, 0),
            lambda: provider.cancel(ticket),
            provider.balance,
            lambda: provider.ticket_of_hook(Operation.CREATE, signed, hooked, 1.0),
        ):
            with suppress(ProviderError):
                found = await called()
                for output in getattr(found, "outputs", ()):
                    assert isinstance(output, Output)

    async def no_file(*_: Any, **__: Any) -> None: ...

    with patch.multiple(ProviderHttpClient, submit=answer, ask=answer, fetch=no_file):
        asyncio.run(call())


def files() -> Iterator[Case]:
    """Spec files and environment files, as an operator may have damaged them."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    specs = [path.read_bytes() for path in Path(str(PRESETS)).glob("*.toml")]

    def use_spec(dice: random.Random) -> None:
        path = folder / "own.toml"
        path.write_bytes(_mutated_spec(dice.choice(specs), dice.choice(specs), dice))
        with suppress(ConfigError):
            open_provider(str(path), ProviderConfig(key="key"), _make)

    lines = (Path(__file__).parents[2] / "systemd" / "imgbot.env").read_bytes()
    plain = lines.replace(b"\n#IMGBOT", b"\nIMGBOT").replace(b"\n# IMGBOT", b"\nIMGBOT")

    def use_environment(dice: random.Random) -> None:
        path = folder / "imgbot.env"
        path.write_bytes(mutated_bytes(plain, lines, dice))
        with suppress(ConfigError):
            load_settings(read_environment_file(path) | {"IMGBOT_STATE_DIR": str(folder)})

    yield use_spec
    yield use_environment


def _mutated_spec(spec: bytes, other: bytes, dice: random.Random) -> bytes:
    """Return a spec file with lines dropped, doubled and mixed, or with damaged bytes."""
    if dice.random() < 0.3:
        return mutated_bytes(spec, other, dice)
    lines, others = spec.splitlines(), other.splitlines()
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(lines))
        name, _, _ = lines[at].partition(b"=")
        value = dice.choice((b"1", b'""', b"[]", b"{}", b"-1", b"nan", b'"$"', b"true", b'["{"]'))
        lines[at] = dice.choice((b"", name + b"=" + value, dice.choice(others), lines[at] * 2))
    return b"\n".join(lines)


def pictures() -> Iterator[Case]:
    """Files that claim to be pictures, checked as a worker checks them."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    photo = load_photo("cat").resize((96, 64))
    kinds = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
    known = [hostile.encoded(photo, kind) for kind in kinds]
    known += [hostile.gif_of_frames(3), hostile.png_with_profile_bomb(1 << 20)]

    def use(dice: random.Random) -> None:
        path = folder / "picture"
        path.write_bytes(mutated_bytes(dice.choice(known), dice.choice(known), dice))
        with suppress(UserError):
            check_picture(str(path), str(folder / "out"))

    yield use


TARGETS: Mapping[str, Callable[[], Iterator[Case]]] = {
    each.__name__: each for each in (updates, prompts, answers, files, pictures)
}


def findings(target: str, cases: int, seed: int = 0) -> Iterator[tuple[int, Exception]]:
    """Run cases of a target; yield the seed and the error of each that went wrong."""
    uses = list(TARGETS[target]())
    for number in range(seed, seed + cases):
        begun_s = time.process_time()
        try:
            uses[number % len(uses)](random.Random(number))
            if (took_s := time.process_time() - begun_s) > _SLOW_S:
                raise TimeoutError(f"took {took_s:.1f} s")  # noqa: TRY301
        except Exception as error:  # noqa: BLE001 -- any error but the expected one is a finding
            yield number, error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=sorted(TARGETS), nargs="*", default=sorted(TARGETS))
    options = parser.parse_args()
    for target in options.target:
        begun_s, known = time.perf_counter(), dict[str, int]()
        for number, error in findings(target, options.cases, options.seed):
            [*_, last] = traceback.extract_tb(error.__traceback__) or [None]
            place = (
                f"{type(error).__name__} {Path(last.filename).name}:{last.lineno}" if last else ""
            )
            known[place] = known.get(place, 0) + 1
            if known[place] == 1:
                print(f"  seed {number}: {error!r:.300} at {place}", flush=True)
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rate = options.cases / (time.perf_counter() - begun_s)
        print(
            f"{target}: {options.cases} cases, {sum(known.values())} findings in {len(known)}"
            f" places, {rate:.0f} cases/s, peak memory so far {peak_mib:.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main()
