"""Handlers receive by name what they use: each name is a component, of the annotated type."""

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any, get_type_hints
from unittest.mock import Mock

import pytest
from aiogram.types import InlineQuery

from imgbot import bot
from imgbot.bot.albums import add_prompt
from imgbot.bot.components import Components, call
from imgbot.bot.context import RequestContext
from imgbot.bot.conversation import understand
from imgbot.bot.dialogue import Dialogue
from imgbot.storage.job_queue import JobQueue
from imgbot.storage.users import UserStore

KNOWN = get_type_hints(Components)
PREFIXES = ("handle_", "_handle_", "on_", "_act_", "answer_", "take_", "start_")
GIVEN_LAST = {Dialogue, RequestContext, InlineQuery}


def named_wrongly(handler: Callable[..., Any]) -> list[str]:
    """Return the parameters that no component of that type can be given for."""
    hints, names = get_type_hints(handler), [*inspect.signature(handler).parameters.values()]
    last_given = next(at for at, each in enumerate(names) if hints[each.name] in GIVEN_LAST)
    return [
        each.name
        for at, each in enumerate(names)
        if (each.name in KNOWN or (at > last_given and each.default is each.empty))
        and KNOWN.get(each.name) != hints[each.name]
    ]


def handlers() -> Iterator[Callable[..., Any]]:
    yield from (understand, add_prompt)
    for module in pkgutil.walk_packages(bot.__path__, "imgbot.bot."):
        for name, each in vars(import_module(module.name)).items():
            is_own = inspect.isfunction(each) and each.__module__ == module.name
            if is_own and name.startswith(PREFIXES):
                yield each


@pytest.mark.parametrize("handler", [*handlers()], ids=lambda each: each.__qualname__)
def test_each_parameter_is_a_component(handler: Callable[..., Any]) -> None:
    assert named_wrongly(handler) == []


async def misspelt(_: object, dialogue: Dialogue, user: UserStore) -> None: ...
async def mistyped(_: object, dialogue: Dialogue, users: JobQueue) -> None: ...


def test_a_wrong_name_and_a_wrong_type_are_found() -> None:
    assert [named_wrongly(misspelt), named_wrongly(mistyped)] == [["user"], ["users"]]


async def test_a_call_gives_what_is_named_and_nothing_else() -> None:
    async def find(number: int, _: object, users: object, *, is_odd: bool = False) -> object:
        return partial(tell, number, users, is_odd)

    async def tell(*found: object, queue: object) -> object:
        return [*found, queue]

    components: Any = Mock(users="users", queue="queue")

    answer = await call(partial(find, 1), "dialogue", components=components)
    assert answer == [1, "users", False, "dialogue", "queue"]
