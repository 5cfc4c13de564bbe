"""Everything is built, then trained: data on the device, streams of randomness, updates, history."""
