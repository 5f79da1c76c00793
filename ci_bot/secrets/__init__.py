"""Secrets: sealed for `.ci.yaml`, encrypted at rest, and the keys for both."""
