"""The simulated provider: ordered from, as the bot would, over real HTTP."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from imgbot.domain.errors import ProviderError, ProviderErrorKind as Kind
from imgbot.domain.operations import Operation
from imgbot.providers.declarative.provider import DeclaredProvider
from imgbot.providers.declarative.spec import read_spec
from imgbot.providers.protocol import Accepted, Done, GenerationRequest, Pending, ProviderConfig
from imgbot.providers.spec_file import read_file
from imgbot.sandbox.simulated_provider import SPEC_FILE, SimulatedProvider
from tests.fixtures.requests import make_order, submitted
from tests.fixtures.sandbox import data_uri, open_sandbox, picture, seen

PICTURES = {Operation.CREATE: 0, Operation.MERGE: 3}


@dataclass(frozen=True)
class Setup:
    simulated: SimulatedProvider
    provider: DeclaredProvider

    async def end(self, order: GenerationRequest, *, polls: int = 1) -> Done:
        """Order and ask that often."""
        answer = await submitted(self.provider, order)
        assert isinstance(answer, Accepted)
        for _ in range(polls - 1):
            assert isinstance(await self.provider.poll(answer.ticket), Pending)
        done = await self.provider.poll(answer.ticket)
        assert isinstance(done, Done)
        return done


@asynccontextmanager
async def open_setup(key: str = "") -> AsyncGenerator[Setup]:
    async with open_sandbox(page=False) as (sandbox, _):
        simulated = sandbox.providers["simulated"]
        simulated.ledger.change_settings({"duration_s": [0, 0]})
        config = ProviderConfig(simulated.base_url, key or simulated.key)
        provider = DeclaredProvider(read_spec(read_file(SPEC_FILE)), config)
        yield Setup(simulated, provider)
        await provider.aclose()


async def test_every_operation_becomes_a_picture_and_one_charge(tmp_path: Path) -> None:
    async with open_setup() as setup:
        for operation in setup.provider.offers:
            count = PICTURES.get(operation, 1)
            contents = [picture(60 + side, 45) for side in range(count)]
            order = make_order(
                tmp_path, operation, "a lake", pictures=contents, ratio="16:9", job_id=operation
            )
            if operation is Operation.INPAINT:
                mask = tmp_path / "mask.png"
                area = Image.new("L", (60, 45))
                area.paste(255, (10, 10, 30, 30))
                area.save(mask)
                order = replace(order, mask=mask)
            done = await setup.end(order)
            await setup.provider.fetch(done.outputs[0], tmp_path / "result")

            task, charge = setup.simulated.ledger.tasks[-1], setup.simulated.ledger.charges[-1]
            assert (task.operation, task.images) == (operation, count)
            assert charge["charged_usd"] == setup.simulated.ledger.settings.price_usd
            shape, size = seen((tmp_path / "result").read_bytes())
            assert shape == ("GIF" if operation is Operation.ANIMATE else "JPEG")
            if operation is Operation.UPSCALE:
                assert size == (120, 90)
        assert len(setup.simulated.ledger.charges) == len(setup.provider.offers)


@pytest.mark.parametrize(
    ("mark", "kind", "charges"),
    [
        ("402", Kind.NO_CREDIT, 0),
        ("429=1", Kind.RATE_LIMITED, 0),
        ("5xx_on_submit=1", Kind.UNAVAILABLE, 0),
        ("drop_after_accept=1", Kind.SUBMIT_UNKNOWN, 1),
        ("500_after_accept=1", Kind.SUBMIT_UNKNOWN, 1),
        ("garbled_submit=1", Kind.SUBMIT_UNKNOWN, 1),
        ("moderated", Kind.MODERATED, 0),
        ("fail", Kind.FAILED, 0),
        ("5xx_on_poll=1", Kind.UNAVAILABLE, 1),
        ("429_on_poll=1", Kind.RATE_LIMITED, 1),
        ("malformed=1", Kind.UNAVAILABLE, 1),
    ],
)
async def test_a_fault_is_read_as_its_kind(
    mark: str, kind: Kind, charges: int, tmp_path: Path
) -> None:
    async with open_setup() as setup:
        with pytest.raises(ProviderError) as refusal:
            await setup.end(make_order(tmp_path, Operation.CREATE, f"a lake [[sim:{mark}]]"))

        assert refusal.value.kind is kind
        assert len(setup.simulated.ledger.charges) == charges


async def test_a_task_takes_its_time_and_a_wrong_key_is_refused(tmp_path: Path) -> None:
    order = make_order(tmp_path, Operation.CREATE, "a lake [[sim:polls=2]] [[sim:expired]]")
    async with open_setup() as setup:
        done = await setup.end(order, polls=3)
        with pytest.raises(ProviderError) as gone:
            await setup.provider.fetch(done.outputs[0], tmp_path / "result")
        with pytest.raises(ProviderError) as lost:
            await setup.provider.poll({"id": "nobody", "model": "a/b"})
    async with open_setup(key="wrong-key") as setup:
        with pytest.raises(ProviderError) as refusal:
            await submitted(setup.provider, order)

    kinds = [error.value.kind for error in (gone, lost, refusal)]
    assert kinds == [Kind.EXPIRED, Kind.LOST, Kind.AUTH]


@pytest.mark.parametrize(("is_on", "tasks"), [(True, 1), (False, 2)])
async def test_the_same_job_id_is_charged_once(is_on: bool, tasks: int, tmp_path: Path) -> None:
    async with open_setup() as setup:
        ledger = setup.simulated.ledger
        ledger.change_settings({"idempotency": is_on, "lookup": is_on})
        order = make_order(tmp_path, Operation.CREATE, "a lake [[sim:drop_after_accept]]")
        with pytest.raises(ProviderError) as cut:
            await submitted(setup.provider, order)
        with nullcontext() if is_on else pytest.raises(ProviderError):
            await submitted(setup.provider, order)
        with nullcontext() if is_on else pytest.raises(ProviderError, match="lost"):
            await setup.provider.look_up(order.job_id)

        assert cut.value.kind is Kind.SUBMIT_UNKNOWN
        assert len(ledger.charges) == len(ledger.tasks) == tasks
        assert ledger.tasks[0].submits == 3 - tasks


async def test_files_are_public_and_may_be_no_pictures(tmp_path: Path) -> None:
    order = make_order(tmp_path, Operation.CREATE, "a lake [[sim:not_a_picture]]")
    async with open_setup() as setup, httpx.AsyncClient() as http:
        url = (await setup.end(order)).outputs[0].url
        refused = await http.get(url, headers={"Authorization": f"Bearer {setup.simulated.key}"})
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
    async with open_setup() as setup, httpx.AsyncClient() as http:
        headers = {"Authorization": f"Bearer {setup.simulated.key}"}
        answer = await http.post(
            f"{setup.simulated.base_url}/tasks", json=body | changed, headers=headers
        )

        assert answer.status_code == 422
        assert setup.simulated.ledger.charges == []
