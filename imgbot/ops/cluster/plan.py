"""Plan of a cluster: its three addresses, its password, and the configurations made of them."""

import socket
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from imgbot.config.setting_types import Address, is_of_sentinels, sentinels_of
from imgbot.domain.errors import ConfigError
from imgbot.storage.server.cluster import BACKLOG_BYTES, LAG_S
from imgbot.storage.server.process import keeping_everything

NAME = "imgbot"
"""Name under which the Sentinels know the primary."""

REDIS_PORT, SENTINEL_PORT, RECORD_PORT = 6379, 26379, 26380
_RECORD_BYTES = 16 << 20

_URL = "IMGBOT_REDIS_URL"


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """Addresses of the first server, the second one and the witness, in this order."""

    addresses: tuple[str, str, str]
    password: str = field(repr=False)

    @property
    def url(self) -> str:
        """Value of IMGBOT_REDIS_URL, the same on all machines."""
        sentinels = ",".join(str(Address(each, SENTINEL_PORT)) for each in self.addresses)
        return f"redis+sentinel://:{self.password}@{sentinels}/{NAME}"

    def redis_conf(self, own: str, primary: str, memory_bytes: int, *, has_replica: bool) -> str:
        """Return the configuration of a Redis; without a replica, one that takes writes alone.

        The leader changes that while it runs: see storage/persistence.py.
        """
        following = f"replicaof {primary} {REDIS_PORT}\n" if primary != own else ""
        return (
            f"bind {own}\nbind-source-addr {own}\nport {REDIS_PORT}\nprotected-mode no\n"
            # The only user may do everything: an append-only file is replayed with its rights.
            f"requirepass {self.password}\nmasterauth {self.password}\n{following}"
            f"replica-announce-ip {own}\nrepl-diskless-sync-delay 0\nshutdown-timeout 3\n"
            f"repl-backlog-size {BACKLOG_BYTES}\n"
            f"min-replicas-to-write {int(has_replica)}\nmin-replicas-max-lag {LAG_S}\n"
            "daemonize no\nloglevel notice\n"
            f"{keeping_everything(memory_bytes + BACKLOG_BYTES)}"
        )

    def record_conf(self, own: str) -> str:
        """Return the configuration of the witness's Valkey, which holds the record."""
        return (
            f"bind {own}\nbind-source-addr {own}\nport {RECORD_PORT}\nprotected-mode no\n"
            f"requirepass {self.password}\n"
            f"daemonize no\nloglevel notice\n{keeping_everything(_RECORD_BYTES)}"
        )

    def sentinel_conf(self, own: str, primary: str) -> str:
        return (
            f"bind {own}\nbind-source-addr {own}\nport {SENTINEL_PORT}\nprotected-mode no\n"
            f"requirepass {self.password}\nsentinel sentinel-pass {self.password}\n"
            f"sentinel announce-ip {own}\n"
            f"sentinel monitor {NAME} {primary} {REDIS_PORT} 2\n"
            f"sentinel auth-pass {NAME} {self.password}\n"
            f"sentinel down-after-milliseconds {NAME} 3000\n"
            f"sentinel failover-timeout {NAME} 10000\n"
            f"sentinel parallel-syncs {NAME} 1\n"
        )


def plan_of(url: str) -> ClusterPlan:
    """Return the plan that a URL was made of. Raises ConfigError."""
    with suppress(ValueError, ConfigError):
        parts = urlsplit(url)
        hosts = [each.host for each in sentinels_of(parts.netloc)]
        if is_of_sentinels(url) and parts.path == f"/{NAME}" and parts.password:
            return ClusterPlan(checked(hosts), parts.password)
    raise ConfigError(_URL, "this is not the address that `imgbot cluster init` printed")


def checked(addresses: list[str]) -> tuple[str, str, str]:
    """Return the three addresses. Raises ConfigError."""
    try:
        first, second, third = (str(ip_address(each)) for each in addresses)
    except ValueError:
        first = second = third = ""
    if len({first, second, third}) < 3:
        sentence = "write the addresses of the first server, the second one and the witness"
        raise ConfigError("cluster init", f"{sentence}, like 10.0.0.1 10.0.0.2 10.0.0.3")
    return first, second, third


def check_is_here(address: str) -> None:
    """Raise ConfigError if no interface of this machine has the address."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            sentence = f"{address} is no address of this machine ({error.strerror})"
            raise ConfigError("cluster", sentence) from None
