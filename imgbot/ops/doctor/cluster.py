"""Check of a cluster, and its state in lines."""

import time
from collections.abc import Iterator

from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.storage.server.cluster import ClusterState, Lead, RedisState, follower_in
from imgbot.storage.server.record import InSyncRecord

_MOST_SKEW_S = 1.0
"""A lease ends at a time of day, by the clock of the server that is asked."""

_CHECK = "cluster"
SETTINGS_LINE = "sudo tar -C / -c etc/imgbot | ssh root@{} tar -C / -x"
_START_REDIS = "sudo systemctl start imgbot-cluster@redis, there"


def judge_cluster(state: ClusterState) -> list[Finding]:
    """Return what is wrong with a cluster, or that it is complete."""
    judges = (_judge_sentinels, _judge_lead, _judge_primary, _judge_record, _judge_servers)
    if state.primary and state.primary.is_alone:
        judges = (_judge_lead, _judge_alone, _judge_servers)
    found = [finding for each in judges for finding in each(state)]
    if not found:
        text = "complete: a leader, a primary, its replica, a quorum of Sentinels, the record"
        return [ok(_CHECK, text)]
    return found


def _judge_sentinels(state: ClusterState) -> Iterator[Finding]:
    silent = [str(each) for each, answer in state.sentinels.items() if not answer]
    start = "sudo systemctl start imgbot-cluster@sentinel, there"
    if silent:
        level = warning if state.has_quorum else wrong
        yield level(_CHECK, f"no Sentinel answers at {', '.join(silent)}", start)
    if not state.has_quorum:
        yield wrong(_CHECK, "the Sentinels have no quorum: nobody would take over", start)


def _judge_lead(state: ClusterState) -> Iterator[Finding]:
    if state.primary and not state.primary.leader:
        yield wrong(_CHECK, "no bot leads", "sudo systemctl start imgbot")


def _judge_alone(state: ClusterState) -> Iterator[Finding]:
    here = state.named.host if state.named else ""
    other = next((each.host for each in state.sentinels if each.host != here), "ADDRESS")
    text = "the second server has left, or has not joined yet: the bot goes on without it"
    advice = f"{SETTINGS_LINE.format(other)}; then, there: sudo imgbot cluster join"
    yield warning(_CHECK, text, advice)


def _judge_primary(state: ClusterState) -> Iterator[Finding]:
    primary = state.primary
    if primary is None:
        yield wrong(_CHECK, "no Redis is the primary", _START_REDIS)
        return
    if follower_in(primary.info) is None:
        text = "the replica is away: the primary is alone, and if it fails, the bot waits for it"
        yield warning(_CHECK, text, _START_REDIS)
    elif primary.config and primary.config.get("min-replicas-to-write") != "1":
        text = "the primary would go on alone in a split network (min-replicas-to-write is not 1)"
        yield wrong(_CHECK, text, "sudo imgbot redis-cli CONFIG SET min-replicas-to-write 1")


def _judge_record(state: ClusterState) -> Iterator[Finding]:
    if not state.record:
        why = "the witness has no record" if state.record == "" else "the record does not answer"
        text = f"{why}: no server would go on alone"
        yield wrong(_CHECK, text, "sudo imgbot cluster witness, on the witness")
        return
    members = state.record.split()[1:]
    for each in (one for one in state.servers if one.info):
        if str(each.address) not in members:
            text = f"{each.address} lacks what {', '.join(members)} has: it leads once it has that"
            level = wrong if each.address == state.named else warning
            start = "sudo systemctl start imgbot-cluster@redis imgbot, on both"
            lost = "if that one is gone for good: sudo imgbot cluster promote, here"
            yield level(_CHECK, text, start if state.primary else f"{start}; {lost}")
        elif each.info.get("slave_priority") == 0:
            text = f"{each.address} has everything, and cannot be promoted (replica-priority 0)"
            yield warning(_CHECK, text, "sudo systemctl start imgbot, on either server")


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


def cluster_lines(state: ClusterState) -> list[str]:
    """Return a line for each part of a cluster."""
    shown: list[str] = []
    primary = state.primary
    lead = primary.lead if primary else Lead()
    epoch = f" (epoch {lead.epoch.partition('-')[0]})" if lead.host else ""
    shown.append(f"leader    {lead.host or 'none'}{epoch}{_since(lead.since_s)}")
    shown.append(f"record    {_record(state)}")
    for each in state.servers:
        role = "primary" if each.is_primary else "replica"
        about = f"Valkey {each.version}, clock {each.skew_s:+.3f} s" if each.info else "no answer"
        shown.append(f"{role}   {each.address}  {about}{_lag(primary, each)}")
    for address, answer in state.sentinels.items():
        about = "quorum" if answer.startswith("OK") else "no quorum" if answer else "no answer"
        shown.append(f"sentinel  {address}  {about}")
    return shown


def _record(state: ClusterState) -> str:
    record = InSyncRecord.parse(state.record or "")
    if record is None:
        return "no answer" if state.record is None else "none"
    members = ", ".join(sorted(record.members))
    words = f"in sync: {members}" if len(record.members) > 1 else f"only {members} has everything"
    return words + _since(record.since_s)


def _since(at_s: float | None) -> str:
    return f" since {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at_s))}" if at_s else ""


def _lag(primary: RedisState | None, server: RedisState) -> str:
    for each in primary.replicas if primary else ():
        if each.get("ip") == server.address.host and primary:
            behind = int(primary.info.get("master_repl_offset", 0)) - int(each.get("offset", 0))
            return (
                f", {each.get('state')}, {behind} bytes behind, last heard {each.get('lag')} s ago"
            )
    return ""
