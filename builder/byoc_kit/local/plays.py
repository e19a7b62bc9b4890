"""Every play, by the name of its scenario."""

from typing import Final

from byoc_kit.local import (
    plays_hosts,
    plays_load,
    plays_models,
    plays_processing,
    plays_scripts,
    plays_serving,
    plays_sockets,
    plays_stopping,
    plays_training,
)
from byoc_kit.local.stage import Plays

__all__ = ["PLAYS"]

PLAYS: Final[Plays] = {
    **plays_training.PLAYS,
    **plays_stopping.PLAYS,
    **plays_hosts.PLAYS,
    **plays_scripts.PLAYS,
    **plays_processing.PLAYS,
    **plays_serving.PLAYS,
    **plays_load.PLAYS,
    **plays_sockets.PLAYS,
    **plays_models.PLAYS,
}
