"""The only place that names concrete adapters: settings in, working programs out.

A module for each program. Nothing is gathered here: a command would import the adapters of all of them.
"""
