"""One worker: a campaign over a share of the cases, in a folder of its own below the run's."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

from harness.campaign import Campaign
from harness.campaigns.lines import Teller
from harness.campaigns.options import Options
from harness.campaigns.resumption import options_of
from harness.campaigns.session import Audience, begin_campaign, resume_campaign
from harness.campaigns.trail import Trail
from harness.errors import MedfuzzError
from harness.events import BenchFault
from harness.known.baseline import baseline_in
from harness.share import WORKERS, Share
from harness.store import STORE_NAME, Store

ENOUGH, SMALL = b"enough\n", b"small "
_PATIENCE = 20.0  # seconds between the signals of a worker to itself that nobody needs any more


def place_of(run: Path, share: Share) -> Path:
    """A worker's folder."""
    return run / WORKERS / str(share.index + 1)


def run_worker(run: Path, share: Share, *, told: int, heard: int) -> int:
    """Begin or go on with a share of the run in that folder; returns the exit code, 0 where it came to its end.

    Events are written to the descriptor `told`. On the other one, `heard`, `ENOUGH` ends the cases, `SMALL` names the
    bucket of a finding that another worker has made small, and its end ends the worker: whoever started it is gone.
    """
    teller = Teller(told)
    try:
        trail = Trail(place_of(run, share))

        def meets(campaign: Campaign) -> None:
            campaign.mark(trail.at, trail.passed_over)
            _obey(campaign, heard)

        audience = Audience((teller,), meets=meets)
        with contextlib.closing(trail):
            _run(run, share, audience)
    except MedfuzzError as error:
        teller.write(BenchFault(str(error), fatal=True))
        return error.exit_code
    return 0


def _run(run: Path, share: Share, audience: Audience) -> None:
    place = place_of(run, share)
    if (place / STORE_NAME).exists():
        resume_campaign(place, audience)
        return
    with Store.open(run) as store:
        manifest = store.manifest()
    begin_campaign(_part(options_of(manifest, place), share), baseline_in(manifest), audience)


def _part(options: Options, share: Share) -> Options:
    """What one worker is asked for; time and findings are the whole's."""
    cases, quiet = (None if each is None else share.count(each) for each in (options.cases, options.quiet))
    return replace(options, share=share, workers=1, cases=cases, quiet=quiet and max(1, quiet))


def _obey(campaign: Campaign, heard: int) -> None:
    def listen() -> None:
        with contextlib.suppress(OSError), os.fdopen(heard, "rb") as lines:
            for line in lines:
                if line == ENOUGH:
                    campaign.conclude()
                elif line.startswith(SMALL):
                    campaign.spare(line.removeprefix(SMALL).strip().decode())
        while True:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_PATIENCE)

    threading.Thread(target=listen, daemon=True).start()
