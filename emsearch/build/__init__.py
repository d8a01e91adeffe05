"""The steps chained into an index: files to bead models, groups, a network, vectors and a published generation."""

from emsearch.build.pipeline import BuildReport, StageReport, build
from emsearch.build.planning import BuildPlan, plan
from emsearch.build.settings import STAGES, BuildSettings, nside_of_directions
from emsearch.build.simulation import simulate_file

__all__ = [
    "STAGES",
    "BuildPlan",
    "BuildReport",
    "BuildSettings",
    "StageReport",
    "build",
    "nside_of_directions",
    "plan",
    "simulate_file",
]
