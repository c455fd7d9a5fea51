"""Handlers and filters get their arguments by name: each name exists, with the annotated type."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_type_hints
from unittest.mock import MagicMock

from aiogram.filters import Filter
from aiogram.fsm.storage.memory import MemoryStorage

from imgbot.bot import conversation
from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.responder import Responder
from imgbot.bot.router import Components, build_dispatcher

PER_UPDATE = {
    "context": RequestContext,
    "dialogue": Dialogue,
    "responder": Responder,
    "text": conversation.Text,
    "argument": str,
}


def callables() -> list[Callable[..., Any]]:
    components = Components(**{each.name: MagicMock() for each in fields(Components)})
    (router,) = build_dispatcher(components, MemoryStorage()).sub_routers
    handlers = [each for observer in router.observers.values() for each in observer.handlers]
    filters = [rule.callback for each in handlers for rule in each.filters or ()]
    own = [rule for rule in filters if inspect.isfunction(rule) and not isinstance(rule, Filter)]
    of_texts = [
        each
        for name, each in vars(conversation).items()
        if name.startswith(("handle_", "_handle_", "_understand")) and inspect.isfunction(each)
    ]
    return [*(each.callback for each in handlers), *own, *of_texts]


def test_every_argument_is_injected() -> None:
    known = get_type_hints(Components) | PER_UPDATE
    wrong: list[str] = []
    for each in callables():
        _event, *parameters = inspect.signature(each).parameters.values()
        hints = get_type_hints(inspect.unwrap(getattr(each, "func", each)))
        wrong += [
            f"{each}: {parameter.name}"
            for parameter in parameters
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD
            and (parameter.name in known or parameter.default is inspect.Parameter.empty)
            and known.get(parameter.name) != hints[parameter.name]
        ]

    assert wrong == []
