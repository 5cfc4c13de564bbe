"""The annotated types of metric options, checked when a configuration is read: one place for every bound."""

from typing import Annotated

from annotated_types import Ge, Gt, Le, MinLen

MOST = 2**31 - 1  # what every library can count
Count = Annotated[int, Ge(1), Le(MOST)]
Several = Annotated[int, Ge(2), Le(MOST)]
Leaves = Annotated[int, Ge(2), Le(131_072)]  # what LightGBM takes
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Le(1)]
Quantile = Annotated[float, Gt(0), Le(1)]
Counts = Annotated[tuple[Count, ...], MinLen(1)]
Positives = Annotated[tuple[Positive, ...], MinLen(1)]
Capacities = Annotated[tuple[Count, ...], MinLen(2)]
