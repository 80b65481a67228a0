"""Verdicts: what was looked at, how it is, and what to do. No Kafka here: facts in, words out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, NamedTuple

State = Literal["right", "warning", "wrong"]

#: The oldest brokers that fence transactions by the group's generation, as ours rely on.
OLDEST = (2, 5)
#: Seconds that clocks may differ, and that a model may be old, before somebody should look.
CLOCK_WARNING, CLOCK_WRONG = 1.0, 5.0
MODEL_OLD = 3_600.0
#: Seconds that a broker lets a transaction be open at most, by default: transaction.max.timeout.ms.
TRANSACTION_LONGEST = 900.0
REPLICAS = 3


class Verdict(NamedTuple):
    """One line.

    Parameters
    ----------
    check
        What was looked at.
    state
        right, warning or wrong.
    found
        How it is.
    advice
        What to do; empty when it is right.
    """

    check: str
    state: State
    found: str
    advice: str = ""


class Held(NamedTuple):
    """A partition whose end nobody may read yet, for a transaction is open in it.

    Parameters
    ----------
    partition
        Its number.
    behind
        Offsets from the first one that is not decided to the end.
    start
        The first one that is not decided.
    producer
        The id of who began it there; None where the broker does not say.
    age
        Seconds since that producer last wrote; None as before.
    """

    partition: int
    behind: int
    start: int
    producer: int | None = None
    age: float | None = None


class Model(NamedTuple):
    """What is known of a goal's newest snapshot.

    Parameters
    ----------
    goal_version
        Of the definition that it was learned for.
    version, examples
        As in the snapshot.
    age
        Seconds since it was published.
    """

    goal_version: str
    version: int
    examples: int
    age: float


def worst_of(verdicts: Collection[Verdict]) -> State:
    """The worst of several.

    Examples
    --------
    >>> worst_of([Verdict("a", "right", ""), Verdict("b", "warning", "")])
    'warning'
    """
    order: tuple[State, ...] = ("right", "warning", "wrong")
    return max((one.state for one in verdicts), key=order.index, default="right")


def of_version(version: tuple[int, ...], brokers: int) -> Verdict:
    """Whether the brokers are new enough.

    Examples
    --------
    >>> of_version((4, 1), 3).found
    '3 brokers, of Kafka 4.1 or the like'
    """
    text = ".".join(map(str, version))
    found = f"{brokers} broker{'s' * (brokers != 1)}, of Kafka {text} or the like"
    if version < OLDEST:
        return Verdict("brokers", "wrong", found, "2.5 is the oldest that fences as workers need")
    return Verdict("brokers", "right", found)


def of_partitions(topic: str, problem: str | None, leaderless: int, lagging: int) -> list[Verdict]:
    """Whether a topic is as it has to be, and its partitions can be written."""
    check = f"topic {topic}"
    if problem == "missing":
        advice = "penchant topics CONFIG --apply creates what is missing"
        return [Verdict(check, "wrong", "is missing", advice)]
    if problem is not None:
        advice = (
            "partitions that go together have to be equal: set PENCHANT_PARTITIONS to what the "
            "events topic has, and create the others anew"
        )
        return [Verdict(check, "wrong", problem, advice)]
    found = []
    if leaderless:
        advice = "a broker that holds them is down: bring it back"
        found.append(Verdict(check, "wrong", f"{leaderless} partitions have no leader", advice))
    if lagging:
        advice = "a broker is down or slow: its replicas are behind"
        said = f"{lagging} partitions have replicas out of step"
        found.append(Verdict(check, "warning", said, advice))
    return found


def of_replicas(topic: str, replicas: int, brokers: int) -> Verdict | None:
    """Whether a topic outlives a broker, where there are brokers enough."""
    if replicas >= min(REPLICAS, brokers):
        return None
    advice = f"raise it to {REPLICAS} with kafka-reassign-partitions; PENCHANT_REPLICATION for new"
    return Verdict(f"topic {topic}", "warning", f"has {replicas} replicas", advice)


def of_in_sync(topic: str, replicas: int, in_sync: int) -> Verdict | None:
    """Whether what was acknowledged outlives a broker, where there are replicas enough."""
    if replicas < REPLICAS or in_sync > 1:
        return None
    advice = f"kafka-configs --alter --topic {topic} --add-config min.insync.replicas=2"
    found = "acknowledges what one broker alone has (min.insync.replicas)"
    return Verdict(f"topic {topic}", "warning", found, advice)


def of_hidden(topic: str) -> Verdict:
    """That nobody here may see how a changelog is kept, which a worker need not."""
    advice = "kafka-acls --add --allow-principal ... --operation DescribeConfigs, to know"
    return Verdict(f"topic {topic}", "warning", "no right to describe_configs", advice)


def of_cleanup(topic: str, policy: str) -> Verdict | None:
    """Whether a changelog keeps the last of every key, and nothing deletes it."""
    if policy == "compact":
        return None
    advice = f"kafka-configs --alter --topic {topic} --add-config cleanup.policy=compact"
    return Verdict(
        f"topic {topic}", "wrong", f"has cleanup.policy={policy}: state would go", advice
    )


def of_rights(
    resource: str, allowed: Collection[str] | None, needed: Collection[str]
) -> Verdict | None:
    """Whether everything needed is permitted; None when it is, or the broker does not say."""
    missing = sorted(set(needed) - set(allowed)) if allowed is not None else []
    if not missing:
        return None
    advice = f"kafka-acls --add --allow-principal ... --operation {missing[0].capitalize()}"
    return Verdict(resource, "wrong", f"no right to {', '.join(missing).lower()}", advice)


def of_group(group: str, state: str, members: int) -> Verdict:
    """Whether workers are there."""
    check = f"group {group}"
    if not members:
        return Verdict(check, "warning", "no worker runs", "penchant worker CONFIG starts one")
    found = f"{members} worker{'s' * (members != 1)}, {state.lower()}"
    if state != "Stable":
        advice = "partitions are being moved; look again in a few seconds"
        return Verdict(check, "warning", found, advice)
    return Verdict(check, "right", found)


def of_progress(
    topic: str,
    waiting: Mapping[int, int],
    before: Mapping[int, int],
    after: Mapping[int, int],
    waited: float,
) -> Verdict:
    """Whether the committed offset moves where records wait.

    Parameters
    ----------
    topic
        The source.
    waiting
        Partition -> offsets between the committed one and the end, where records are among them.
    before, after
        Partition -> committed offset at the first and at the second look.
    waited
        Seconds between the looks.

    Examples
    --------
    >>> of_progress("events", {0: 40}, {0: 10}, {0: 10}, 3.0).state
    'wrong'
    >>> of_progress("events", {0: 20}, {0: 10}, {0: 30}, 3.0).found
    '20 offsets wait; 20 were done with in 3 s'
    """
    check = f"progress in {topic}"
    if not waiting:
        return Verdict(check, "right", "nothing waits")
    done = sum(after.get(number, 0) - before.get(number, 0) for number in after)
    still = sorted(number for number in waiting if after.get(number) == before.get(number))
    found = f"{sum(waiting.values()):,} offsets wait; {done:,} were done with in {waited:.0f} s"
    if still:
        said = f"{found}; partitions {', '.join(map(str, still[:8]))} stand still"
        return Verdict(check, "wrong", said, "docs/operations.md#penchantnoprogress")
    return Verdict(check, "right", found)


def of_held(topic: str, held: Sequence[Held], waited: float) -> Verdict | None:
    """Whether transactions left open keep readers of committed records waiting.

    A warning, for a producer may take its time; wrong where it has not written for as long as no
    broker lets a transaction be open.

    Parameters
    ----------
    topic
        The source.
    held
        Partitions that stood so at both looks.
    waited
        Seconds between the looks.

    Examples
    --------
    >>> of_held("events", [Held(3, 40, 120, 4001, 7.0)], 3.0).found
    '40 offsets cannot be read: a transaction is open (partition 3 from offset 120, producer 4001)'
    """
    if not held:
        return None
    behind = sum(one.behind for one in held)
    places = "; ".join(_place_of(one) for one in held[:4])
    found = f"{behind:,} offsets cannot be read: a transaction is open ({places})"
    forgotten = any(one.age is not None and one.age > TRANSACTION_LONGEST for one in held)
    first = held[0]
    advice = (
        f"kafka-transactions.sh abort --topic {topic} --partition {first.partition} "
        f"--start-offset {first.start}: the broker has forgotten it"
        if forgotten
        else f"its producer has to end it, or the broker does (transaction.timeout.ms); seen "
        f"twice in {waited:.0f} s"
    )
    return Verdict(f"transactions in {topic}", "wrong" if forgotten else "warning", found, advice)


def _place_of(held: Held) -> str:
    who = "" if held.producer is None else f", producer {held.producer}"
    return f"partition {held.partition} from offset {held.start}{who}"


def of_clock(ahead: float | None) -> Verdict:
    """Whether the newest records were stamped by a clock that agrees with ours."""
    if ahead is None:
        return Verdict("clocks", "right", "no record to compare with")
    if ahead <= CLOCK_WARNING:
        return Verdict("clocks", "right", "no record is stamped later than now")
    state: State = "wrong" if ahead > CLOCK_WRONG else "warning"
    found = f"records are stamped {ahead:.1f} s later than this machine's clock shows"
    return Verdict("clocks", state, found, "mend the clock here or where they were sent (NTP)")


def of_model(goal: str, wanted: str, known: Model | None) -> Verdict:
    """Whether a goal has a model of its own, and a young one."""
    check = f"model of {goal}"
    if known is None:
        advice = "the first comes when the first window of tickets has passed"
        return Verdict(check, "warning", "none yet", advice)
    if known.goal_version != wanted:
        advice = "the goal was changed: a new model starts with its tickets"
        return Verdict(check, "warning", "the last is of another definition", advice)
    found = f"version {known.version}, {known.examples:,} examples, {_ago(known.age)} old"
    if known.age > MODEL_OLD:
        advice = "right if no ticket was closed since; docs/operations.md#penchantmodelstale"
        return Verdict(check, "warning", found, advice)
    return Verdict(check, "right", found)


def of_letters(count: int) -> Verdict:
    """Whether records were refused."""
    if not count:
        return Verdict("dead letters", "right", "none")
    return Verdict("dead letters", "warning", f"about {count:,} kept", "penchant dlq list says why")


def _ago(seconds: float) -> str:
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(seconds, 0):.0f} s"
