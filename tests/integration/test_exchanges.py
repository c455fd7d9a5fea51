"""The real adapters against canned exchanges with each vendor (tests/fixtures/exchanges)."""

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle, zip_longest
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgbot.domain.errors import ProviderError, ProviderErrorKind as Kind
from imgbot.domain.operations import Operation
from imgbot.providers.factory import open_provider
from imgbot.providers.protocol import (
    Accepted,
    Cancelled,
    Done,
    GenerationRequest,
    Pending,
    Provider,
    ProviderConfig,
)
from tests.fakes.exchanges import Exchange, Flow, Network, Vendor, open_network, read_vendor
from tests.fixtures.bot import extending
from tests.fixtures.requests import make_order, submitted
from tests.fixtures.sandbox import picture

DECLARED = ("bfl", "fal", "kie", "replicate", "wavespeed")
VENDORS = {name: read_vendor(name) for name in (*DECLARED, "comfyui", "openai")}
PICTURES = {Operation.CREATE: 0, Operation.MERGE: 2}
WORDLESS = {Operation.RETOUCH, Operation.UPSCALE}
_MOST_STEPS = 12


@dataclass
class VendorSetup:
    vendor: Vendor
    net: Network
    provider: Provider
    folder: Path

    def order(self, name: str = "create") -> GenerationRequest:
        """The order that a file names, as the runner makes it."""
        asked = self.vendor.orders[name]
        operation = Operation(asked.get("operation", name))
        padding = bytes(asked.get("padding_bytes", 0))
        return make_order(
            self.folder,
            operation,
            "" if operation in WORDLESS else "a lake",
            pictures=[picture(64, 48) + padding for _ in range(PICTURES.get(operation, 1))],
            ratio="16:9" if operation is Operation.CREATE else "",
            mask=self._mask() if operation is Operation.INPAINT else None,
        )

    def _mask(self) -> Path:
        marked = self.provider.offers[Operation.INPAINT].inputs.mask
        Image.new("L" if marked == "white" else "RGBA", (64, 48)).save(self.folder / "mask.png")
        return self.folder / "mask.png"

    def expect(self, *names: str, order: str = "create") -> None:
        self.net.expect(self.vendor.exchanges(names, order))


@asynccontextmanager
async def open_vendor(name: str, folder: Path, **config: Any) -> AsyncGenerator[VendorSetup]:
    vendor = VENDORS[name]
    async with open_network(vendor.data["key_header"]) as net:
        models = vendor.data.get("models", {}).items()
        usual = ", ".join(f'{operation} = "{model}"' for operation, model in models)
        file = extending(name, folder, f"usual = {{ {usual} }}")
        wanted = ProviderConfig(key=vendor.data["key"], **config)
        provider = open_provider(file, wanted, _no_engine)
        async with aclosing(provider):
            yield VendorSetup(vendor, net, provider, folder)
        assert not net.left, f"not asked: {[one.name for one in net.left]}"


async def _no_engine(order: GenerationRequest) -> Done:
    raise AssertionError(order)


@dataclass
class Told:
    """What came of one order."""

    refusals: list[ProviderError] = field(default_factory=list[ProviderError])
    pending: int = 0
    has_picture: bool = False

    @property
    def kinds(self) -> list[Kind]:
        return [refusal.kind for refusal in self.refusals]


async def carry(provider: Provider, order: GenerationRequest, target: Path, patience: int) -> Told:
    """Do what the runner does with an order, without its pauses."""
    told, ticket, done = Told(), None, None
    for _ in range(_MOST_STEPS):
        try:
            if done is not None:
                await provider.fetch(done.outputs[0], target)
                told.has_picture = True
                return told
            if ticket is None:
                answer = await submitted(provider, order)
                done = answer if isinstance(answer, Done) else None
                ticket = answer.ticket if isinstance(answer, Accepted) else None
            else:
                # Tickets survive JSON and a restart.
                said = await provider.poll(json.loads(json.dumps(ticket)))
                told.pending += isinstance(said, Pending)
                done = said if isinstance(said, Done) else None
        except ProviderError as error:
            told.refusals.append(error)
            if len(told.refusals) > patience:
                return told
    raise AssertionError(f"no end after {_MOST_STEPS} steps: {told}")


async def flows_as_it_should(setup: VendorSetup, flow: Flow, exchanges: list[Exchange]) -> None:
    setup.net.expect(exchanges)

    told = await carry(
        setup.provider, setup.order(flow.order), setup.folder / "result", len(flow.hears)
    )

    assert told.kinds == flow.kinds, told.refusals
    assert told.has_picture == (not flow.ends)
    assert told.pending >= flow.pending
    for refusal, words in zip_longest(told.refusals, flow.says, fillvalue=""):
        assert words in str(refusal)
    for refusal in told.refusals:
        assert flow.retry_after_s is None or refusal.retry_after_s == flow.retry_after_s
        assert not setup.vendor.data["key"] or setup.vendor.data["key"] not in str(refusal)
    if flow.ends:
        assert told.refusals[-1].is_billed is flow.billed


def flows() -> Iterator[Any]:
    for vendor in VENDORS.values():
        for flow in vendor.flows:
            yield pytest.param(vendor.name, flow, id=f"{vendor.name}-{flow.name}")


@pytest.mark.parametrize(("name", "flow"), [*flows()])
async def test_each_response_means_what_the_vendor_says(
    name: str, flow: Flow, tmp_path: Path
) -> None:
    async with open_vendor(name, tmp_path) as setup:
        exchanges = setup.vendor.exchanges(flow.happens, flow.order)
        await flows_as_it_should(setup, flow, exchanges)


def operations() -> Iterator[tuple[str, str]]:
    for vendor in VENDORS.values():
        yield from ((vendor.name, order) for order in vendor.orders if order in {*Operation})


def happy(vendor: Vendor, order: str) -> list[str]:
    """A whole order: its uploads, and the responses of its own or of the file's first flow."""
    count = PICTURES.get(Operation(order), 1) + (order == Operation.INPAINT)
    responses = vendor.orders[order].get("happens", vendor.flows[0].happens)
    return [*vendor.data.get("uploads", []) * count, *responses]


@pytest.mark.parametrize(("name", "order"), [*operations()])
async def test_each_operation_is_ordered_as_its_model_wants(
    name: str, order: str, tmp_path: Path
) -> None:
    async with open_vendor(name, tmp_path) as setup:
        flow = Flow("happy", happy(setup.vendor, order), order)
        await flows_as_it_should(setup, flow, setup.vendor.exchanges(flow.happens, order))
        sent = b"".join(request.content for request in setup.net.asked)
        assert b"api.telegram.org" not in sent
        assert str(tmp_path).encode() not in sent


@dataclass(frozen=True)
class Spoiled:
    """What a network or a gateway makes of any vendor's response, and what must come of it."""

    name: str
    step: str
    change: dict[str, Any]
    ends: str = ""
    hears: tuple[str, ...] = ()


_HTML = "<!doctype html><title>Sign in</title>"
# Both in the words of a provider that refuses.
_PROHIBITED = "<html><body>Automated access is prohibited; sensitive content</body></html>"
_UNAVAILABLE = "<h1>Service Unavailable</h1> Automated access is prohibited."
SPOILED = (
    Spoiled("cut", "submit", {"breaks": True}, ends="submit_unknown"),
    Spoiled("truncated", "submit", {"body": '{"id": "unfi'}, ends="submit_unknown"),
    Spoiled("a page", "submit", {"body": _HTML}, ends="submit_unknown"),
    Spoiled("a page that refuses", "submit", {"body": _PROHIBITED}, ends="submit_unknown"),
    Spoiled("500", "submit", {"status": 500, "body": "{}"}, ends="submit_unknown"),
    Spoiled("502", "submit", {"status": 502, "body": _HTML}, ends="submit_unknown"),
    Spoiled("504", "submit", {"status": 504, "body": "{}"}, ends="submit_unknown"),
    Spoiled("503 of a gateway", "submit", {"status": 503, "body": _UNAVAILABLE}, "submit_unknown"),
    Spoiled("408", "submit", {"status": 408, "body": "{}"}, ends="submit_unknown"),
    Spoiled("empty", "submit", {"body": "{}"}, ends="submit_unknown"),
    Spoiled("cut", "poll", {"breaks": True}, hears=("unavailable",)),
    Spoiled("truncated", "poll", {"body": '{"id": "unfi'}, hears=("unavailable",)),
    Spoiled("a page", "poll", {"body": _HTML}, hears=("unavailable",)),
    Spoiled("503", "poll", {"status": 503, "body": _HTML}, hears=("unavailable",)),
    Spoiled("a page with 404", "poll", {"status": 404, "body": _HTML}, hears=("unavailable",)),
    Spoiled("nulls", "poll", {"nulls": True}, hears=("unavailable",)),
    Spoiled("cut", "fetch", {"breaks": True}, hears=("unavailable",)),
    Spoiled("gone", "fetch", {"status": 404}, ends="expired"),
    Spoiled("503", "fetch", {"status": 503}, hears=("unavailable",)),
)


def spoiled_cases() -> Iterator[Any]:
    """Every vendor with every trouble; the operations take turns."""
    for name in DECLARED:
        orders = cycle(order for order in VENDORS[name].orders if order in {*Operation})
        for spoiled in SPOILED:
            case = f"{name}-{spoiled.step}-{spoiled.name}"
            yield pytest.param(name, next(orders), spoiled, id=case)


@pytest.mark.parametrize(("name", "order", "spoiled"), [*spoiled_cases()])
async def test_each_trouble_on_the_way_is_named(
    name: str, order: str, spoiled: Spoiled, tmp_path: Path
) -> None:
    async with open_vendor(name, tmp_path) as setup:
        whole = setup.vendor.exchanges(happy(setup.vendor, order), order)
        index = _index_of(spoiled.step, whole, setup.vendor)
        bad = _spoil(whole[index], spoiled.change)
        after = [] if spoiled.ends else whole[index:]
        flow = Flow(spoiled.name, [], order, spoiled.ends, spoiled.hears)
        await flows_as_it_should(setup, flow, [*whole[:index], bad, *after])


def _index_of(step: str, whole: list[Exchange], vendor: Vendor) -> int:
    """Where the order, the last poll or the fetch is."""
    submit = next(i for i, one in enumerate(whole) if not vendor.responses[one.name].request)
    return {"submit": submit, "poll": submit + 1, "fetch": len(whole) - 1}[step]


def _spoil(one: Exchange, change: dict[str, Any]) -> Exchange:
    if change.get("nulls"):
        return replace(one, body=json.dumps(dict.fromkeys(json.loads(one.body))))
    return replace(one, picture=False, public=one.picture or one.public, **change)


@pytest.mark.parametrize("step", ["submit", "poll", "fetch"])
async def test_what_never_ends_is_left_at_the_deadline(step: str, tmp_path: Path) -> None:
    async with open_vendor("replicate", tmp_path) as setup:
        whole = setup.vendor.exchanges(setup.vendor.flows[0].happens)
        index = _index_of(step, whole, setup.vendor)
        bad = replace(_spoil(whole[index], {}), stalls=True)
        ends = "submit_unknown" if step == "submit" else "unavailable"
        await flows_as_it_should(setup, Flow(step, [], ends=ends), [*whole[:index], bad])


async def test_a_picture_behind_redirects_is_fetched_and_endless_ones_are_not(
    tmp_path: Path,
) -> None:
    async with open_vendor("replicate", tmp_path) as setup:
        *whole, fetch = setup.vendor.exchanges(setup.vendor.flows[0].happens)
        moved = {"Location": fetch.request.removeprefix("GET ")}
        hop = replace(_spoil(fetch, {}), status=302, body="", headers=moved)
        await flows_as_it_should(setup, Flow("moved", []), [*whole, hop, fetch])
        (tmp_path / "result").unlink()
        await flows_as_it_should(setup, Flow("endless", [], ends="failed"), [*whole, *[hop] * 4])


async def test_an_endless_picture_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imgbot.providers.http.FETCHED_LIMIT_BYTES", 100)
    async with open_vendor("replicate", tmp_path) as setup:
        whole = setup.vendor.exchanges(setup.vendor.flows[0].happens)
        await flows_as_it_should(setup, Flow("endless", [], ends="too_heavy"), whole)


@pytest.mark.parametrize("name", ["fal", "kie", "replicate", "wavespeed"])
async def test_an_id_alone_leads_to_the_task(name: str, tmp_path: Path) -> None:
    """As a webhook names it, without the addresses of the order's answer."""
    async with open_vendor(name, tmp_path) as setup:
        setup.expect("created")
        accepted = await submitted(setup.provider, setup.order())
        assert isinstance(accepted, Accepted)
        setup.expect(setup.vendor.flows[0].happens[1])

        lean = {key: accepted.ticket[key] for key in ("id", "model")}
        assert isinstance(await setup.provider.poll(lean), Pending)


CANCELS = [
    ("replicate", "cancelled", Cancelled.ACCEPTED),
    ("replicate", "cancelled_too_late", Cancelled.TOO_LATE),
    ("fal", "cancelled", Cancelled.ACCEPTED),
    ("fal", "cancelled_too_late", Cancelled.TOO_LATE),
    ("fal", "cancelled_nobody", Cancelled.TOO_LATE),
    *((name, "", Cancelled.UNSUPPORTED) for name in ("kie", "bfl", "wavespeed")),
]


@pytest.mark.parametrize(("name", "answer", "verdict"), CANCELS)
async def test_a_task_is_called_off_where_that_is_possible(
    name: str, answer: str, verdict: Cancelled, tmp_path: Path
) -> None:
    async with open_vendor(name, tmp_path) as setup:
        setup.expect("created")
        accepted = await submitted(setup.provider, setup.order())
        assert isinstance(accepted, Accepted)
        setup.expect(*([answer] if answer else []))

        assert await setup.provider.cancel(accepted.ticket) is verdict


@pytest.mark.parametrize("name", ["fal", "replicate"])
async def test_an_order_whose_answer_was_lost_is_found_in_the_list(
    name: str, tmp_path: Path
) -> None:
    async with open_vendor(name, tmp_path) as setup:
        since_ms = setup.vendor.data["listed_since_ms"]
        lists = setup.vendor.data["lists"]
        order = await setup.provider.upload(setup.order())
        other = replace(order, prompt="a river")

        setup.expect(*lists)
        fields = await setup.provider.fields_of(order)
        [ticket] = await setup.provider.search(Operation.CREATE, fields, since_ms)
        setup.expect(*lists)
        others = await setup.provider.fields_of(other)
        assert await setup.provider.search(Operation.CREATE, others, since_ms) == []
        assert await setup.provider.search(Operation.CREATE, {}, since_ms) == []

        setup.expect(*setup.vendor.flows[0].happens[1:-1])
        while isinstance(said := await setup.provider.poll(ticket), Pending):
            pass
        assert isinstance(said, Done)


@pytest.mark.parametrize("name", DECLARED)
async def test_a_signed_webhook_names_its_task_and_a_forged_one_none(
    name: str, tmp_path: Path
) -> None:
    hook = VENDORS[name].data["webhook"]
    body, headers, now_s = hook["body"].encode(), hook.get("headers", {}), hook["now_s"]
    published = [each for each in ["hook_key"] if each in VENDORS[name].responses]

    async def task(headers: dict[str, str], body: bytes, now_s: float) -> Any:
        ticket = await setup.provider.ticket_of_hook(Operation.CREATE, headers, body, now_s)
        return ticket and ticket["id"]

    def signed(signature: str) -> dict[str, str]:
        return {n: signature if n.endswith("signature") else v for n, v in headers.items()}

    async with open_vendor(name, tmp_path, hook_key=hook.get("key", "")) as setup:
        setup.expect(*published)
        assert await task(headers, body, now_s) == hook["task"]
        assert await task(headers, b"{}", now_s) is None
        for forged in map(signed, ("0" * 128, "zz", "v1,AAAA", "") if headers else ()):
            assert await task(forged, body, now_s) is None
        assert await task(headers, body, now_s + 301) == (None if headers else hook["task"])
    if not headers:
        return
    # The signature of somebody else's key, and keys that are none.
    other = '{"key": "whsec_AAAA", "keys": [{"x": "AAAA"}, {"y": 1}, "odd"]}'
    async with open_vendor(name, tmp_path, hook_key="" if published else "other") as setup:
        exchanges = setup.vendor.exchanges(published)
        setup.net.expect([replace(each, body=other) for each in exchanges])
        assert await task(headers, body, now_s) is None


@pytest.mark.parametrize("name", [name for name in VENDORS if name not in {"comfyui", "fal"}])
async def test_an_account_is_asked_for_nothing(name: str, tmp_path: Path) -> None:
    async with open_vendor(name, tmp_path) as setup:
        setup.expect("account")
        assert await setup.provider.balance() == setup.vendor.data.get("balance")
        account = setup.vendor.responses["account"]
        setup.net.expect([replace(account, status=401, body='{"code": 401}')])
        with pytest.raises(ProviderError) as refusal:
            await setup.provider.balance()

    assert refusal.value.kind is Kind.AUTH
