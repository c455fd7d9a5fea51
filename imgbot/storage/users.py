"""Users: their preferences, and their access to the bot."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from imgbot.domain.errors import StorageFullError, UserError
from imgbot.domain.job import Request
from imgbot.domain.operations import OPERATIONS
from imgbot.domain.preferences import Preferences
from imgbot.domain.spelling import isolated
from imgbot.storage import keys
from imgbot.storage.client import Store
from imgbot.storage.job_codec import load, to_text
from imgbot.storage.pause import UNSAID

_INTRODUCED = "introduced"
_SPOKEN = "spoken"
_USERNAME = "username"
_NAME = "name"
_WRITTEN = "written"
_JOBS = "jobs_"
NAMED = "named:"
"""Prefix of the fields with photos that have names."""
_SEEN_AGAIN_MS = 86_400_000
_REPEATED_S = 90_000
"""Longer than an update waits for its chat: its handling is repeated then."""

_FORBIDDEN_S, _CLOSED_S = 3600, 60
EPHEMERAL = "ephemeral"
"""Messages that only one member sees: those that answer nothing."""
_REFUSED_S = 86_400
_REFUSED_KEPT = 64
"""Messages of a user that are kept at most: one for each id modulo this."""

_MEANT_S = 7_776_000
_SEARCHED, _READ_AT_ONCE = 20_000, 1000


@dataclass(frozen=True, slots=True)
class UserProfile:
    """Current state of a user: preferences, access, and notices already sent to them."""

    preferences: Preferences = field(default_factory=Preferences)
    is_banned: bool = False
    is_allowed: bool = False
    """True if the user, or the chat, was allowed while the bot ran."""
    is_paused: bool = False
    paused_words: str = ""
    """Operator's message about the pause, if any."""
    introduced_by: str = ""
    """Job with which an administrator was told how to plug in a provider; empty before it."""
    spoken: str = ""
    """Language of the user's Telegram client when last stored."""
    written: str = ""
    """Language of the user's texts so far, as `language_after` returns it."""
    seen_ms: int = 0
    """Time of the latest update, to a day; of a private chat in a private chat."""
    username: str = ""
    """Stored @name, in lower case."""
    name: str = ""
    """Stored first and last name."""
    named: Mapping[str, str] = field(default_factory=dict[str, str])
    """Photos that the user has given names, as stored, by these."""

    @property
    def language(self) -> str:
        """Language of messages to the user that do not answer an update of theirs."""
        return self.language_or(self.spoken or "en")

    def language_or(self, client_language: str) -> str:
        """Return the language that the user chose, else that of their texts, of their client."""
        return self.preferences.language or self.written or client_language

    def needs_seen_update(self, now_ms: int) -> bool:
        """Return true if the stored time of the user's latest update is a day old."""
        return now_ms - self.seen_ms >= _SEEN_AGAIN_MS


class UserStore(Store):
    """Store of users."""

    async def profile(self, user_id: int, chat_id: int = 0) -> UserProfile:
        """Read the profile of a user, in this chat, in one round trip."""
        seen = keys.PEOPLE if chat_id == user_id else keys.SEEN
        record, is_banned, allowed, paused, seen_ms = await self._all(
            self._redis.hgetall(f"{keys.USER}{user_id}"),
            self._redis.sismember(keys.BANNED, str(user_id)),
            self._redis.smismember(keys.ALLOWED, [str(user_id), str(chat_id)]),
            self._redis.get(keys.PAUSED),
            self._redis.zscore(seen, str(user_id)),
        )
        return UserProfile(
            preferences=load(Preferences, record),
            is_banned=bool(is_banned),
            is_allowed=any(allowed),
            is_paused=paused is not None,
            paused_words="" if paused in {None, UNSAID} else paused,
            introduced_by=record.get(_INTRODUCED, ""),
            spoken=record.get(_SPOKEN, ""),
            written=record.get(_WRITTEN, ""),
            seen_ms=int(seen_ms or 0),
            username=record.get(_USERNAME, ""),
            name=record.get(_NAME, ""),
            named={
                field.removeprefix(NAMED): photo
                for field, photo in record.items()
                if field.startswith(NAMED)
            },
        )

    async def mark_seen(
        self, user_id: int, language: str, now_ms: int, *, is_private: bool = True
    ) -> None:
        """Store the time of the user's latest update, and in a private chat their language."""
        seen = {str(user_id): now_ms}
        await self._redis.zadd(keys.SEEN, seen)
        if is_private:
            await self._all(
                self._redis.zadd(keys.PEOPLE, seen),
                self._redis.hset(f"{keys.USER}{user_id}", _SPOKEN, language),
            )

    async def set_names(
        self, user_id: int, name: str, username: str, before: str, now_ms: int
    ) -> None:
        """Store a user's name, and their @name in lower case, or none, in place of `before`."""
        # Users who are refused later are forgotten in time, too.
        await self._redis.zadd(keys.SEEN, {str(user_id): now_ms})
        holder = before and await self._redis.hget(keys.USERNAMES, before)
        # Somebody else may have taken the old name since.
        if holder == str(user_id):
            await self._redis.hdel(keys.USERNAMES, before)
        if username:
            await self._redis.hset(keys.USERNAMES, username, str(user_id))
        names = {_NAME: name, _USERNAME: username}
        await self._redis.hset(f"{keys.USER}{user_id}", mapping=names)

    async def id_of(self, username: str) -> int | None:
        """Return the user who had this @name when they last wrote; None if nobody had."""
        found = await self._redis.hget(keys.USERNAMES, username.lower())
        return int(found) if found else None

    async def labels(self, ids: Iterable[int]) -> dict[int, str]:
        """Return each id with the user's name and @name before it, as far as they are known."""
        known = list(dict.fromkeys(ids))
        names = zip(known, await self._names(known), strict=True)
        return {user_id: _label(user_id, *each) for user_id, each in names}

    async def _names(self, ids: Iterable[int]) -> list[tuple[str | None, str | None]]:
        records = (f"{keys.USER}{user_id}" for user_id in ids)
        return await self._all(*(self._redis.hmget(each, [_NAME, _USERNAME]) for each in records))

    async def find(self, words: str) -> list[int]:
        """Return users with all these words in their names, those who wrote last first."""
        wanted, found = _folded(words).replace("@", "").split() or [words], list[int]()
        for at in range(0, _SEARCHED, _READ_AT_ONCE):
            page = await self._redis.zrange(keys.SEEN, at, at + _READ_AT_ONCE - 1, desc=True)
            ids = [int(each) for each in page]
            for user_id, names in zip(ids, await self._names(ids), strict=True):
                own = _folded(" ".join(filter(None, names)))
                found += [user_id] if all(word in own for word in wanted) else []
        return found

    async def ended_of(self, user_id: int) -> dict[str, int]:
        """Return how many of the user's jobs ended as ok, failed, rejected and cancelled."""
        found = await self._redis.hgetall(f"{keys.USER}{user_id}")
        return {
            name.removeprefix(_JOBS): int(count)
            for name, count in found.items()
            if name.startswith(_JOBS)
        }

    async def known(self, ids: Iterable[int]) -> list[int]:
        """Return those ids that are of users met here, or banned or allowed by an admin."""
        return [user_id for user_id in ids if await self._is_known(str(user_id))]

    async def _is_known(self, user_id: str) -> bool:
        found = await self._all(
            self._redis.exists(keys.USER + user_id),
            self._redis.sismember(keys.BANNED, user_id),
            self._redis.sismember(keys.ALLOWED, user_id),
        )
        return any(found)

    async def set_written(self, user_id: int, written: str) -> None:
        """Store what the user's texts tell of their language."""
        await self._redis.hset(f"{keys.USER}{user_id}", _WRITTEN, written)

    async def count(self) -> int:
        """Return the number of users with a private chat."""
        return int(await self._redis.zcard(keys.PEOPLE))

    async def preferences(self, user_id: int) -> Preferences:
        return load(Preferences, await self._redis.hgetall(f"{keys.USER}{user_id}"))

    async def set_preference(self, user_id: int, preferences: Preferences) -> None:
        record = {name: to_text(value) for name, value in asdict(preferences).items()}
        change = self._redis.sadd if preferences.is_unsubscribed else self._redis.srem
        await self._all(
            self._redis.hset(f"{keys.USER}{user_id}", mapping=record),
            change(keys.UNSUBSCRIBED, str(user_id)),
        )

    async def claim_intro(self, user_id: int, job_id: str) -> bool:
        """Return true if `job_id` is the user's first job; the same answer when repeated."""
        key = f"{keys.USER}{user_id}"
        _, first = await self._all(
            self._redis.hsetnx(key, _INTRODUCED, job_id), self._redis.hget(key, _INTRODUCED)
        )
        return first == job_id

    async def release_intro(self, user_id: int) -> None:
        """Undo `claim_intro`: the first job was not admitted."""
        await self._redis.hdel(f"{keys.USER}{user_id}", _INTRODUCED)

    async def meant(self, user_id: int, wording: str) -> str:
        """Return what the user chose for an ambiguous wording: `create`, `change` or nothing."""
        name = f"{keys.MEANT}{user_id}"
        return await self._redis.hget(name, _digest(wording)) or ""

    async def set_meant(self, user_id: int, wording: str, choice: str) -> None:
        key = f"{keys.MEANT}{user_id}"
        await self._all(
            self._redis.hset(key, _digest(wording), choice), self._redis.expire(key, _MEANT_S)
        )

    async def once(self, name: str, value: str, seconds: int = _REPEATED_S) -> str:
        """Return the first value that was given within so many seconds.

        Without `seconds` it holds for as long as an update may be handled again. A full Redis
        stores none: what frees memory must not be refused, and Redis refuses what needs some.
        """
        try:
            earlier = await self._redis.set(
                keys.ONCE + name, value, nx=True, get=True, ex=max(seconds, 1)
            )
        except StorageFullError:
            earlier = await self._redis.get(keys.ONCE + name)
        return value if earlier is None else earlier

    async def is_first(self, name: str, request: str, seconds: int) -> bool:
        """Return true if no other request did the same within so many seconds."""
        return await self.once(name, request, seconds) == request

    async def choice(self, name: str) -> str:
        """Return the first value that was given, empty if none was."""
        return await self._redis.get(keys.ONCE + name) or ""

    async def note_forbidden(self, chat_id: int, reason: str) -> None:
        """Remember for a while that a chat does not take pictures, or messages, of a kind."""
        await self._redis.set(f"{keys.FORBIDDEN}{chat_id}.{reason}", 1, ex=_FORBIDDEN_S)

    async def note_closed(self, chat_id: int, thread_id: int) -> None:
        """Remember for a moment that a chat, or a topic, takes no messages."""
        await self._redis.set(_closed_key(chat_id, thread_id), 1, ex=_CLOSED_S)

    async def check_open(self, request: Request) -> None:
        """Raise UserError if the chat took no message a moment ago.

        A private chat that the request was written in is open: a user who blocks the bot writes
        nothing there.
        """
        is_elsewhere = request.chat_id < 0 or request.inline_id
        key = _closed_key(request.chat_id, request.thread_id)
        if is_elsewhere and await self._redis.exists(key):
            raise UserError("chat_closed")

    async def is_forbidden(self, chat_id: int, reason: str) -> bool:
        return bool(await self._redis.exists(f"{keys.FORBIDDEN}{chat_id}.{reason}"))

    async def check_allowed(self, request: Request) -> None:
        """Raise UserError if a group did not allow such results a while ago."""
        reason = "files_forbidden" if request.is_file else "photos_forbidden"
        if OPERATIONS[request.operation].makes_clip:
            reason = "videos_forbidden"
        if request.chat_id < 0 and await self.is_forbidden(request.chat_id, reason):
            raise UserError(reason)

    async def keep_refused(self, user_id: int, update: Mapping[str, Any], now_ms: int) -> None:
        """Keep a message that was refused for now, for its button, in place of an older one."""
        key = _refused_key(user_id, update["update_id"])
        await self._redis.set(key, json.dumps([now_ms, update]), ex=_REFUSED_S)

    async def refused(self, user_id: int, update_id: int) -> tuple[int, dict[str, Any]] | None:
        """Return when a message was refused (ms), and its update; None if it is forgotten."""
        found = await self._redis.get(_refused_key(user_id, update_id))
        at_ms, update = json.loads(found or "[0, {}]")
        return (at_ms, update) if update.get("update_id") == update_id else None

    async def drop_refused(self, user_id: int, update_id: int) -> None:
        await self._redis.unlink(_refused_key(user_id, update_id))


def _label(user_id: int, name: str | None, username: str | None) -> str:
    names = " ".join(filter(None, (isolated(name or ""), username and f"@{username}")))
    return f"{names} ({user_id})" if names else str(user_id)


def _folded(name: str) -> str:
    return name.casefold().replace("ё", "е")


def _closed_key(chat_id: int, thread_id: int) -> str:
    return f"{keys.FORBIDDEN}{chat_id}.closed.{thread_id}"


def _refused_key(user_id: int, update_id: int) -> str:
    return f"{keys.REFUSED_UPDATE}{user_id}.{update_id % _REFUSED_KEPT}"


def _digest(wording: str) -> str:
    """Return the stored form of a wording: of prompts no more than needed is kept."""
    return hashlib.sha256(wording.encode()).hexdigest()[:16]
