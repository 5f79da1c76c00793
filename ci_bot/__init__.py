"""ci-bot: signed forge events in, Docker steps run, check runs out."""

__version__ = "0.1.0"
