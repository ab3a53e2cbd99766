"""Names of all keys, in one place.

Everything that belongs to a run carries the run's hash tag, so that one script may touch it all on a cluster.

==================  ======  ====================================================================================
key                 type    holds
==================  ======  ====================================================================================
``meta``            hash    state, counts ``n:<status>``, totals, digests, rules, the run's send number ``sn``,
                            ``woken`` when an attempt last woke the readers of ``events``
``plans``           hash    plan number → candidates and samples (JSON)
``ids``             list    encoded hole ids in the order of submission
``hole:<id>``       hash    ``st`` status, ``rd`` round, ``ca`` candidate, ``pl`` plan number, ``n`` samples, ``cl``
                            samples closed, ``tp``/``tm`` bounds of prompt and reply tokens, ``wn`` index of the
                            winning attempt, ``ek``/``em`` error; ``hd`` 1 while the hole waits for others; of each
                            sample k: ``k.l`` attempt that holds the lease, ``k.x`` when it ends, ``k.w`` its
                            worker, ``k.p`` estimated cost of its call; ``k.s`` send number, ``k.t`` retries,
                            ``k.r`` 1 if the next call repeats a lost one, ``k.c`` 1 if closed, ``k.v`` index of the
                            attempt whose fill waits for its verification, ``k.d`` times nobody could verify it
                            and ``k.f`` the first of them; ``k.e`` leases that ran out, ``k.m`` 1 if it is therefore
                            tried among the suspects, ``k.q`` leases that ran out there; ``sp`` 1 while the hole
                            is left to be divided, ``kids`` the ids of its parts in order, ``pa`` the id of the
                            hole that it is a part of
``parents:<id>``    set     encoded ids of the holes a hole waits for
``children:<id>``   set     encoded ids of the holes that wait for a hole
``text:<id>``       string  the hole (JSON)
``tries:<id>``      list    attempt records (JSON), in the order they were decided
``accounts``        hash    ``<count>|<model>``
``leases``          zset    ``<id>|<sample>`` by the millisecond the lease ends
``due``             zset    ``<id>|<sample>`` by the millisecond its wait ends; ``<id>|select`` a selection
                            owed; ``<id>|free`` a look owed to the holes that wait for it; ``<id>|split`` a hole
                            left to be divided
``queued:<model>``  zset    ``<id>|<sample>`` by the millisecond it was sent; the suspects of a model have their own
``events``          stream  what happened, trimmed: it only wakes readers
``aside``           zset    ``<id>|<sample>`` set aside since workers died of it, by the millisecond that happened
``notes``           set     what workers said about the run, once each
==================  ======  ====================================================================================
"""

from __future__ import annotations

from dataclasses import field

from maze_tasks.names import FORMAT_VERSION, escape
from maze_tasks.record import record


@record
class RunKeys:
    """Keys of one run.

    Args:
        namespace: prefix of every key.
        run: name of the run.
    """

    namespace: str
    run: str
    prefix: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", f"{escape(self.namespace)}:{{r:{escape(self.run)}}}:")

    @property
    def meta(self) -> str:
        """State, counts and totals."""
        return self.prefix + "meta"

    @property
    def plans(self) -> str:
        """Plan table."""
        return self.prefix + "plans"

    @property
    def ids(self) -> str:
        """Hole ids in order."""
        return self.prefix + "ids"

    @property
    def accounts(self) -> str:
        """Exact counts per model."""
        return self.prefix + "accounts"

    @property
    def leases(self) -> str:
        """Leases by their end."""
        return self.prefix + "leases"

    @property
    def due(self) -> str:
        """Waits by their end."""
        return self.prefix + "due"

    @property
    def aside(self) -> str:
        """Samples that were set aside."""
        return self.prefix + "aside"

    @property
    def events(self) -> str:
        """Event stream."""
        return self.prefix + "events"

    @property
    def notes(self) -> str:
        """What workers said about the run."""
        return self.prefix + "notes"

    def hole(self, hid: str) -> str:
        """State of one hole; `hid` is encoded (`names.encode_id`)."""
        return f"{self.prefix}hole:{hid}"

    def text(self, hid: str) -> str:
        """Text of one hole."""
        return f"{self.prefix}text:{hid}"

    def attempts(self, hid: str) -> str:
        """Attempt records of one hole."""
        return f"{self.prefix}tries:{hid}"

    def parents(self, hid: str) -> str:
        """Holes that one hole waits for."""
        return f"{self.prefix}parents:{hid}"

    def children(self, hid: str) -> str:
        """Holes that wait for one hole."""
        return f"{self.prefix}children:{hid}"

    def queued(self, model: str) -> str:
        """What was sent to a model's queue and has not begun."""
        return f"{self.prefix}queued:{escape(model)}"


def runs_key(namespace: str) -> str:
    """Sorted set of all runs by the second they were created."""
    return f"{escape(namespace)}:runs"


def active_key(namespace: str) -> str:
    """Set of the runs that the sweeper looks after."""
    return f"{escape(namespace)}:active"


def ended_key(namespace: str) -> str:
    """Sorted set of ended runs by the second they expire."""
    return f"{escape(namespace)}:ended"


def dropped_key(namespace: str) -> str:
    """Hash of the messages that workers dropped, by kind."""
    return f"{escape(namespace)}:dropped"


def sweeper_key(namespace: str) -> str:
    """Lock of the sweeper; workers of each format version have one of their own, for they sweep what they can read."""
    return f"{escape(namespace)}:sweeper:{FORMAT_VERSION}"
