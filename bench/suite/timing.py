"""Sides take turns: the interleaving, and what a turn is.

A side is anything with `turn(seconds)` that works for about so long and says
what each piece took. Rounds go over all sides, each round beginning with
another one, so that all see the same machine in the same minutes. What is
compared are medians of the turns' medians. During a turn the share of the
processors that others took is written down: what /proc/stat calls busy, less
what the side itself used.
"""
import os
import statistics
from dataclasses import dataclass, field

TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Turn:
    values: list                # seconds of each piece of work, or megabytes
    own: float = 0.0            # seconds of processor time that the side used
    facts: dict = field(default_factory=dict)
    least: float = None         # of the pieces, where `values` is their median alone

    def __post_init__(self):
        if self.least is None:
            self.least = min(self.values)


def processors():
    """(busy, all) seconds of all processors since the start of the machine."""
    with open("/proc/stat") as f:
        numbers = [int(x) for x in f.readline().split()[1:9]]
    return (sum(numbers) - numbers[3] - numbers[4]) / TICK, sum(numbers) / TICK


def others_share(before, after, own):
    """What neither idled nor was the side's own, as a share of the machine."""
    total = after[1] - before[1]
    return max(0.0, after[0] - before[0] - own) / total if total > 0 else 0.0


def interleave(sides, rounds, seconds, report=None, clock=processors):
    """{side: [(Turn, share of others), ...]}, and {side: error} of those that failed.

    A side that fails once is out; the error is kept to be printed in its row.
    """
    turns, errors = {name: [] for name in sides}, {}
    names = list(sides)
    for number in range(rounds):
        first = number % len(names) if names else 0
        for name in names[first:] + names[:first]:
            if name in errors:
                continue
            before = clock()
            try:
                turn = sides[name].turn(seconds)
            except Exception as error:
                errors[name] = str(error) or type(error).__name__
                continue
            turns[name].append((turn, others_share(before, clock(), turn.own)))
            if report:
                report(name, turn)
    return {name: list_ for name, list_ in turns.items() if list_ and name not in errors}, errors


def summary(turns):
    """Median of the turns' medians, the spread of these, and the least of all."""
    medians = [statistics.median(turn.values) for turn, _ in turns]
    row = {"median": statistics.median(medians), "low": min(medians), "high": max(medians),
           "least": min(turn.least for turn, _ in turns), "turns": len(turns),
           "pieces": sum(len(turn.values) for turn, _ in turns),
           "others_cpu": round(max(share for _, share in turns), 3)}
    for turn, _ in turns:
        row.update(turn.facts)
    if "layers" in row:
        row["layers"] = merged([turn.facts["layers"] for turn, _ in turns])
    return row


def merged(turns):
    """Layers' times over several turns, each {layer: its median and its least}."""
    return {name: {"median": statistics.median(layers[name]["median"] for layers in turns),
                   "least": min(layers[name]["least"] for layers in turns)} for name in turns[0]}
