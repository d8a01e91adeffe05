"""What the interface is asked and answers of explanations, as types."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

__all__ = ["ExplanationRequest", "ExplanationState"]


class ExplanationRequest(BaseModel):
    """Which hit is to be explained, and rather than which."""

    hit: Annotated[int, Field(ge=1, le=25, description="Rank of the hit.")] = 1
    rather_than: Annotated[
        int | None,
        Field(ge=1, le=25, description="Rank of another hit; without it, rather than no particle at all."),
    ] = None


class ExplainedGroup(BaseModel):
    """A group that an explanation speaks of."""

    group: str
    representative: str
    title: str


class ExplainedPose(BaseModel):
    """A structure as it was matched with the whole image."""

    structure: str
    quaternion: Annotated[list[float], Field(min_length=4, max_length=4)]
    shift_px: Annotated[list[float], Field(min_length=2, max_length=2)]
    fill: float
    correlation: float
    log_posterior: float


class ExplainedImage(BaseModel):
    """What the image says of the hit over the rival, in natural logarithms."""

    image: Annotated[int, Field(description="Its number in the stack, counted from 1.")]
    log_likelihood: float
    expected_log_likelihood: Annotated[
        float, Field(description="Its mean, were the hit exactly right and only noise beside it.")
    ]
    log_odds_of_network: float
    hit: ExplainedPose
    rather_than: ExplainedPose | None


class ExplainedBy(BaseModel):
    """What the map of a method is worth, as `emsearch explain` prints it."""

    method: Literal["match"]
    total: Annotated[float, Field(description="Sum of the map.")]
    on_beads: Annotated[float, Field(description="Part of it that lies on the structure.")]
    deletion: float
    insertion: float
    between: Annotated[float, Field(description="Insertion less deletion.")]
    between_of_edges: float
    between_of_noise: float
    agreement_match: float


class Explained(BaseModel):
    """An explanation, as `emsearch explain --format json` prints it."""

    hit: ExplainedGroup
    rather_than: ExplainedGroup | None
    structure: str
    pixel_size_angstrom: float | None
    contrast: Literal["bright", "dark"]
    images: list[ExplainedImage]
    methods: list[ExplainedBy]
    unused: list[str]


class ExplanationState(BaseModel):
    """An explanation that waits, runs or has ended; its picture is at `/api/explanations/{id}/picture`."""

    id: str
    search: Annotated[str, Field(description="The search that it explains.")]
    state: Literal["waiting", "running", "done", "failed"]
    before: Annotated[int, Field(description="Jobs that wait in front of it.")]
    explained: Explained | None
    problem: Annotated[str | None, Field(description="Why there is none, where it failed.")]
    seconds: Annotated[float | None, Field(description="How long it took, once it has ended.")]
