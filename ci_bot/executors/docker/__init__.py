"""Runs jobs on a Docker engine; see `executor.DockerExecutor`."""
