"""The benchmarks' data: find, download, read and check records."""
