"""Names of the keys that guard a model's endpoint.

They carry the model's hash tag, so that one script may touch them all on a cluster. Times are milliseconds of Redis's
clock, held back from ever going backwards (``off``). All of them expire when they are not used.

===========  ======  ===============================================================================================
key          type    holds
===========  ======  ===============================================================================================
``state``    hash    ``off`` ms added to Redis's clock, ``seen`` the latest time; ``n``, ``t`` requests and tokens in
                     the window, ``rt`` tokens reserved in the queue; ``pu`` paused until, ``th`` throttles in a row
                     that named no pause; ``lat`` mean latency (us); ``dn`` when somebody was last refused since all
                     calls at once were made; ``le``, ``wl`` no lease ends, no bucket
                     leaves the window before; ``xp`` when the keys expire; breaker: ``ou`` open until, 0 while closed,
                     ``ep`` how often it opened, ``lv`` openings in a row, from 0, ``oc`` ``key`` where it opened since
                     the endpoint refused our key, ``ca`` when it closed, ``pr`` the probe,
                     ``sk`` failures in a row, ``w<k>`` number, calls and failures of a bucket of its window
``leases``   zset    permits (``p<id>``) and reservations (``r<place>``) by the time they run out
``held``     hash    ``p<id>`` → ``start|tokens|epoch`` of its grant; ``r<place>`` → tokens estimated
``queue``    zset    ``r<place>`` by the time its slot is due, in 1/1024 ms so that no two are equal
``window``   hash    ``<start>n``, ``<start>t``: requests and tokens granted in the bucket that starts then
``order``    list    starts of those buckets, oldest first
===========  ======  ===============================================================================================
"""

from __future__ import annotations

from maze_tasks.names import escape

_NAMES = ("state", "leases", "held", "queue", "window", "order")


def gate_keys(namespace: str, model: str) -> list[str]:
    """Keys of one model, in the order that every script of its gate takes them.

    Args:
        namespace: prefix of every key.
        model: name of the endpoint.
    """
    prefix = f"{escape(namespace)}:{{m:{escape(model)}}}:"
    return [prefix + name for name in _NAMES]
