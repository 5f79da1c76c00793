"""`python -m ci_bot` and `ci-bot` are the same program."""

from ci_bot.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
