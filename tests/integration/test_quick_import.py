"""aiogram imported the quick way is the same aiogram."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

DESCRIBE = """
import re
import sys
if sys.argv[1] == "quick":
    from imgbot.telegram.lazy_models import import_aiogram
    assert import_aiogram()
import aiogram
from aiogram.methods import TelegramMethod
from aiogram.types import TelegramObject, Update

def family(cls):
    for child in cls.__subclasses__():
        yield child
        yield from family(child)

lines = set()
for cls in {*family(TelegramObject), *family(TelegramMethod)}:
    if "[" in cls.__name__:
        continue
    cls.model_rebuild()
    assert cls.__pydantic_complete__, cls
    for name, field in cls.model_fields.items():
        default = type(field.default).__name__
        annotation = re.sub(" at 0x[0-9a-f]+", "", str(field.annotation))
        lines.add(f"{cls.__module__}.{cls.__name__}.{name} {annotation} {default}")
print("\\n".join(sorted(lines)))

person = {"id": 1, "is_bot": False, "first_name": "A"}
chat = {"id": 1, "type": "private"}
message = {"message_id": 1, "date": 1, "chat": chat, "from": person, "text": "hi"}
message["reply_to_message"] = message | {"photo": [
    {"file_id": "f", "file_unique_id": "u", "width": 1, "height": 2}
]}
update = Update.model_validate({"update_id": 1, "message": message})
print(update.model_dump_json(exclude_none=True))
"""


def described(how: str) -> str:
    shown = subprocess.run(
        [sys.executable, "-c", DESCRIBE, how], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


def test_every_model_is_the_same_once_it_is_built() -> None:
    quick, plain = described("quick"), described("plain")

    assert len(plain.splitlines()) > 2000
    assert quick == plain
