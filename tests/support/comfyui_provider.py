"""The ComfyUI adapter opened on a server, or on canned exchanges, and the ways to ask it."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

import pytest

from imgbot.domain.errors import ProviderError
from imgbot.domain.operations import Operation
from imgbot.providers.comfyui import ComfyUiProvider
from imgbot.providers.comfyui_spec import read_comfyui
from imgbot.providers.protocol import Accepted, Done, GenerationRequest, ProviderConfig, Ticket
from imgbot.providers.spec_file import parse, read_preset
from tests.support.orders import submitted
from tests.support.scripted import Script

PRESETS = resources.files("imgbot.providers") / "presets"
MODEL_OF = dict.fromkeys((Operation.CREATE, Operation.EDIT), "sd_xl_base_1.0.safetensors")


@asynccontextmanager
async def opened(
    server: Script | None = None,
    *,
    head: str = "",
    models: Mapping[Operation, str] = MODEL_OF,
    prices_micro: Mapping[Operation, int] = {},
) -> AsyncGenerator[ComfyUiProvider]:
    url = server.url if server else ""
    document = read_preset("comfyui")
    if head:
        name = head.partition(" ")[0]
        kept = [line for line in document.text.splitlines() if not line.startswith(f"{name} =")]
        document = parse("mine.toml", "\n".join([head, *kept]))
    spec, graphs = read_comfyui(document, PRESETS)
    config = ProviderConfig(url=url, key="proxy-key", models=models, prices_micro=prices_micro)
    provider = ComfyUiProvider("comfyui", spec, config, graphs)
    yield provider
    await provider.aclose()


async def ordered(provider: ComfyUiProvider, order: GenerationRequest) -> Ticket:
    answer = await submitted(provider, order)
    assert isinstance(answer, Accepted)
    return json.loads(json.dumps(answer.ticket))


async def polled(provider: ComfyUiProvider, ticket: Ticket) -> Done:
    answer = await provider.poll(ticket)
    assert isinstance(answer, Done)
    return answer


async def refused(asking: Any) -> ProviderError:
    with pytest.raises(ProviderError) as refusal:
        await asking
    return refusal.value
