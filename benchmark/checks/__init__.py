"""Laws that every objective, metric, data set and model keeps: ours in the tests, a user's by `betterbound check`."""
