"""Draw how often "in the database" held against how probable it was said to be, on simulated stain.

Run from the repository's root: python docs/figures/reliability.py (five minutes on two quiet cores)
It is the figure that `emsearch evaluate --sets unknown --snr 10,2,0.5 --images 100 --html FILE` holds.
"""

from pathlib import Path

from emsearch.evaluation.figures import reliability_figure
from emsearch.evaluation.known import known_scores, reliability_of
from emsearch.evaluation.protocol import Protocol, evaluate_index
from emsearch.search.engine import open_index

OUT = Path("docs/images/reliability.png")
PROTOCOL = Protocol(sets=("unknown",), snr_levels=(10.0, 2.0, 0.5), images=100)


def main() -> None:
    """Search 300 images of all groups, judge each as it is and with its own group struck, and draw the bins."""
    judged = evaluate_index(open_index(), PROTOCOL, report=print).judged
    bins = reliability_of(judged)
    OUT.write_bytes(reliability_figure(bins))
    for b in bins:
        print(f"{b.low:.1f}-{b.high:.1f}: {b.count} images, claimed {b.claimed:.2f}, held {b.held:.2f}")
    for score in known_scores(judged):
        print(f"SNR {score.snr}: AUROC {score.auroc:.2f}, calibration error {score.ece:.3f}")


if __name__ == "__main__":
    main()
