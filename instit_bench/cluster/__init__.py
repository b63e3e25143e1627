"""Backends on many machines: each a replica in a Ray actor, all asked by one run."""
