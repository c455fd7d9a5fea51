"""Import of aiogram with its models left unbuilt until first use.

Building 444 pydantic models at import costs two seconds and 100 MiB, and collecting their fields
another sixth of a second; a bot uses a few dozen of them. This depends on pydantic internals, so
a test compares every model built this way with the plain one.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic._internal import _model_construction as construction

_MODULES = ("aiogram", "aiogram.types", "aiogram.methods")

_uncollected: dict[type[BaseModel], Callable[[], None]] = {}
"""Models whose fields are not collected yet, each with what collects them."""


def import_aiogram() -> bool:
    """Import aiogram with lazy models; return False if it was or had to be imported plainly."""
    if "aiogram" in sys.modules:
        return False
    rebuild, set_fields = vars(BaseModel)["model_rebuild"], construction.set_model_fields
    namespace: dict[str, Any] = {}

    def collect(
        cls: type[BaseModel],  # noqa: ARG001 -- the names matter, not whose they are
        *,
        _types_namespace: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        namespace.update(_types_namespace or {})

    def postpone(cls: type[BaseModel], *given: Any, **named: Any) -> None:
        cls.__pydantic_fields__ = {}
        _uncollected[cls] = lambda: set_fields(cls, *given, **named)

    setattr(BaseModel, "model_rebuild", classmethod(collect))  # noqa: B010 -- the type checker's wish
    construction.set_model_fields = postpone
    # Inherited by every model: none is even tried before its first use.
    BaseModel.model_config["defer_build"] = True
    try:
        for name in _MODULES:
            importlib.import_module(name)
    finally:
        setattr(BaseModel, "model_rebuild", rebuild)  # noqa: B010
        construction.set_model_fields = set_fields
        del BaseModel.model_config["defer_build"]
    _build_on_first_use(rebuild, namespace)
    return True


def _collect_fields(model: type[BaseModel]) -> None:
    """Collect the fields of a model, those that it inherits first."""
    for base in reversed(model.__mro__):
        if collect := _uncollected.pop(base, None):
            collect()


def _build_on_first_use(rebuild: Any, namespace: Mapping[str, Any]) -> None:
    from aiogram.methods import Response, TelegramMethod  # noqa: PLC0415 -- imported by now
    from aiogram.types import TelegramObject  # noqa: PLC0415

    def build(
        cls: type[BaseModel],
        *,
        force: bool = False,
        raise_errors: bool = True,
        _parent_namespace_depth: int = 2,
        _types_namespace: Mapping[str, Any] | None = None,
    ) -> bool | None:
        _collect_fields(cls)
        return rebuild.__func__(
            cls,
            force=force,
            raise_errors=raise_errors,
            _types_namespace=_types_namespace or namespace,
        )

    def describe(
        cls: type[BaseModel],  # noqa: ARG001 -- `source` is the class
        source: type[BaseModel],
        handler: GetCoreSchemaHandler,
    ) -> Any:
        _collect_fields(source)
        return handler(source)

    for base in (TelegramObject, TelegramMethod, Response):
        # Classes that are made later inherit their fields.
        _collect_fields(base)
        setattr(base, "model_rebuild", classmethod(build))  # noqa: B010
        setattr(base, "__get_pydantic_core_schema__", classmethod(describe))  # noqa: B010
