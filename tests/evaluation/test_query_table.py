from collections.abc import Callable
from pathlib import Path

import numpy as np
from pyarrow import parquet

from emsearch.evaluation.poses import PoseError
from emsearch.evaluation.queries import Named, Query
from emsearch.evaluation.query_table import query_record, write_queries

ROOT = Path(__file__).resolve().parents[2]


def test_a_row_a_query_with_its_truth(a_query: Callable[..., Query], tmp_path: Path) -> None:
    path = tmp_path / "queries.parquet"
    right = a_query(1, pose=PoseError(4.0, 3.0, 2.0), snr=np.inf)
    write_queries([right, a_query(None, "G3", in_index=False, image=7)], path)
    first, second = parquet.read_table(path).to_pylist()
    assert (first["set"], first["snr"], first["group"], first["structure"]) == (
        "trained",
        np.inf,
        "G0",
        "blob0",
    )
    assert (first["network_rank"], first["network_first"], first["re_ranked_rank"]) == (2, "G1", 1)
    assert first["re_ranked_seconds"] == 0.25
    assert (first["direction_error_degrees"], first["shift_error_angstrom"]) == (4.0, 2.0)
    assert (second["image"], second["in_index"], second["re_ranked_rank"]) == (7, False, None)
    assert second["re_ranked_first"] == "G3"
    assert second["direction_error_degrees"] is None


def test_columns_are_the_same_whatever_was_measured(a_query: Callable[..., Query], tmp_path: Path) -> None:
    write_queries([a_query(1)], tmp_path / "one")
    answers = {"re-ranked": Named(1, "G0"), "ceiling-correlation": Named(2, "G1")}
    write_queries([a_query(1, answers=answers)], tmp_path / "other")
    assert parquet.read_schema(tmp_path / "one").equals(parquet.read_schema(tmp_path / "other"))


def test_every_column_is_documented(a_query: Callable[..., Query]) -> None:
    page = (ROOT / "docs/reference/evaluation.md").read_text(encoding="utf-8")
    answers = ("classifier", "vote", "network", "re_ranked", "ceiling_correlation", "ceiling_likelihood")
    for column in query_record(a_query(1)):
        answer = next((a for a in answers if column in (f"{a}_rank", f"{a}_first", f"{a}_seconds")), None)
        assert f"`{column.replace(answer, '<answer>') if answer else column}`" in page, column
