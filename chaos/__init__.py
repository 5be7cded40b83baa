"""Attacks on the guarantees: a scenario breaks something real, an audit tells what was lost."""
