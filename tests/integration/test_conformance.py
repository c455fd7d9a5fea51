"""One suite for all providers: each operation in each scenario, over real HTTP.

Whatever a provider answers ends within a bound, in a picture or in an error of the right kind,
is charged as often as it should be, and carries neither our secrets nor a Telegram address.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio

from imgbot.domain.errors import ProviderError, ProviderErrorKind as Kind, UserError
from imgbot.domain.operations import Operation
from imgbot.imaging import pictures
from imgbot.providers.config import ProviderConfig
from imgbot.providers.declarative.provider import DeclaredProvider
from imgbot.providers.factory import open_provider
from imgbot.providers.http import Timeouts
from imgbot.providers.protocol import (
    Accepted,
    Cancelled,
    Done,
    GenerationRequest,
    Pending,
    Provider,
    uploaded,
)
from imgbot.sandbox.server import Sandbox
from tests.support.conformance import HOSTED, LASTING, PROVIDERS, Scenario, cases
from tests.support.orders import make_order, submitted
from tests.support.sandbox import open_sandbox, picture

pytestmark = pytest.mark.asyncio(loop_scope="module")

_MOST_STEPS = 20
_WORDLESS = frozenset({Operation.RETOUCH, Operation.UPSCALE})
_PICTURES = {Operation.CREATE: 0, Operation.MERGE: 3}
_SHORT = Timeouts(ask_s=3.0, fetch_s=3.0)
"""For scenarios that last until a deadline."""


@dataclass
class Stand:
    """A sandbox, and a provider of each kind on it."""

    sandbox: Sandbox
    opened: dict[str, Provider] = field(default_factory=dict[str, Provider])
    hurried_ones: dict[str, Provider] = field(default_factory=dict[str, Provider])

    def provider(self, name: str) -> Provider:
        if name not in self.opened:
            self.opened[name] = self.open(name)
        return self.opened[name]

    def hurried(self, name: str) -> Provider:
        """The same provider with short deadlines."""
        if name not in self.hurried_ones:
            self.hurried_ones[name] = self.open(name, deadlines=_SHORT)
        return self.hurried_ones[name]

    def open(self, name: str, *, key: str = "", deadlines: Timeouts | None = None) -> Provider:
        simulator = self.sandbox.simulators[name]
        url = simulator.base_url + simulator.api_path
        config = ProviderConfig(url, key or simulator.key, deadlines=deadlines or Timeouts())
        return open_provider(name, config, _no_engine)


async def _no_engine(order: GenerationRequest) -> Done:
    raise AssertionError(order)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand() -> AsyncIterator[Stand]:
    async with open_sandbox() as (sandbox, _):
        for simulator in sandbox.simulators.values():
            simulator.book.settings.change({"duration_s": [0, 0]})
        stand = Stand(sandbox)
        yield stand
        for provider in (*stand.opened.values(), *stand.hurried_ones.values()):
            await provider.aclose()


@dataclass
class Told:
    """What came of one order."""

    hears: list[Kind] = field(default_factory=list[Kind])
    pending: int = 0
    end: Kind | None = None
    files: int = 0


async def carry(
    provider: Provider, order: GenerationRequest, scenario: Scenario, target: Path
) -> Told:
    """Do what the runner does with an order, without its pauses."""
    told = Told()
    ticket = None
    done: Done | None = None
    for _ in range(_MOST_STEPS):
        try:
            if done is not None:
                await provider.fetch(done.outputs[0], target)
                told.files += 1
                return told
            if ticket is None:
                answer = await submitted(provider, order)
                done = answer if isinstance(answer, Done) else None
                ticket = answer.ticket if isinstance(answer, Accepted) else None
            else:
                said = await provider.poll(ticket)
                told.pending += isinstance(said, Pending)
                done = said if isinstance(said, Done) else None
        except ProviderError as error:
            told.hears.append(error.kind)
            is_over = error.kind not in {Kind.UNAVAILABLE, Kind.RATE_LIMITED}
            if is_over or len(told.hears) > len(scenario.hears):
                told.end = told.hears.pop()
                return told
    raise AssertionError(f"no end after {_MOST_STEPS} steps: {told}")


def ids(case: object) -> str:
    return case.name.replace(" ", "-") if isinstance(case, Scenario) else str(case)


@pytest.mark.parametrize(("name", "operation", "scenario"), cases(), ids=ids)
async def test_every_scenario_ends_as_it_should(
    stand: Stand, tmp_path: Path, name: str, operation: Operation, scenario: Scenario
) -> None:
    await try_out(stand, tmp_path, name, stand.provider(name), operation, scenario)


@pytest.mark.parametrize("scenario", LASTING, ids=ids)
async def test_what_lasts_ends_at_the_deadline(
    stand: Stand, tmp_path: Path, scenario: Scenario
) -> None:
    """All providers at once, for most of it is waiting."""
    async with asyncio.TaskGroup() as group:
        for name, operation in LASTING[scenario].items():
            folder = tmp_path / name
            folder.mkdir()
            hurried = stand.hurried(name)
            group.create_task(try_out(stand, folder, name, hurried, operation, scenario))


async def try_out(
    stand: Stand,
    folder: Path,
    name: str,
    provider: Provider,
    operation: Operation,
    scenario: Scenario,
) -> None:
    simulator = stand.sandbox.simulators[name]
    marks = " ".join(f"[[sim:{mark}]]" for mark in scenario.marks.split())
    simulator.book.settings.change({"marks": marks})
    before = len(simulator.book.ledger)
    case = f"{name}.{operation}.{scenario.name}"
    order = make_order(
        folder,
        operation,
        "" if operation in _WORDLESS else f"a calm lake at dawn {case}",
        # A simulator knows an order again by its pictures, where it has no name of ours.
        pictures=[
            picture(320, 240, color=f"#{zlib.crc32(f'{case}{index}'.encode()) & 0xFFFFFF:06x}")
            for index in range(_PICTURES.get(operation, 1))
        ],
        job_id=f"{zlib.crc32(case.encode())}",
        ratio="16:9" if operation is Operation.CREATE else "",
    )

    told = await carry(provider, order, scenario, folder / "result")

    assert (told.end, tuple(told.hears)) == (scenario.end, scenario.hears)
    assert told.pending >= scenario.pending
    charged = len(simulator.book.ledger) - before
    assert charged == (scenario.charges if name != "comfyui" or told.files else charged)
    if told.files and scenario.is_picture:
        assert pictures.prepare(str(folder / "result"), str(folder / "ready")).width > 0
    elif told.files:
        with pytest.raises(UserError, match="result_not_a_picture"):
            pictures.prepare(str(folder / "result"), str(folder / "ready"))


@pytest.mark.parametrize("name", [*HOSTED, "openai"])
async def test_a_wrong_key_is_said_to_be_one(stand: Stand, tmp_path: Path, name: str) -> None:
    provider = stand.open(name, key="wrong-key")
    stand.sandbox.simulators[name].book.settings.change({"marks": ""})

    with pytest.raises(ProviderError) as refusal:
        await submitted(provider, make_order(tmp_path, Operation.CREATE, "a lake"))
    await provider.aclose()

    assert refusal.value.kind is Kind.AUTH
    assert "wrong-key" not in str(refusal.value)


@pytest.mark.parametrize("name", HOSTED)
async def test_an_endless_picture_is_cut_off(stand: Stand, tmp_path: Path, name: str) -> None:
    stand.sandbox.simulators[name].book.settings.change({"marks": "[[sim:huge]]"})
    provider = stand.provider(name)
    order = make_order(tmp_path, Operation.CREATE, "a lake", job_id=f"huge-{name}")

    told = await carry(provider, order, Scenario("huge"), tmp_path / "result")

    assert told.end is Kind.TOO_HEAVY
    assert not (tmp_path / "result").exists()


@pytest.mark.parametrize("name", [*HOSTED, "comfyui"])
async def test_a_task_that_nobody_knows_is_lost(stand: Stand, name: str) -> None:
    stand.sandbox.simulators[name].book.settings.change({"marks": ""})
    ticket = {"id": "3f2c7a52-0000-4000-8000-000000000000", "model": "fal-ai/nano-banana-2"}

    async def ask() -> None:
        for _ in range(_MOST_STEPS):
            await stand.provider(name).poll(ticket)

    with pytest.raises(ProviderError) as refusal:
        await ask()

    assert refusal.value.kind is Kind.LOST


@pytest.mark.parametrize(
    ("name", "operation"), [("replicate", Operation.CREATE), ("fal", Operation.UPSCALE)]
)
async def test_an_order_whose_answer_was_lost_is_found_by_what_it_said(
    stand: Stand, tmp_path: Path, name: str, operation: Operation
) -> None:
    simulator, provider = stand.sandbox.simulators[name], stand.provider(name)
    assert isinstance(provider, DeclaredProvider)
    pictures = [picture(90, 70)] if operation is Operation.UPSCALE else []
    order = make_order(tmp_path, operation, "a lake at noon", pictures=pictures)
    order = await uploaded(provider, order)
    fields, since_ms = provider.fields_of(order), round(time.time() * 1000)
    assert await provider.search(operation, fields, since_ms) == []
    simulator.book.settings.change({"marks": "[[sim:drop_after_accept]]"})
    other = provider.fields_of(replace(order, words="a lake at night", uploads=("https://b.org",)))

    with pytest.raises(ProviderError) as lost:
        await provider.submit(order)
    [ticket] = await provider.search(operation, fields, since_ms)
    done = await provider.poll(ticket)

    assert lost.value.kind is Kind.SUBMIT_UNKNOWN
    assert isinstance(done, Done)
    assert ticket["id"] == simulator.book.tasks[-1].id
    assert await provider.search(operation, other, since_ms) == []
    assert await provider.search(operation, {}, since_ms) == []
    assert await provider.search(operation, fields, since_ms + 3_600_000) == []


CANCELS = {
    "replicate": Cancelled.ACCEPTED,
    "fal": Cancelled.ACCEPTED,
    "kie": Cancelled.UNSUPPORTED,
    "bfl": Cancelled.UNSUPPORTED,
    "wavespeed": Cancelled.UNSUPPORTED,
}


@pytest.mark.parametrize(("name", "verdict"), CANCELS.items())
async def test_a_running_task_is_called_off_where_that_is_possible(
    stand: Stand, tmp_path: Path, name: str, verdict: Cancelled
) -> None:
    stand.sandbox.simulators[name].book.settings.change({"marks": "[[sim:slow=600]]"})
    provider = stand.provider(name)
    answer = await submitted(
        provider, make_order(tmp_path, Operation.CREATE, "a lake", job_id=f"cancel-{name}")
    )
    assert isinstance(answer, Accepted)

    assert await provider.cancel(answer.ticket) is verdict


@pytest.mark.parametrize("name", PROVIDERS)
async def test_no_order_carries_the_bot_token_or_an_address_of_telegram(
    stand: Stand, tmp_path: Path, name: str
) -> None:
    simulator, provider = stand.sandbox.simulators[name], stand.provider(name)
    simulator.book.settings.change({"marks": ""})
    for operation, count in ((Operation.MERGE, 2), (Operation.RETOUCH, 1)):
        order = make_order(
            tmp_path, operation, "both", pictures=count, job_id=f"token-{name}-{operation}"
        )
        await carry(provider, order, Scenario("happy"), tmp_path / "result")

    seen = str(simulator.view())
    assert "api.telegram.org" not in seen
    assert stand.sandbox.token not in seen
    assert str(tmp_path) not in seen
