"""Known bugs, each a small change of the program: the world must find every one of them."""

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import resources
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
        with self._patch_function() if ":" in self.where else self._patch_script():
            yield

    def _changed(self, source: str) -> str:
        if self.before not in source:
            raise ValueError(f"{self.where} has no {self.before!r}")
        return source.replace(self.before, self.after)

    def _patch_function(self) -> Any:
        module_name, _, path = self.where.partition(":")
        module: Any = importlib.import_module(module_name)
        *classes, name = path.split(".")
        owner = getattr(module, classes[0]) if classes else module
        source = self._changed(textwrap.dedent(inspect.getsource(owner.__dict__[name])))
        made: dict[str, Any] = {}
        exec(compile(source, f"<bug in {self.where}>", "exec"), module.__dict__, made)
        changed = ExitStack()
        # Others may have imported it by its name.
        for place in {id(each): each for each in (owner, *_importers(path, owner))}.values():
            changed.enter_context(patch.object(place, name, made[name]))
        return changed

    def _patch_script(self) -> Any:
        original = client.script
        source = (resources.files("imgbot.storage") / "lua" / f"{self.where}.lua").read_text()
        broken = scripts.Script(self._changed(source))

        def find(name: str) -> scripts.Script:
            return broken if name == self.where else original(name)

        return patch.object(client, "script", find)


def _importers(path: str, owner: Any) -> list[Any]:
    if "." in path:
        return []
    loaded = [importlib.import_module(f"imgbot.jobs.{name}") for name in ("runner", "submit")]
    return [each for each in loaded if getattr(each, path, None) is owner.__dict__[path]]


_SUBMIT = "imgbot.jobs.submit"

BUGS = {
    "no submit record": Bug(
        f"{_SUBMIT}:_order_in_turn",
        "await _record_submit(context, job, provider, order, fields)",
        "with_changes(job, intent_ms=context.now_ms(), provider=provider.name)",
    ),
    "record not synced": Bug(
        "imgbot.storage.persistence:Persistence.persist",
        "await self._grouped()",
        "int(self._has_replica)",
    ),
    "ticket not stored": Bug(f"{_SUBMIT}:_accepted", "ticket=answer.ticket,", ""),
    "owner noted too late": Bug(
        f"{_SUBMIT}:_accepted", "await _is_own(context, job, answer.ticket)", "pass"
    ),
    "frozen leader orders": Bug(f"{_SUBMIT}:_order", "context.check_lease()", "pass"),
    "no lock-delay": Bug("imgbot.jobs.recovery:decide", "order.locked_s > 0", "False"),
    "epoch without a uuid": Bug("take_lease", "number, uuid)", "number, '')"),
    "no version check": Bug("move", "seen[1] ~= version", "false"),
    "no token check": Bug("move", "seen[2] ~= token", "true"),
    "no epoch check": Bug("move", "FLAGS: fenced", "FLAGS:"),
    "no tombstone": Bug("enqueue", "'EXISTS', job, tombstone", "'EXISTS', job"),
    "reservation forgotten": Bug("finish", "add('reserved:' .. seen[2], -reserved)", ""),
    "charge not in the ledger": Bug("finish", "add('charged', charge)", ""),
    "ended before it is shown": Bug(
        "imgbot.jobs.deliver:deliver",
        "        shown = await _show(context, job, outcome)\n",
        "        await finish(context, job, outcome)\n"
        "        shown = await _show(context, job, outcome)\n"
        "        return Ended()\n",
    ),
    "album handled twice": Bug(
        "imgbot.bot.albums:AlbumProcessor._process",
        "await self._albums.close(name, job_id, items)",
        "await self._albums.close(name, job_id, [])",
    ),
    "update confirmed too early": Bug(
        "imgbot.telegram.update_dispatcher:OffsetWindow.add",
        "self._is_settled[update_id] = False",
        "self._is_settled[update_id] = True",
    ),
    "status message not recorded": Bug(
        "imgbot.jobs.status_messages:StatusMessages.ensure",
        "await self._queue.record_status_message(job.id, message.message_id, place.chat_id)",
        "pass",
    ),
    "cancel forgets the queue": Bug("cancel", "redis.call('LREM', queue, 1, id)", ""),
}
