"""The sandbox's player of presets: each is ordered from, as the bot would, over real HTTP."""

import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from imgbot.domain.errors import ProviderError, ProviderErrorKind as Kind
from imgbot.domain.operations import Operation
from imgbot.providers.declarative.player import PresetPlayer
from imgbot.providers.declarative.provider import DeclaredProvider
from imgbot.providers.declarative.spec import read_spec
from imgbot.providers.protocol import (
    Accepted,
    Cancelled,
    Done,
    GenerationRequest,
    Pending,
    ProviderConfig,
)
from imgbot.providers.spec_file import SpecDocument, read_file, read_preset
from imgbot.sandbox import provider_webhooks
from imgbot.sandbox.played_preset import SIMULATED, PlayedPreset
from tests.fixtures.requests import make_order, submitted
from tests.fixtures.sandbox import data_uri, open_sandbox, picture, seen

PRESETS = ("simulated", "bfl", "fal", "kie", "replicate", "wavespeed")
PICTURES = {Operation.CREATE: 0, Operation.MERGE: 3}


def document_of(name: str) -> SpecDocument:
    return read_file(SIMULATED) if name == "simulated" else read_preset(name)


@dataclass(frozen=True)
class PlayedSetup:
    played: PlayedPreset
    provider: DeclaredProvider

    async def end(self, order: GenerationRequest, *, polls: int = 1) -> Done:
        """GenerationRequest and ask that often."""
        answer = await submitted(self.provider, order)
        assert isinstance(answer, Accepted)
        for _ in range(polls - 1):
            assert isinstance(await self.provider.poll(answer.ticket), Pending)
        done = await self.provider.poll(answer.ticket)
        assert isinstance(done, Done)
        return done


@asynccontextmanager
async def open_played(
    name: str, *, key: str = "", hook_key: str = ""
) -> AsyncGenerator[PlayedSetup]:
    async with open_sandbox(page=False) as (sandbox, _):
        played = sandbox.presets[name]
        played.ledger.change_settings({"duration_s": [0, 0]})
        # Replicate and the others publish it; kie shows it in its dashboard.
        shown = hook_key if name == "kie" else ""
        config = ProviderConfig(played.base_url, key or played.key, shown)
        provider = DeclaredProvider(read_spec(document_of(name)), config)
        yield PlayedSetup(played, provider)
        await provider.aclose()


@pytest.mark.parametrize("name", PRESETS)
async def test_every_operation_of_a_preset_becomes_a_picture_and_one_charge(
    name: str, tmp_path: Path
) -> None:
    async with open_played(name) as setup:
        for operation, offer in setup.provider.offers.items():
            count = PICTURES.get(operation, 1)
            contents = [picture(60 + side, 45) for side in range(count)]
            order = make_order(
                tmp_path, operation, "a lake", pictures=contents, ratio="16:9", job_id=operation
            )
            done = await setup.end(order)
            await setup.provider.fetch(done.outputs[0], tmp_path / "result")

            task, charge = setup.played.ledger.tasks[-1], setup.played.ledger.charges[-1]
            assert (task.model, task.images) == (offer.model, count)
            usual = setup.played.ledger.settings.price_usd
            assert charge["charged_usd"] == (offer.price_at(2) / 1_000_000 or usual)
            shape, size = seen((tmp_path / "result").read_bytes())
            assert shape == "JPEG"
            if operation is Operation.UPSCALE:
                assert size == (120, 90)
        assert len(setup.played.ledger.charges) == len(setup.provider.offers)


SUBMITS = (
    ("402", Kind.NO_CREDIT, 0),
    ("429=1", Kind.RATE_LIMITED, 0),
    ("5xx_on_submit=1", Kind.UNAVAILABLE, 0),
    ("drop_after_accept=1", Kind.SUBMIT_UNKNOWN, 1),
    ("500_after_accept=1", Kind.SUBMIT_UNKNOWN, 1),
    ("garbled_submit=1", Kind.SUBMIT_UNKNOWN, 1),
)
TASKS = (
    ("moderated", Kind.MODERATED, 0),
    ("fail", Kind.FAILED, 0),
    ("5xx_on_poll=1", Kind.UNAVAILABLE, 1),
    ("429_on_poll=1", Kind.RATE_LIMITED, 1),
    ("malformed=1", Kind.UNAVAILABLE, 1),
)


@pytest.mark.parametrize("name", PRESETS)
async def test_every_fault_is_played_in_the_words_of_the_preset(name: str, tmp_path: Path) -> None:
    async with open_played(name) as setup:
        for mark, kind, charges in (*SUBMITS, *TASKS):
            before = len(setup.played.ledger.charges)
            words = f"a lake [[sim:{mark}]]"
            order = make_order(tmp_path, Operation.CREATE, words, job_id=mark)
            with pytest.raises(ProviderError) as refusal:
                await setup.end(order)
            assert (mark, refusal.value.kind) == (mark, kind), refusal.value
            assert (mark, len(setup.played.ledger.charges) - before) == (mark, charges)


@pytest.mark.parametrize("name", PRESETS)
async def test_a_task_takes_its_time_and_a_wrong_key_is_refused(name: str, tmp_path: Path) -> None:
    order = make_order(tmp_path, Operation.CREATE, "a lake [[sim:polls=2]] [[sim:expired]]")
    async with open_played(name) as setup:
        done = await setup.end(order, polls=3)
        with pytest.raises(ProviderError) as gone:
            await setup.provider.fetch(done.outputs[0], tmp_path / "result")
        with pytest.raises(ProviderError) as lost:
            await setup.provider.poll({"id": "nobody", "model": "a/b"})
    async with open_played(name, key="wrong-key") as setup:
        with pytest.raises(ProviderError) as refusal:
            await submitted(setup.provider, order)

    assert gone.value.kind is Kind.EXPIRED
    assert lost.value.kind in {Kind.LOST, Kind.EXPIRED}
    assert refusal.value.kind is Kind.AUTH


@pytest.mark.parametrize("name", ["simulated", "fal", "replicate"])
async def test_a_lost_order_is_listed_and_a_running_one_called_off(
    name: str, tmp_path: Path
) -> None:
    order = make_order(tmp_path, Operation.CREATE, "a lake [[sim:drop_after_accept]]")
    async with open_played(name) as setup:
        provider, since_ms = setup.provider, round(time.time() * 1000)
        with pytest.raises(ProviderError):
            await submitted(provider, order)
        if name == "simulated":
            ticket = await provider.look_up(order.job_id)
            assert await provider.look_up("another") is None
        else:
            fields = await provider.fields_of(order)
            [ticket] = await provider.search(Operation.CREATE, fields, since_ms)
        assert ticket
        assert isinstance(await provider.poll(ticket), Done)

        words = "a sea [[sim:slow=600]]"
        slow = make_order(tmp_path, Operation.CREATE, words, job_id="job-2")
        answer = await submitted(provider, slow)
        assert isinstance(answer, Accepted)
        verdicts = [await provider.cancel(answer.ticket) for _ in range(2)]
        assert verdicts == [Cancelled.ACCEPTED, Cancelled.TOO_LATE]


@pytest.mark.parametrize("name", PRESETS[1:])
async def test_webhooks_are_signed_as_the_preset_says_and_can_be_forged(name: str) -> None:
    async with open_played(name, hook_key=provider_webhooks.SECRET) as setup:
        hook = read_spec(document_of(name)).hook
        assert hook is not None
        body = json.dumps(PresetPlayer(read_spec(document_of(name)), {}).hook("task-1")).encode()
        told = provider_webhooks.signed(hook.scheme, "task-1", round(time.time()), body)

        async def task_of(webhook: provider_webhooks.Webhook) -> Any:
            headers = {name.lower(): value for name, value in webhook[0].items()}
            ticket = await setup.provider.ticket_of_hook(
                Operation.CREATE, headers, webhook[1], time.time()
            )
            return ticket and ticket["id"]

        assert await task_of(told) == "task-1"
        # Where nothing is signed, only our own secret address counts.
        forged = await task_of(provider_webhooks.forged(told))
        assert forged == ("task-1" if hook.scheme == "none" else None)


@pytest.mark.parametrize(("is_on", "tasks"), [(True, 1), (False, 2)])
async def test_the_same_job_id_is_charged_once(is_on: bool, tasks: int, tmp_path: Path) -> None:
    async with open_played("simulated") as setup:
        setup.played.ledger.change_settings({"idempotency": is_on, "lookup": is_on})
        order = make_order(tmp_path, Operation.CREATE, "a lake [[sim:drop_after_accept]]")
        with pytest.raises(ProviderError) as cut:
            await submitted(setup.provider, order)
        with nullcontext() if is_on else pytest.raises(ProviderError):
            await submitted(setup.provider, order)
        with nullcontext() if is_on else pytest.raises(ProviderError, match="lost"):
            await setup.provider.look_up(order.job_id)

        assert cut.value.kind is Kind.SUBMIT_UNKNOWN
        assert len(setup.played.ledger.charges) == len(setup.played.ledger.tasks) == tasks
        assert setup.played.ledger.tasks[0].submits == 3 - tasks


async def test_files_are_public_and_may_be_no_pictures(tmp_path: Path) -> None:
    order = make_order(tmp_path, Operation.CREATE, "a lake [[sim:not_a_picture]]")
    async with open_played("simulated") as setup, httpx.AsyncClient() as http:
        url = (await setup.end(order)).outputs[0].url
        refused = await http.get(url, headers={"Authorization": f"Bearer {setup.played.key}"})
        page, file = await http.get(url), await http.get(url)

    assert refused.status_code == 400
    assert page.content.startswith(b"<!doctype html>")
    assert seen(file.content)[0] == "JPEG"


@pytest.mark.parametrize(
    "changed",
    [
        {"operation": "dance"},
        {"images": ["https://example.org/a.jpg"]},
        {"images": ["data:image/jpeg;base64,%%%"]},
        {"images": [data_uri(b"words")]},
        {"images": [data_uri(picture()[:500])]},
    ],
)
async def test_a_wrong_order_is_refused_and_free(changed: dict[str, Any]) -> None:
    body = {"operation": "edit", "words": "a hat", "images": [data_uri(picture())], "seed": 1}
    async with open_played("simulated") as setup, httpx.AsyncClient() as http:
        headers = {"Authorization": f"Bearer {setup.played.key}"}
        answer = await http.post(
            f"{setup.played.base_url}/tasks", json=body | changed, headers=headers
        )

        assert answer.status_code == 422
        assert setup.played.ledger.charges == []
