"""Schedules of objectives: weights in [0, 1] as functions of the optimisation step."""


def ramp(step: int, warmup_steps: int) -> float:
    """From 0 to 1 in so many steps, then 1 *(KL warm-up: Bowman et al., 2016; Sonderby et al., 2016)*."""
    return 1.0 if warmup_steps == 0 else min(1.0, step / warmup_steps)
