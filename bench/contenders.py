# SPDX-License-Identifier: Apache-2.0
"""Who takes part: brink with each of its engines, and each peer at its default interval and at its fastest."""
import setting
from peers.brink import Brink
from peers.collectd import Collectd
from peers.monit import Monit
from peers.nagios import Nagios
from peers.netdata import Netdata
from peers.prometheus import Prometheus

PEERS = {"monit": Monit, "collectd": Collectd, "prometheus": Prometheus, "netdata": Netdata, "nagios": Nagios}
POLL_S = 0.01


class Contender:
    """A peer at one setting, what it is to be called, and whether this is the setting that it has unless told."""

    def __init__(self, who, interval, make, default=False):
        self.who = who
        self.interval = interval
        self.make = make  # of a Place
        self.default = default


def written(interval_s):
    return f"{interval_s:g} s" if interval_s >= 1 else f"{interval_s * 1000:g} ms"


def brinks(alarms):
    """`alarms`: also with its events read by one program, instead of starting one for each."""
    for engine in ("tracepoint", "kernel"):
        who = f"brink, engine `{engine}`"
        yield Contender(who, "none", lambda place, engine=engine: Brink(place, setting.BRINK, engine))
        if alarms:
            yield Contender(who + ", to a reader", "none", lambda place, engine=engine:
                            Brink(place, setting.BRINK, engine, read_by_alert=True))
    yield Contender("brink, engine `poll`", "10 ms to 1 s", lambda place: Brink(place, setting.BRINK, "poll"))
    yield Contender("brink, engine `poll`", written(POLL_S), lambda place: Brink(place, setting.BRINK, "poll", POLL_S))


def chosen(names, alarms):
    found = list(brinks(alarms)) if "brink" in names else []
    for name, peer in PEERS.items():
        if name not in names:
            continue
        found.append(Contender(peer.NAME, written(peer.DEFAULT_S), peer, default=True))
        if peer.FASTEST_S != peer.DEFAULT_S:
            found.append(Contender(peer.NAME, written(peer.FASTEST_S), lambda place, peer=peer: peer(place, peer.FASTEST_S)))
    return found


def unknown(names, known):
    """What is to be said of names that are none."""
    wrong = sorted(set(names) - set(known))
    return f"unknown peer '{wrong[0]}'; known: {' '.join(known)}" if wrong else None
