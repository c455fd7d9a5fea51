"""Which providers can be played."""

from collections.abc import Mapping

from imgbot.sandbox.simulators.bfl import Bfl
from imgbot.sandbox.simulators.comfyui import ComfyUi
from imgbot.sandbox.simulators.hooks import HookSender
from imgbot.sandbox.simulators.openai import OpenAi
from imgbot.sandbox.simulators.shared import Simulator
from imgbot.sandbox.simulators.wavespeed import WaveSpeed

SIMULATORS: tuple[type[Simulator], ...] = (Bfl, ComfyUi, OpenAi, WaveSpeed)


def open_simulators(hooks: HookSender) -> Mapping[str, Simulator]:
    """Return one of each, by name."""
    return {kind.name: kind(hooks) for kind in SIMULATORS}
