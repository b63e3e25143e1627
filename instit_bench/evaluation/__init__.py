"""From a configuration to a scored run: plan, order of requests, runner, scoring of files."""
