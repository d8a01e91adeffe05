"""The bead models of an index as the matching reads them: fine for fitting, coarse for searching."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

from emsearch.imaging.cloud import BeadCloud
from emsearch.imaging.simulate import Simulator
from emsearch.structures.beads import BeadModel
from emsearch.structures.binning import bin_beads_on_grid

__all__ = ["StructureLibrary"]

_MODELS_KEPT = 512


class StructureLibrary:
    """Bead models by name, each read once and kept while there is room."""

    def __init__(self, models: Mapping[str, BeadModel]) -> None:
        self._models = models
        self._kept: OrderedDict[str, BeadModel] = OrderedDict()

    def model(self, name: str) -> BeadModel:
        """Return one bead model; KeyError where there is none of that name."""
        if name not in self._kept:
            if len(self._kept) >= _MODELS_KEPT:
                self._kept.popitem(last=False)
            self._kept[name] = self._models[name]
        self._kept.move_to_end(name)
        return self._kept[name]

    def simulator(self, names: Sequence[str]) -> Simulator:
        """Return a simulator of these structures, in this order."""
        return Simulator(BeadCloud.from_models([self.model(name) for name in names]))

    def coarse_simulator(self, name: str, cell_angstrom: float) -> Simulator:
        """Return a simulator of one structure whose beads are merged on a grid."""
        return Simulator(BeadCloud.from_models([bin_beads_on_grid(self.model(name), cell_angstrom)]))
