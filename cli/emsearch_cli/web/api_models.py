"""What the interface answers, as types: the OpenAPI document is made of them."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from emsearch_index.schema import table

__all__ = [
    "Group",
    "Groups",
    "IndexFacts",
    "MapPoint",
    "Problem",
    "Question",
    "SearchState",
    "SqlResult",
    "SqlStatement",
    "Structure",
]

_TYPES: dict[str, type] = {
    "VARCHAR": str,
    "DOUBLE": float,
    "INTEGER": int,
    "BIGINT": int,
    "BOOLEAN": bool,
    "DATE": date,
}


class Problem(BaseModel):
    """Why there is no answer."""

    detail: Annotated[str, Field(description="One sentence.")]


class SizeClass(BaseModel):
    """Groups of like size, which share a pixel size and a box."""

    name: str
    dmax_min_angstrom: float | None
    dmax_max_angstrom: float | None
    pixel_size_angstrom: float | None
    box_px: int | None


class IndexFacts(BaseModel):
    """The index that answers."""

    path: str
    generation: str
    ready: Annotated[bool, Field(description="Whether it is loaded; searches wait until then.")]
    structures: int
    groups: int
    views: int
    size_classes: list[SizeClass]


class View(BaseModel):
    """The pose of a hit; the quaternion (w, x, y, z) turns the structure so that the beam runs along +z."""

    structure: str
    quaternion: Annotated[list[float], Field(min_length=4, max_length=4)]
    in_plane_degrees: float
    shift_px: Annotated[list[float], Field(min_length=2, max_length=2)]
    mirror: bool
    fill: float
    correlation: float


class Hit(BaseModel):
    """A shape group that looks like the image; ``view`` is null where it was not matched by projection."""

    rank: int
    group: str
    representative: str
    title: str
    members: list[str]
    probability: float
    similarity: float | None
    mass_kda: float
    dmax_angstrom: float
    size_class: str
    view: View | None


class Query(BaseModel):
    """The image as it was understood."""

    path: Annotated[str, Field(description="The name that the file came with.")]
    image: Annotated[int, Field(description="Its number in the stack, counted from 1.")]
    pixel_size_angstrom: float | None
    pixel_size_source: str
    contrast: Literal["bright", "dark"]


class AnsweringIndex(BaseModel):
    """Where the answer is from."""

    path: str
    generation: str


class Quantity(BaseModel):
    """A value read off the image, and the limits that hold the truth nine times in ten."""

    value: float
    low: float
    high: float


class Quantities(BaseModel):
    """What the image shows, whatever the particle is."""

    mass_kda: Quantity
    dmax_angstrom: Annotated[Quantity, Field(description="Greatest extent of the molecule.")]
    long_angstrom: Annotated[Quantity, Field(description="Root mean square extent along the view.")]
    short_angstrom: Annotated[Quantity, Field(description="Root mean square extent across it.")]
    fill: Annotated[Quantity, Field(description="Height of the stain over the particle's.")]
    hollow: Annotated[
        Quantity | None, Field(description="How much less mass the middle of the view has than its rim.")
    ] = None
    shape: Annotated[
        Literal["ring-like", "elongated", "round"] | None, Field(description="A word for it, where one fits.")
    ] = None


class Answer(BaseModel):
    """One image's answer, as `emsearch query --format json` prints it."""

    query: Query
    index: AnsweringIndex
    in_database_probability: float
    particle_probability: Annotated[float, Field(description="That there is a particle in the image at all.")]
    hits: list[Hit]
    undecided: Annotated[list[str], Field(description="Groups among which the image cannot decide.")]
    quantities: Annotated[Quantities | None, Field(description="None where the pixel size is unknown.")]


class SearchState(BaseModel):
    """A search that waits, runs or has ended."""

    id: str
    name: str
    state: Literal["waiting", "running", "done", "failed"]
    before: Annotated[int, Field(description="Searches that wait in front of it.")]
    images: Annotated[int, Field(description="Images of the file that are searched.")]
    answers: list[Answer]
    notes: list[str]
    problem: Annotated[str | None, Field(description="Why there is no answer, where it failed.")]
    seconds: Annotated[float | None, Field(description="How long the search took, once it has ended.")]


class MapPoint(BaseModel):
    """A shape group on the map; the wider side of the map measures 1, and x grows with size."""

    group: str
    x: float
    y: float
    representative: str
    name: str
    members: int
    size_class: str
    mass_kda: float
    dmax_angstrom: float


class QuestionParameter(BaseModel):
    """A value that a question leaves open."""

    name: str
    default: Annotated[str | None, Field(description="Null where a value has to be given.")]
    meaning: str


class Question(BaseModel):
    """A ready-made question to the catalogue."""

    name: str
    question: str
    notes: str
    parameters: list[QuestionParameter]
    needs_hits: Annotated[
        bool, Field(description="Whether it asks the hits of a batch, which only the command line has.")
    ]
    sql: str


class GroupRow(BaseModel):
    """A shape group in a list."""

    id: str
    name: str | None
    size_class: str | None
    members: int | None
    representative: str | None
    title: str | None
    mass_kda: float | None
    dmax_angstrom: float | None
    ambiguous_at_20_angstrom: bool | None


class Groups(BaseModel):
    """Some groups, and how many there are in all."""

    total: int
    groups: list[GroupRow]


class Member(BaseModel):
    """A structure of a group."""

    structure: str
    similarity: float | None
    mirror: bool | None
    mass_kda: float | None
    dmax_angstrom: float | None
    title: str | None


class NearGroup(BaseModel):
    """A group like another, by the best score of two of their structures that were compared."""

    group: str | None
    name: str | None
    structure: str
    other_structure: str
    score: float


class NearStructure(BaseModel):
    """A structure like another."""

    structure: str
    group: str | None
    score: float
    title: str | None


class ChainKind(BaseModel):
    """Chains of a structure that are alike."""

    entity: str | None
    type: str | None
    copies: int | None
    residues: int | None
    mass_da: float | None
    sequence_sha256: str | None


def _columns(name: str, *without: str) -> dict[str, Any]:
    return {
        column.name: Annotated[_TYPES[column.type] | None, Field(description=column.comment)]
        for column in table(name).columns
        if column.name not in without
    }


Group = create_model(
    "Group",
    __doc__="A shape group: its row in the catalogue, its members, and the groups most like it.",
    kind=Literal["group"],
    **_columns("groups", "members"),
    member_count=int | None,
    members=list[Member],
    nearest_groups=list[NearGroup],
)

Structure = create_model(
    "Structure",
    __doc__="A structure: its row in the catalogue, its chains, and the structures most like it.",
    kind=Literal["structure"],
    **_columns("structures"),
    ambiguous_at_20_angstrom=bool | None,
    similarity_to_representative=float | None,
    chain_kinds=list[ChainKind],
    nearest_structures=list[NearStructure],
)


class SqlStatement(BaseModel):
    """One statement over the catalogue."""

    statement: Annotated[
        str, Field(min_length=1, max_length=20_000, description="One SELECT or EXPLAIN in DuckDB's SQL.")
    ]
    parameters: Annotated[
        dict[str, Annotated[str, Field(max_length=1000)]],
        Field(max_length=32, description="A value for each `$name` in the statement."),
    ] = {}
    rows: Annotated[int, Field(ge=1, le=10_000, description="Stop after this many rows.")] = 1000


class SqlResult(BaseModel):
    """The result of a statement."""

    columns: list[str]
    types: Annotated[list[str], Field(description="DuckDB's types of the columns.")]
    rows: list[list[Any]]
    truncated: Annotated[bool, Field(description="Whether there are more rows.")]
