"""Draw how often "in the database" held against how probable it was said to be, from the queries of an evaluation.

Run from the repository's root:

    emsearch evaluate --sets unknown --snr 2,10,0.5 --images 300 --parquet queries.parquet
    python docs/figures/reliability.py queries.parquet

It is the figure that ``--html`` of that evaluation holds.
"""

import sys
from pathlib import Path

import pyarrow.parquet as pq

from emsearch.evaluation.discrimination import calibration_error, reliability
from emsearch.evaluation.figures import reliability_figure

OUT = Path("docs/images/reliability.png")


def main() -> None:
    """Draw the bins of all answers, images as they are and with their own group struck."""
    queries = pq.read_table(sys.argv[1], columns=["in_database_probability", "in_index"])
    probability, known = (queries[name].to_numpy() for name in queries.column_names)
    bins = reliability(probability, known)
    OUT.write_bytes(reliability_figure(bins))
    for b in bins:
        print(f"{b.low:.1f}-{b.high:.1f}: {b.count} answers, claimed {b.claimed:.2f}, held {b.held:.2f}")
    print(f"{len(known)} answers, calibration error {calibration_error(probability, known):.3f}")


if __name__ == "__main__":
    main()
