# SPDX-License-Identifier: Apache-2.0
"""Medians, percentiles, and the table."""


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values, share):
    """By nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 100) - 1))]


def number(value):
    if abs(value) >= 1000:
        return "{:,.0f}".format(value)
    return "{:.0f}".format(value) if abs(value) >= 100 else "{:.3g}".format(value)


class Figure:
    """One line of the table. `best` is "most" or "least"; `bare` the bare program's figure of the same kind."""

    def __init__(self, name, value, unit, best, note="", bare=None):
        self.name, self.value, self.unit, self.best, self.note, self.bare = name, value, unit, best, note, bare

    def row(self):
        ratio = ""
        if self.bare:
            ratio = "%s of %s" % (number(self.value / self.bare), number(self.bare))
        return "| %s | **%s** %s | %s | %s |" % (self.name, number(self.value), self.unit, ratio, self.note)

    def as_json(self):
        return dict(self.__dict__)


def table(figures):
    head = ["| | median | of the bare program | |", "|---|---|---|---|"]
    return "\n".join(head + [figure.row() for figure in figures])
