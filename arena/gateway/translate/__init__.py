"""The APIs of agents over chat completions, for providers that offer nothing else.

Requests are translated before the one metered call and replies after it, as they arrive. Libraries
know the APIs; this package keeps what they lose, and leaves out what not every endpoint takes.
"""
