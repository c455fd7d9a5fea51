"""Who takes an order: the chosen one, the fallback, or nobody for a while."""

import json
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest

from imgbot.config.sources import PLACEHOLDER_TOKEN, load_settings
from imgbot.domain.errors import ConfigError, ProviderError, ProviderErrorKind as Kind
from imgbot.domain.operations import OFFERED, Operation
from imgbot.domain.order_pace import Breaker, Turn
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.providers.factory import BuiltinProvider, open_provider
from imgbot.providers.protocol import Done, GenerationRequest, ProviderConfig
from imgbot.sandbox.simulated_provider import SPEC_FILE
from imgbot.telemetry.health import ProviderState
from imgbot.wiring.providers import open_providers, reopen_former
from tests.fixtures.bot import extending
from tests.fixtures.jobs import job_of

CREATE = Operation.CREATE
JOB = job_of("1", 1, 1, CREATE, "en")


async def no_engine(order: GenerationRequest) -> Done:
    raise AssertionError(order)


def routes(fallback: str = "") -> ProviderRouter:
    simulated = open_provider(str(SPEC_FILE), ProviderConfig(), no_engine)
    builtin = BuiltinProvider(no_engine)
    chosen = dict.fromkeys(Operation, "builtin") | dict.fromkeys(OFFERED, "simulated")
    return ProviderRouter({"simulated": simulated, "builtin": builtin}, chosen, fallback)


def chosen_name(route: ProviderRouter, refused_by: str = "", now_s: float = 0.0) -> str:
    provider = route.choose(CREATE, refused_by, now_s).provider
    return provider.name if provider else ""


def test_the_chosen_provider_serves_and_is_asked_last_after_a_refusal() -> None:
    assert chosen_name(routes("builtin")) == "simulated"
    assert chosen_name(routes("builtin"), refused_by="simulated") == "builtin"
    assert chosen_name(routes(), refused_by="simulated") == "simulated"


def test_what_not_even_the_engine_has_a_model_for_is_not_offered() -> None:
    engine = BuiltinProvider(no_engine)
    engine.offers = {CREATE: engine.offers[CREATE]}
    route = ProviderRouter({"builtin": engine}, dict.fromkeys(Operation, "builtin"))

    assert [each for each in Operation if route.is_offered(each)] == [CREATE]
    assert route.price_micro(Operation.UPSCALE, 2) == 0


@pytest.mark.parametrize("kind", [Kind.NO_CREDIT, Kind.AUTH])
def test_what_the_operator_must_mend_stops_all_orders_at_once(kind: Kind) -> None:
    route = routes()

    assert route.record_refusal("simulated", JOB, kind, 0.0)
    choice = route.choose(CREATE, "", 1.0)

    assert (choice.provider, choice.is_permanent) == (None, True)
    assert route.states(0.0) == {
        "simulated": ProviderState(kind, True, (*OFFERED,), has_spare=True),
        "builtin": ProviderState(is_proven=False),
    }
    # A fallback takes over what it can do.
    route.fall_back()
    assert chosen_name(route, now_s=1.0) == "builtin"
    assert route.states(0.0)["simulated"] == ProviderState(kind, unserved=(Operation.ANIMATE,))


def test_an_order_at_a_preset_is_asked_for_by_a_file_that_extends_it(tmp_path: Path) -> None:
    environ = {"IMGBOT_TOKEN": PLACEHOLDER_TOKEN, "HOME": "/", "FAL_KEY": "k"}
    file = extending("fal", tmp_path, "")
    urls = {"IMGBOT_PROVIDER_URL": "fal=http://gateway", "IMGBOT_PROVIDER": f"builtin, edit={file}"}
    route = open_providers(load_settings(environ | urls), cast("Any", None))
    order = Mock(progress=Mock(provider="fal", submit_ms=1))

    assert not route.is_orphaned(order)
    assert route.provider_of(order).setting == file
    assert route.provider_of(order).urls[0] == "http://gateway"
    with pytest.raises(ConfigError, match="have the same name"):
        open_providers(
            load_settings(environ | {"IMGBOT_PROVIDER": f"fal, edit={file}"}), cast("Any", None)
        )


async def test_orders_of_a_file_that_is_gone_are_asked_for_by_the_preset_of_its_name() -> None:
    settings = load_settings({"IMGBOT_TOKEN": PLACEHOLDER_TOKEN, "HOME": "/", "FAL_KEY": "k"})
    route = open_providers(settings, cast("Any", None))
    stored = {name: json.dumps(["/nowhere/own.toml", [""]]) for name in ("fal", "own")}
    queue = AsyncMock(
        **{"former_providers.return_value": stored, "ordered_at.return_value": {"fal": 1, "own": 1}}
    )

    await reopen_former(settings, cast("Any", None), queue, route)

    order = Mock(progress=Mock(provider="fal", submit_ms=1))
    assert route.provider_of(order).setting == "fal"
    assert route.get("own") is None


def test_one_order_finds_out_whether_it_serves_again() -> None:
    route = routes()
    route.record_refusal("simulated", JOB, Kind.AUTH, 0.0)

    assert chosen_name(route, now_s=29.0) == ""
    assert chosen_name(route, now_s=31.0) == "simulated"
    assert chosen_name(route, now_s=32.0) == ""
    route.record_success("simulated", JOB)
    assert chosen_name(route, now_s=33.0) == "simulated"


def test_an_administrator_lets_the_next_order_find_out() -> None:
    route = routes()
    route.record_refusal("simulated", JOB, Kind.NO_CREDIT, 0.0)

    assert [route.try_now("simulated", 1.0) for _ in range(2)] == [True, False]
    assert chosen_name(route, now_s=1.0) == "simulated"
    assert chosen_name(route, now_s=2.0) == ""
    assert not route.try_now("unknown", 2.0)


def test_a_provider_that_lacks_a_model_stays_in_service_with_the_others() -> None:
    route = routes()
    other = job_of("2", 1, 1, Operation.EDIT, "en")
    route.record_success("simulated", JOB)

    # An administrator is told once.
    told = [route.record_refusal("simulated", JOB, Kind.NOT_FOUND, 0.0) for _ in range(4)]
    assert told == [True, False, False, False]
    route.record_success("simulated", other)
    assert chosen_name(route) == "simulated"
    assert route.states(0.0)["simulated"] == ProviderState(
        Kind.NOT_FOUND, True, (CREATE,), has_spare=True
    )
    # A fallback takes over after each refusal.
    route.fall_back()
    assert chosen_name(route, refused_by="simulated") == "builtin"
    assert route.states(0.0)["simulated"] == ProviderState(Kind.NOT_FOUND)
    route.record_success("simulated", JOB)
    assert route.states(0.0)["simulated"] == ProviderState()


def test_an_outage_opens_after_three_in_a_row_and_for_longer_each_time() -> None:
    breaker = Breaker()

    assert [breaker.failed(Kind.UNAVAILABLE, 0.0) for _ in range(3)] == [False, False, True]
    assert breaker.wait_s(0.0) == 30.0
    assert breaker.wait_s(30.0) == 0.0
    assert not breaker.failed(Kind.UNAVAILABLE, 30.0)
    assert breaker.wait_s(30.0) == 60.0
    for _ in range(20):
        breaker.failed(Kind.UNAVAILABLE, 100.0)
    assert breaker.wait_s(100.0) == 600.0


def test_a_refusal_of_the_order_itself_shows_that_the_service_is_there() -> None:
    route = routes()
    # A busy provider has not failed either.
    busy = [Kind.RATE_LIMITED] * 5
    for kind in (Kind.UNAVAILABLE, Kind.UNAVAILABLE, Kind.MODERATED, Kind.UNAVAILABLE, *busy):
        assert not route.record_refusal("simulated", JOB, kind, 0.0)

    assert chosen_name(route) == "simulated"


def test_a_server_that_fails_is_left_out_until_a_trial_is_due() -> None:
    names = ("sim@a", "sim@b")
    servers = {name: BuiltinProvider(no_engine) for name in names}
    for name, server in servers.items():
        server.name = name
    builtin = BuiltinProvider(no_engine)
    route = ProviderRouter(
        {**servers, "builtin": builtin}, dict.fromkeys(Operation, "sim@a"), "builtin"
    )
    tasks = {"sim@a": 1, "sim@b": 0, "builtin": 0}

    def taker(refused_by: str, now_s: float) -> str:
        provider = route.choose(CREATE, refused_by, now_s).provider
        return route.least_busy(provider, refused_by, tasks.__getitem__).name if provider else ""

    assert (taker("", 0.0), taker("sim@b", 0.0)) == ("sim@b", "sim@a")
    # After the last of its servers has refused as well, the next order waits for a while.
    assert [route.may_hurry(CREATE, "sim@a", tries) for tries in range(3)] == [True, False, True]
    route.record_refusal("sim@b", JOB, Kind.AUTH, 0.0)
    assert taker("", 29.0) == "sim@a"
    assert route.states(29.0)["sim@b"] == ProviderState(Kind.AUTH)
    assert (taker("", 31.0), taker("", 32.0)) == ("sim@b", "sim@a")
    route.record_refusal("sim@a", JOB, Kind.AUTH, 32.0)
    assert taker("", 33.0) == "builtin"
    assert route.is_fallback(CREATE, "builtin")
    assert not route.is_fallback(CREATE, "sim@b")
    assert [name for name, _ in route.makers] == ["sim"]


def test_what_is_reserved_for_a_larger_picture_is_its_own_price() -> None:
    kie = open_provider("kie", ProviderConfig(key="k"), no_engine)
    route = ProviderRouter({"kie": kie}, dict.fromkeys(Operation, "kie"))

    prices = [route.price_micro(Operation.UPSCALE, scale) for scale in (2, 4)]

    assert prices == [50_000, 100_000]


def test_a_provider_that_refuses_for_now_is_given_fewer_orders(tmp_path: Path) -> None:
    file = extending(SPEC_FILE, tmp_path, "limits = { orders = 600, window_s = 60 }")
    provider = open_provider(file, ProviderConfig(), no_engine)
    route = ProviderRouter({"simulated": provider}, dict.fromkeys(Operation, "simulated"))
    # At two orders a second, of the ten that it may accept.
    for tick in range(40):
        assert route.turn("simulated", tick / 2).at_s == tick / 2

    assert route.slow_down("simulated", 19.5, 20.0, 30.0) == 1.0
    assert route.slow_down("simulated", 19.0, 20.1, None) is None

    assert route.turn("simulated", 20.2) == Turn(50.0)
    assert route.states(20.3)["simulated"].held_per_s == 0.0


def test_a_provider_that_hangs_is_out_though_it_refuses_nothing() -> None:
    breaker = Breaker()
    breaker.note_call(Kind.UNAVAILABLE, 1000.0, 1030.0)
    at_first = breaker.is_silent(1030.0)
    breaker.note_call(Kind.UNAVAILABLE, 1032.0, 1062.0)

    assert not at_first
    assert breaker.is_silent(1063.0)
    # Nobody asks any longer: nothing is known.
    assert not breaker.is_silent(1500.0)
    breaker.note_call(Kind.FAILED, 1064.0, 1065.0)
    assert not breaker.is_silent(1066.0)


@pytest.mark.parametrize(("until_s", "is_outage"), [(12.0, True), (9.0, False)])
def test_the_first_answer_after_an_outage_ends_all_waits(
    until_s: float, monkeypatch: pytest.MonkeyPatch, *, is_outage: bool
) -> None:
    route, times_s = routes(), iter([0.0, 1.0, until_s - 1, until_s, 100.0, 100.0])
    clock = Mock(monotonic=lambda: next(times_s))
    monkeypatch.setattr("imgbot.jobs.provider_routing.time", clock)
    route.on_recovery = recovered = Mock()
    for _ in range(6):
        route.record_refusal("simulated", JOB, Kind.UNAVAILABLE, until_s)
    for _ in range(2):
        with pytest.raises(ProviderError), route.asking("simulated"):
            raise ProviderError(Kind.UNAVAILABLE)
    until_now = recovered.call_count

    # A poll: the next order finds out whether orders are taken, too.
    with route.asking("simulated"):
        pass

    assert (until_now, recovered.call_count) == (0, int(is_outage))
    assert chosen_name(route, now_s=100.0) == ("simulated" if is_outage else "")
    route.record_success("simulated", JOB)
    assert recovered.call_count == int(is_outage) + 1


def test_a_provider_that_answers_no_question_is_out_in_every_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    route = routes("builtin")
    route.record_success("simulated", JOB)
    clock = iter([1000.0, 1120.0])
    monkeypatch.setattr("imgbot.jobs.provider_routing.time", Mock(monotonic=lambda: next(clock)))

    with pytest.raises(ProviderError), route.asking("simulated"):
        raise ProviderError(Kind.UNAVAILABLE)

    # It has refused nothing, so that the fallback is given nothing.
    assert route.states(1121.0)["simulated"] == ProviderState(Kind.UNAVAILABLE, True, OFFERED)


@pytest.mark.parametrize(
    ("own_micro", "terms", "offered"),
    [
        (40_000, "", ["simulated"]),
        (80_000, "", ["simulated", "simulated/best"]),
        (40_000, 'offered = ["simulated/best"]', ["simulated", "simulated/best"]),
        # A withdrawn model means the one that took its place.
        (40_000, 'offered = ["simulated/good"]', ["simulated", "simulated/best"]),
        (40_000, "price_limit_usd = 0.07", ["simulated", "simulated/best"]),
        (40_000, 'price_limit_usd = 0.069999\noffered = ["simulated/best"]', ["simulated"]),
        # The operator's own model is always there.
        (90_000, "price_limit_usd = 0", ["simulated"]),
    ],
)
def test_nothing_dearer_is_offered_than_the_operator_allows(
    own_micro: int, terms: str, offered: list[str], tmp_path: Path
) -> None:
    terms += f"\nprices_usd = {{ create = {own_micro / 1_000_000} }}"
    provider = open_provider(extending(SPEC_FILE, tmp_path, terms), ProviderConfig(), no_engine)
    route = ProviderRouter({"simulated": provider}, {CREATE: "simulated"})

    assert [*route.models(CREATE)] == offered
    assert route.price_micro(CREATE, 1, "simulated/best") == 70_000
    assert route.price_micro(CREATE, 1, "unknown") == own_micro
