"""Import of aiogram with its models left unbuilt until first use.

Building 444 pydantic models at import costs two seconds and 100 MiB; a bot uses a few dozen of
them. This depends on pydantic internals, so a test compares every model built this way with the
plain one.
"""

import importlib
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

_MODULES = ("aiogram", "aiogram.types", "aiogram.methods")


def import_aiogram() -> bool:
    """Import aiogram with lazy models; return False if it was or had to be imported plainly."""
    if "aiogram" in sys.modules:
        return False
    rebuild = vars(BaseModel)["model_rebuild"]
    namespace: dict[str, Any] = {}

    def collect(
        cls: type[BaseModel],  # noqa: ARG001 -- the names matter, not whose they are
        *,
        _types_namespace: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        namespace.update(_types_namespace or {})

    setattr(BaseModel, "model_rebuild", classmethod(collect))  # noqa: B010 -- the type checker's wish
    # Inherited by every model: none is even tried before its first use.
    BaseModel.model_config["defer_build"] = True
    try:
        for name in _MODULES:
            importlib.import_module(name)
    finally:
        setattr(BaseModel, "model_rebuild", rebuild)  # noqa: B010
        del BaseModel.model_config["defer_build"]
    _build_on_first_use(rebuild, namespace)
    return True


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
        return rebuild.__func__(
            cls,
            force=force,
            raise_errors=raise_errors,
            _types_namespace=_types_namespace or namespace,
        )

    for base in (TelegramObject, TelegramMethod, Response):
        setattr(base, "model_rebuild", classmethod(build))  # noqa: B010
