"""What the newcomer's two commands need, `make demo` and `make test`; nothing here is shipped."""
