"""Check of a cluster, and its state in lines."""

from collections.abc import Iterator

from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.storage.server.cluster import ClusterState, RedisState

_MOST_SKEW_S = 1.0
"""A lease ends at a time of day, by the clock of the server that is asked."""

_MOST_LAG_S = 5
_CHECK = "cluster"


def judge(state: ClusterState) -> list[Finding]:
    """Return what is wrong with a cluster, or that it is complete."""
    found = [*_judge_sentinels(state), *_judge_primary(state), *_judge_servers(state)]
    if not found:
        return [ok(_CHECK, "complete: a leader, a primary, its replica, a quorum of Sentinels")]
    return found


def _judge_sentinels(state: ClusterState) -> Iterator[Finding]:
    silent = [str(each) for each, answer in state.sentinels.items() if not answer]
    start = "sudo systemctl start imgbot-cluster@sentinel, there"
    if silent:
        level = warning if state.has_quorum else wrong
        yield level(_CHECK, f"no Sentinel answers at {', '.join(silent)}", start)
    if not state.has_quorum:
        yield wrong(_CHECK, "the Sentinels have no quorum: nobody would take over", start)


def _judge_primary(state: ClusterState) -> Iterator[Finding]:
    start, primary = "sudo systemctl start imgbot-cluster@redis, there", state.primary
    if primary is None:
        yield wrong(_CHECK, "no Redis is the primary", start)
        return
    if not primary.leader:
        yield wrong(_CHECK, "no bot leads", "sudo systemctl start imgbot")
    near = [each for each in primary.replicas if each.get("state") == "online"]
    if not near or near[0].get("lag", 0) > _MOST_LAG_S:
        text = "the primary has no replica: another failure loses what was written since"
        yield wrong(_CHECK, text, start)
    elif primary.config and primary.config.get("min-replicas-to-write") != "1":
        text = "the primary would go on alone in a split network (min-replicas-to-write is not 1)"
        yield wrong(_CHECK, text, "sudo imgbot redis-cli CONFIG SET min-replicas-to-write 1")
    if len(near) > 1:
        text = "more than one replica: one may take over that lacks the latest writes"
        yield wrong(_CHECK, text, "replica-priority 0 on all but one")


def _judge_servers(state: ClusterState) -> Iterator[Finding]:
    there = [each for each in state.servers if each.info]
    for each in there:
        if abs(each.skew_s) > _MOST_SKEW_S:
            text = f"the clock of {each.address.host} is {each.skew_s:+.1f} s off this machine's"
            yield wrong(_CHECK, text, "sudo timedatectl set-ntp true, on both")
        if not each.info.get("aof_enabled"):
            text = f"{each.address} loses writes in a power cut (no append-only file)"
            yield wrong(_CHECK, text, "appendonly yes, appendfsync always, there")
    versions = {each.version for each in there}
    if len(versions) > 1:
        text = f"the servers differ in version: {', '.join(sorted(versions))}"
        yield wrong(_CHECK, text, "install the same release on both, then restart the replica's")


def lines(state: ClusterState) -> list[str]:
    """Return a line for each part of a cluster."""
    shown: list[str] = []
    primary = state.primary
    epoch, _, host = (primary.leader if primary else "").partition(" ")
    shown.append(
        f"leader    {host or 'none'}" + (f" (epoch {epoch.partition('-')[0]})" if host else "")
    )
    for each in state.servers:
        role = "primary" if each.is_primary else "replica"
        about = f"Valkey {each.version}, clock {each.skew_s:+.3f} s" if each.info else "no answer"
        shown.append(f"{role}   {each.address}  {about}{_lag(primary, each)}")
    for address, answer in state.sentinels.items():
        about = "quorum" if answer.startswith("OK") else "no quorum" if answer else "no answer"
        shown.append(f"sentinel  {address}  {about}")
    return shown


def _lag(primary: RedisState | None, server: RedisState) -> str:
    for each in primary.replicas if primary else ():
        if each.get("ip") == server.address.host and primary:
            behind = int(primary.info.get("master_repl_offset", 0)) - int(each.get("offset", 0))
            return (
                f", {each.get('state')}, {behind} bytes behind, last heard {each.get('lag')} s ago"
            )
    return ""
