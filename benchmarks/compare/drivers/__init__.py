"""Processes that hand the work in and wait for its end, each speaking the language of `steps`."""
