"""Medians, quartiles and paired ratios: all the arithmetic that a verdict rests on."""

import statistics


def median(values):
    return statistics.median(values)


def quartiles(values):
    """(first, third) quartile, both within the values; of a single one it is that."""
    if len(values) == 1:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def quantile(values, at):
    return sorted(values)[min(len(values) - 1, int(at * len(values)))]


def ratios(ours, theirs):
    """Round by round; a round in which either could not be measured (None) has none."""
    return [a / b for a, b in zip(ours, theirs) if a is not None and b]


class Spread:
    """The median of some figures with their quartiles."""

    def __init__(self, values):
        self.values = list(values)
        self.median = median(self.values)
        self.first, self.third = quartiles(self.values)

    def __str__(self):
        return f"{self.median:.2f} ({self.first:.2f}–{self.third:.2f})"
