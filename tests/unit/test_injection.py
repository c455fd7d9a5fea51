"""Handlers and filters get their arguments by name: each name exists, with the annotated type."""

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, get_type_hints

from imgbot import bot
from imgbot.bot.conversation import Text
from imgbot.bot.dialogue import Dialogue
from imgbot.bot.router import Components

PER_UPDATE = {"dialogue": Dialogue, "text": Text, "argument": str}
HANDLERS = ("handle_", "_handle_", "on_", "answer_", "take_", "_understand")
CALLED_WITH_MORE = {"answer_to", "take_photo", "on_operation_callback"}


def handlers() -> Iterator[Callable[..., Any]]:
    for module in pkgutil.walk_packages(bot.__path__, "imgbot.bot."):
        for name, each in vars(import_module(module.name)).items():
            is_own = inspect.isfunction(each) and each.__module__ == module.name
            if is_own and name.startswith(HANDLERS) and name not in CALLED_WITH_MORE:
                yield each


def test_every_argument_is_injected() -> None:
    known = get_type_hints(Components) | PER_UPDATE
    wrong: list[str] = []
    for each in handlers():
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
