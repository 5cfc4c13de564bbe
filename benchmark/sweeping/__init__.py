"""Many runs: prepared, spread over cores, devices and other launchers."""
