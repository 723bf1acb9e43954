"""The radio: Bluetooth LE in a process of its own (`python -m harness.radio`), spoken to over a local socket.

Bumble, asyncio and whatever they do when a device misbehaves stay in that process. `wire` is what both sides share,
`client` and `process` are the harness's side; nothing there imports Bumble. `server`, `central`, `ether` and `quiet`
are the radio's, and only the radio imports them.
"""
