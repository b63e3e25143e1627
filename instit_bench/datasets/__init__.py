"""The benchmarks' data: finding, downloading, reading and checking records."""
