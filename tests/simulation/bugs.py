"""Known bugs, each a small change of the program: the world must find every one of them."""

import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any
from unittest.mock import patch

from imgbot.storage import client, scripts


@dataclass(frozen=True)
class Bug:
    """Text replaced by another in a function (`package.module:Class.function`) or a script."""

    where: str
    before: str
    after: str

    @contextmanager
    def patched(self) -> Iterator[None]:
        """Put the bug in."""
        if ":" not in self.where:
            with patch.object(client, "script", self._find_script()):
                yield
            return
        # Not the function itself, to which others refer.
        function, code = self._made()
        before, function.__code__ = function.__code__, code
        scripts.script.cache_clear()
        try:
            yield
        finally:
            function.__code__ = before
            scripts.script.cache_clear()

    def _changed(self, source: str) -> str:
        if source.count(self.before) != 1:
            raise ValueError(f"{self.where} has {self.before!r} {source.count(self.before)} times")
        return source.replace(self.before, self.after)

    def _made(self) -> tuple[FunctionType, CodeType]:
        """The function, and its code with the bug."""
        module_name, _, path = self.where.partition(":")
        module: Any = importlib.import_module(module_name)
        *classes, name = path.split(".")
        owner = getattr(module, classes[0]) if classes else module
        function = owner.__dict__[name]
        source = self._changed(textwrap.dedent(inspect.getsource(function)))
        made: dict[str, Any] = {}
        exec(compile(source, f"<bug in {self.where}>", "exec"), module.__dict__, made)
        return function, made[name].__code__

    def _find_script(self) -> Callable[[str], scripts.Script]:
        original = client.script
        broken = scripts.Script(self._changed(scripts.sources()[self.where].read_text()))
        return lambda name: broken if name == self.where else original(name)


_HOLDS, _QUEUE = "imgbot.storage.holds", "imgbot.storage.job_queue"
_SUBMIT = "imgbot.jobs.submit"
_PERSISTENCE = "imgbot.storage.persistence:Persistence"
_GUARD = "imgbot.storage.server.guard:Guard"
_ONCE = "await (self.step() if not self._servers else asyncio.sleep(0))"

BUGS = {
    "no submit record": Bug(
        f"{_SUBMIT}:order_in_turn",
        "await _record_submit(context, job, provider, at.order, at.fields)",
        "with_changes(job, submit_ms=context.now_ms(), provider=provider.name)",
    ),
    "record not synced": Bug(
        "imgbot.storage.persistence:Persistence.persist", "await self._wait()", "True"
    ),
    "news not replicated": Bug(
        "imgbot.features.broadcast.broadcaster:Broadcaster._send",
        "await self._persistence.replicate()",
        "pass",
    ),
    "ticket not stored": Bug(f"{_SUBMIT}:_accepted", "ticket=answer.ticket,", ""),
    "no lock-delay": Bug("imgbot.jobs.recovery:decide", "order.locked_s > 0", "False"),
    "epoch without a uuid": Bug("take_lease", "number, uuid)", "number, '')"),
    "no epoch check": Bug("imgbot.storage.scripts:Script.__init__", "_FENCE * ", "'' * "),
    "end without a fence": Bug("finish", "FLAGS: fenced", "FLAGS:"),
    "cancellation without a fence": Bug("cancel", "FLAGS: fenced", "FLAGS:"),
    "lease not checked": Bug(f"{_SUBMIT}:_order", "context.check_lease()", "pass"),
    "claim repeated": Bug("claim", "last_token == token", "false"),
    "slot not given back": Bug(
        f"{_QUEUE}:_tallies", "str(job.user_id), -1)", "str(job.user_id), 0)"
    ),
    "reservation forgotten": Bug(
        f"{_HOLDS}:at_end", "-hold.amount,", "-hold.amount * ('reserved:' not in hold.field),"
    ),
    "charge not in the ledger": Bug(f"{_HOLDS}:_charge", '"charged", price', '"charged", 0'),
    "free pictures not counted": Bug("enqueue", "day, hold.field, 0)", "day, hold.field, -1)"),
    "Stars returned and spent": Bug(f"{_HOLDS}:at_end", "-hold.amount - hold.back", "-hold.amount"),
    "pictures given away": Bug(
        f"{_SUBMIT}:_held_for_order",
        "max(needed.get(each.field, each.amount) - each.amount, 0)",
        "-each.amount",
    ),
    "ended before it is shown": Bug(
        "imgbot.jobs.deliver:deliver",
        "job = await _show_once(context, job, outcome)",
        "await finish(context, job, outcome)\n"
        "        await _show_once(context, job, outcome)\n"
        "        return Ended()",
    ),
    "album handled twice": Bug(
        "imgbot.features.albums.processor:AlbumProcessor._process",
        "await self._albums.close(name, job_id, items)",
        "await self._albums.close(name, job_id, [])",
    ),
    "update confirmed too early": Bug(
        "imgbot.telegram.update_dispatcher:OffsetWindow.add",
        "self._is_settled[update_id] = False",
        "self._is_settled[update_id] = True",
    ),
    "alone before it is recorded": Bug(
        f"{_PERSISTENCE}._decide",
        "await self._claim(register, primary)\n",
        "self._go_alone(primary)\n        await self._claim(register, primary)\n",
    ),
    "record not checked at promotion": Bug(
        f"{_PERSISTENCE}._claim", "not own <= record.members", "False"
    ),
    "record checked at start only": Bug(f"{_GUARD}.run", "await self.step()", _ONCE),
    "priority not lowered": Bug(f"{_GUARD}._configure", "_PROMOTABLE if is_member else 0", "90"),
    "copy of an outdated server": Bug(
        f"{_GUARD}._configure", 'if is_allowed else ""', 'if True else ""'
    ),
    "status message not recorded": Bug(
        "imgbot.jobs.status_messages:StatusMessages._send_first",
        "await self._queue.record_status_message(job.id, message.message_id, place.chat_id)",
        "pass",
    ),
}
