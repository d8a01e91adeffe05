"""A form with an image: to a file in our own folder, and from there to pixels by the guarded reader.

The name that the browser sends is shown and never used as a path. The file is gone as soon as it was read.
"""

import re
import shutil
import tempfile
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from emsearch.particles.errors import ImageError
from emsearch.particles.limits import ReadingLimits
from emsearch.particles.reading import ImageStack, read_images
from emsearch_cli.web.problems import sentence_of

__all__ = ["SearchForm", "Upload", "display_name", "read_upload", "received_form"]

_MOST_FIELDS = 8
_MOST_FIELD_BYTES = 1024
_LONGEST_NAME = 120


class SearchForm(BaseModel):
    """What is asked of the image, as the form and the interface send it."""

    model_config = ConfigDict(extra="forbid")

    pixel_size_angstrom: Annotated[
        float | None,
        Field(
            ge=0.01,
            le=100,
            description="Pixel size in A; without it, that of the file's header, else every scale is searched.",
        ),
    ] = None
    contrast: Annotated[
        Literal["auto", "bright", "dark"],
        Field(description="Whether the particle is brighter or darker than its surroundings."),
    ] = "auto"
    top: Annotated[int, Field(ge=1, le=25, description="How many groups to list.")] = 5
    rerank: Annotated[
        int,
        Field(
            ge=0, le=150, description="At most how many groups to compare by projection matching; 0 is none."
        ),
    ] = 150

    @field_validator("pixel_size_angstrom", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value  # a field that was left empty


@dataclass(frozen=True, slots=True)
class Upload:
    """An image file that has arrived: where it lies, the name to show, and what is asked of it."""

    path: Path
    name: str
    form: SearchForm


@asynccontextmanager
async def received_form(request: Request, folder: Path) -> AsyncIterator[Upload]:
    """Receive a form with one file, which is there while the block runs; ``request.state.fields`` keeps its words.

    Raises HTTPException with a sentence where the form is not as it should be.
    """
    async with request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_MOST_FIELD_BYTES) as fields:
        request.state.fields = {name: value for name, value in fields.items() if isinstance(value, str)}
        image, form = _checked(fields)
        with tempfile.NamedTemporaryFile(dir=folder, prefix="image-") as file:
            await run_in_threadpool(_copy, image, file)
            yield Upload(Path(file.name), display_name(image.filename or ""), form)


def _copy(image: UploadFile, file: "tempfile._TemporaryFileWrapper[bytes]") -> None:
    image.file.seek(0)
    shutil.copyfileobj(image.file, file, 1 << 20)
    file.flush()


def _checked(fields: FormData) -> tuple[UploadFile, SearchForm]:
    image = fields.get("image")
    if not isinstance(image, UploadFile) or not image.size:
        raise HTTPException(422, "No image came with the request; choose a file.")
    values = {name: value for name, value in fields.multi_items() if name != "image"}
    try:
        return image, SearchForm.model_validate(values)
    except ValidationError as error:
        raise HTTPException(422, sentence_of(error.errors())) from None


def display_name(name: str) -> str:
    """Return the last part of a file's name, as it can be shown.

    >>> display_name("../../etc/passwd")
    'passwd'
    >>> display_name("")
    'image'
    """
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c)[0] == "C" else c for c in last)
    return shown.strip()[:_LONGEST_NAME] or "image"


def read_upload(upload: Upload, images: int, limits: ReadingLimits) -> ImageStack:
    """Return the first images of an upload, under the name to show.

    Raises
    ------
    ImageError
        The file or an image in it cannot be used.
    """
    try:
        stack = read_images(upload.path, max_images=images, limits=limits)
    except ImageError as error:
        raise ImageError(str(error).replace(str(upload.path), upload.name)) from None
    return replace(stack, path=upload.name)
