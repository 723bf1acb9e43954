"""Observations by their signs: of kinds that blame a message, the last part is that one."""

from harness.verdict import Kind, Observation

BLAMING = {Kind.EXIT, Kind.SILENCE, Kind.DISCONNECT, Kind.REBOOT, Kind.LEAK, Kind.UNSAFE_STATE, Kind.DRIFT}


def seen(kind, monitor, summary, time=0.0, sign=(), requirement=""):
    """An observation whose sign ends, where its kind blames, with the message blamed."""
    blaming = kind in BLAMING and sign and (kind, monitor) != (Kind.REBOOT, "device")
    fingerprint, blames = (tuple(sign[:-1]), sign[-1]) if blaming else (tuple(sign), "")
    return Observation(kind, monitor, summary, time, fingerprint, requirement, blames=blames)


def sign_of(observation):
    """The sign of an observation, the message blamed last; "unserved" is silence's usual one."""
    blaming = observation.kind in BLAMING and (observation.blames or observation.monitor != "device")
    return (*observation.fingerprint, observation.blames) if blaming else observation.fingerprint
