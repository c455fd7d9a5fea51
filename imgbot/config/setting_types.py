"""Types of the settings, with their parsers and checks.

Each raises ValueError without a sentence: what to write instead stands in settings.toml.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr

from imgbot.domain.operations import OFFERED

_TOKEN = re.compile(r"\d{6,20}:[A-Za-z0-9_-]{30,100}")
_USD = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_SERVICE = re.compile(r"/[A-Za-z0-9._-]{1,60}")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")
# The colon keeps an address that holds a `=` in one piece.
_ENTRY = re.compile(r"(?:([^=:]+?)\s*=\s*)?(.+)", re.DOTALL)


Pairs = tuple[tuple[str, str], ...]
"""Entries of a setting, by name; an empty name is the default of the others."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a TCP port to listen on."""

    host: str
    port: int

    @property
    def reachable(self) -> "Address":
        """The address by which this machine reaches what listens here."""
        any_host = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
        return Address(any_host.get(self.host, self.host), self.port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(value: object) -> Address:
    host, colon, port = str(value).strip().rpartition(":")
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65_535:
        raise ValueError
    if host.startswith("[") and host.endswith("]"):
        host = str(ipaddress.IPv6Address(host[1:-1]))
    elif not _HOST.fullmatch(host):
        raise ValueError
    return Address(host, int(port))


def parse_ids(value: object) -> object:
    """Ids of people, and of groups, which are negative."""
    ids = [part for text in str(value).split(",") if (part := text.strip())]
    if not all(re.fullmatch(r"-?[0-9]{1,16}", part) for part in ids):
        raise ValueError
    return tuple(sorted({int(part) for part in ids}))


def parse_provider_urls(value: object) -> object:
    """Addresses by provider, as (name, addresses with | between them)."""
    pairs = pairs_of(value)
    return tuple((name, "|".join(_addresses(text))) for name, text in pairs)


def _addresses(text: str) -> list[str]:
    urls = [check_http_url(url.strip()) for url in text.split("|")]
    if "" in urls or len(set(urls)) < len(urls):
        raise ValueError
    return urls


def parse_providers(value: object) -> Pairs:
    """Providers by operation; the one without a name is for all others."""
    pairs = pairs_of(value)
    if not dict(pairs).keys() <= {"", *OFFERED}:
        raise ValueError
    return pairs


def entries(value: object) -> Pairs:
    """Split `first, name=second` into (name, entry), unchecked; the name may be empty."""
    parts = [text for part in str(value).split(",") if (text := part.strip())]
    return tuple(pair for text in parts for pair in _ENTRY.findall(text))


def pairs_of(value: object) -> Pairs:
    """Split it likewise, into entries whose names differ."""
    pairs = entries(value)
    if len(dict(pairs)) < len(pairs):
        raise ValueError
    return pairs


def parse_usd(value: object) -> int:
    """US dollars as whole micro-dollars."""
    dollars = str(value).strip()
    if not _USD.fullmatch(dollars):
        raise ValueError
    return int(Decimal(dollars) * 1_000_000)


def check_token(value: SecretStr) -> SecretStr:
    if not _TOKEN.fullmatch(value.get_secret_value()):
        raise ValueError
    return value


def check_http_url(value: str) -> str:
    if not value:
        return value
    parts = urlsplit(value)
    # A password in a URL ends in logs and error texts; keys have settings of their own.
    is_usable = parts.scheme in {"http", "https"} and parts.hostname and parts.username is None
    if not is_usable or parts.query or parts.fragment or (parts.port == 0):
        raise ValueError
    return value.rstrip("/")


def check_https_url(value: str) -> str:
    # Providers post to nothing else; loopback is for the sandbox.
    host = urlsplit(value).hostname or ""
    if value and not (value.startswith("https://") or host in {"127.0.0.1", "localhost", "::1"}):
        raise ValueError
    return check_http_url(value)


def is_of_sentinels(url: str) -> bool:
    """Return true if the address of a Redis names Sentinels, which know the primary's."""
    return url.startswith("redis+sentinel://")


def sentinels_of(netloc: str) -> list[Address]:
    """Return the Sentinels that a URL names, the port 26379 where it names none."""
    hosts = netloc.rpartition("@")[2].split(",")
    named = (host if re.search(r":\d+$", host) else f"{host}:26379" for host in hosts)
    return [parse_address(host) for host in named]


@dataclass(frozen=True, slots=True)
class ClusterUrl:
    """Parts of a redis+sentinel:// address."""

    name: str
    sentinels: tuple[Address, ...]
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    sentinel_user: str | None = field(repr=False)
    sentinel_password: str | None = field(repr=False)

    @property
    def witness(self) -> Address:
        """Address of the record of who has everything: by the last Sentinel, at the next port."""
        last = self.sentinels[-1]
        return Address(last.host, last.port + 1)

    @property
    def servers(self) -> tuple[Address, ...]:
        """Redis servers that `imgbot cluster` sets up; others, too, where a Sentinel knows them."""
        return tuple(Address(each.host, 6379) for each in self.sentinels[:-1])

    @classmethod
    def parse(cls, url: str) -> "ClusterUrl":
        parts = urlsplit(url)
        user, password = (unquote(each or "") or None for each in (parts.username, parts.password))
        given = parse_qs(parts.query, keep_blank_values=True).get("sentinel_password")
        own = (None, given[0] or None) if given else (user, password)
        return cls(parts.path.strip("/"), (*sentinels_of(parts.netloc),), user, password, *own)


def check_redis_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if is_of_sentinels(value.get_secret_value()):
        is_usable = bool(sentinels_of(parts.netloc)) and _SERVICE.fullmatch(parts.path)
    elif parts.scheme in {"redis", "rediss"}:
        is_usable = parts.hostname and re.fullmatch(r"(/\d*)?", parts.path) and parts.port != 0
    else:
        is_usable = parts.scheme == "unix" and parts.path.startswith("/")
    if not is_usable:
        raise ValueError
    return value


Secret = SecretStr
BotToken = Annotated[SecretStr, AfterValidator(check_token)]
RedisUrl = Annotated[SecretStr, AfterValidator(check_redis_url)]
HttpUrl = Annotated[str, AfterValidator(check_http_url)]
HttpsUrl = Annotated[str, AfterValidator(check_https_url)]


class ChatServer(NamedTuple):
    """Address and name of a chat model; both empty without one."""

    url: HttpUrl
    model: str


AddressToListenOn = Annotated[Address, BeforeValidator(parse_address)]
ChatParts = Annotated[ChatServer, BeforeValidator(lambda value: str(value).split())]
Usd = Annotated[int, BeforeValidator(parse_usd)]
PositiveCount = Annotated[int, Field(ge=1, le=100_000)]
Ids = Annotated[tuple[int, ...], BeforeValidator(parse_ids)]
Providers = Annotated[Pairs, BeforeValidator(parse_providers)]
ProviderUrls = Annotated[Pairs, BeforeValidator(parse_provider_urls)]


class GroupLimits(BaseModel, frozen=True, extra="forbid", hide_input_in_errors=True):
    """Limits of a group's members together; None is no limit."""

    pictures: PositiveCount | None = None
    """Pictures a day."""


class UserLimits(GroupLimits):
    """Limits of one user."""

    usd: Usd | None = None
    """Micro-dollars a day."""
    waiting: PositiveCount = 20
    running: PositiveCount = 3


PerUser = Annotated[UserLimits, BeforeValidator(lambda value: dict(pairs_of(value)))]
PerGroup = Annotated[GroupLimits, BeforeValidator(lambda value: dict(pairs_of(value)))]
