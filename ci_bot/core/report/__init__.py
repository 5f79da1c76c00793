"""From stored truth to what the forge should show."""
