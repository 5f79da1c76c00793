"""The log page, before anything is asked or sent: stored truth and bytes in, what is shown out. Pure."""
