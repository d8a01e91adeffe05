"""The tables of the catalogue as data: names, SQL types, keys, and what each column means.

Users type these names in ``emsearch sql``, so units stand in the column names or in the comment.
"""

from dataclasses import dataclass

__all__ = ["HITS", "TABLES", "Column", "Table", "table"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: ``type`` is DuckDB's, ``comment`` says what it holds and in which unit."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table, its columns in order, and the columns that identify a row."""

    name: str
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises
        ------
        ValueError
            The table has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(column.name for column in self.columns)
        raise ValueError(f"table {self.name} has no column {name!r}; its columns are {known}")


def table(name: str) -> Table:
    """Return the catalogue's table of that name; ValueError where there is none.

    >>> table("groups").key
    ('id',)
    """
    for candidate in TABLES:
        if candidate.name == name:
            return candidate
    raise ValueError(
        f"the catalogue has no table {name!r}; its tables are {', '.join(t.name for t in TABLES)}"
    )


def _columns(*rows: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


_STRUCTURES = Table(
    "structures",
    "One row per entry: a biological assembly from mmCIF or PDB, or a density map.",
    ("id",),
    _columns(
        ("id", "VARCHAR", "Entry: PDB code in lower case, EMDB code, or file name without its ending"),
        ("title", "VARCHAR", "Title that the entry gives itself"),
        ("method", "VARCHAR", "Experimental method, as the entry names it"),
        ("resolution_angstrom", "DOUBLE", "Resolution in A that the entry states; NULL where it states none"),
        ("organism", "VARCHAR", "Source organism"),
        ("release_date", "DATE", "Date of release; NULL where unknown"),
        ("source", "VARCHAR", "Name of the file that was read"),
        ("source_sha256", "VARCHAR", "SHA-256 of that file, hexadecimal"),
        ("assembly_id", "VARCHAR", "Biological assembly that was built, as the entry numbers it"),
        (
            "assembly_source",
            "VARCHAR",
            "Who defined the assembly: author, software, both, or the deposited model",
        ),
        ("symmetry", "VARCHAR", "Point group in Schoenflies notation; C1 where none was found"),
        ("chains", "INTEGER", "Chains of the assembly, copies counted"),
        ("residues", "INTEGER", "Residues with coordinates, copies counted"),
        ("mass_da", "DOUBLE", "Mass in Da, hydrogens included"),
        ("mass_protein_da", "DOUBLE", "Part of the mass that is protein, in Da"),
        ("mass_nucleic_da", "DOUBLE", "Part of the mass that is nucleic acid, in Da"),
        ("completeness", "DOUBLE", "Residues with coordinates over residues in the sequences, 0 to 1"),
        ("rg_angstrom", "DOUBLE", "Radius of gyration in A, bead widths included"),
        ("dmax_angstrom", "DOUBLE", "Largest dimension in A: farthest pair of beads + 3.4 A"),
        ("gyration_1", "DOUBLE", "Largest eigenvalue of the mass-weighted gyration tensor, in A^2"),
        ("gyration_2", "DOUBLE", "Middle eigenvalue of the gyration tensor, in A^2"),
        ("gyration_3", "DOUBLE", "Smallest eigenvalue of the gyration tensor, in A^2"),
        ("inertia_1", "DOUBLE", "Principal moment of inertia M (Rg^2 - gyration_1), in Da A^2"),
        ("inertia_2", "DOUBLE", "Principal moment of inertia M (Rg^2 - gyration_2), in Da A^2"),
        ("inertia_3", "DOUBLE", "Principal moment of inertia M (Rg^2 - gyration_3), in Da A^2"),
        ("asphericity", "DOUBLE", "gyration_1 - (gyration_2 + gyration_3) / 2, in A^2"),
        ("acylindricity", "DOUBLE", "gyration_2 - gyration_3, in A^2"),
        ("anisotropy", "DOUBLE", "Relative shape anisotropy, no unit: 0 isotropic, 1 rod"),
        ("volume_angstrom3", "DOUBLE", "Excluded volume in A^3"),
        ("size_class", "VARCHAR", "Size class of its group (size_classes.name)"),
        ("group_id", "VARCHAR", "Shape group (groups.id)"),
        ("notes", "VARCHAR", "What was assumed or left out when the entry was read"),
    ),
)

_GROUPS = Table(
    "groups",
    "Shape groups: structures whose superposed densities agree.",
    ("id",),
    _columns(
        ("id", "VARCHAR", "Name of the group"),
        ("size_class", "VARCHAR", "Size class (size_classes.name)"),
        ("representative_id", "VARCHAR", "The medoid (structures.id)"),
        ("members", "INTEGER", "Structures in the group, the representative counted"),
        ("resolution_angstrom", "DOUBLE", "Resolution d in A at which the densities were compared"),
        ("threshold", "DOUBLE", "Least similarity for one group, 0 to 1"),
        ("name", "VARCHAR", "What the group is called for a reader"),
    ),
)

_GROUP_MEMBERS = Table(
    "group_members",
    "Each structure of a group and the rigid transform that lays it on the representative.",
    ("group_id", "structure_id"),
    _columns(
        ("group_id", "VARCHAR", "The group (groups.id)"),
        ("structure_id", "VARCHAR", "The member (structures.id)"),
        ("similarity", "DOUBLE", "Overlap score with the representative, 0 to 1"),
        ("rotation", "DOUBLE[]", "Rotation matrix, 9 numbers row by row, acting on column vectors"),
        ("translation_angstrom", "DOUBLE[]", "Shift (x, y, z) in A after the rotation"),
        ("mirror", "BOOLEAN", "Whether the member was mirrored (z to -z) before the rotation"),
    ),
)

_SIMILARITIES = Table(
    "similarities",
    "Every pair that was compared, so that another threshold can be tried in SQL.",
    ("structure_a", "structure_b"),
    _columns(
        ("structure_a", "VARCHAR", "First of the pair (structures.id), the lesser in alphabetical order"),
        ("structure_b", "VARCHAR", "Second of the pair (structures.id)"),
        ("score", "DOUBLE", "Uncentred overlap of the superposed densities, 0 to 1"),
    ),
)

_SIZE_CLASSES = Table(
    "size_classes",
    "Groups of like size that share a pixel size and a box, so that size stays information.",
    ("name",),
    _columns(
        ("name", "VARCHAR", "Name of the size class"),
        ("dmax_min_angstrom", "DOUBLE", "Least Dmax in A"),
        ("dmax_max_angstrom", "DOUBLE", "Largest Dmax in A"),
        ("pixel_size_angstrom", "DOUBLE", "Pixel size in A of its images"),
        ("box_px", "INTEGER", "Side of its images in pixels"),
        ("weights_file", "VARCHAR", "Network weights, a file of the index"),
    ),
)

_VIEWS = Table(
    "views",
    "Simulated projections: one vector in the size class's FAISS file each.",
    ("size_class", "vector_id"),
    _columns(
        ("vector_id", "BIGINT", "Position of the vector in the size class's FAISS file, from 0"),
        ("size_class", "VARCHAR", "Size class (size_classes.name)"),
        ("structure_id", "VARCHAR", "What was projected (structures.id)"),
        ("group_id", "VARCHAR", "Its shape group (groups.id)"),
        (
            "quaternion_w",
            "REAL",
            "Scalar part of the unit quaternion that turns the structure, beam along +z",
        ),
        ("quaternion_x", "REAL", "x of the quaternion"),
        ("quaternion_y", "REAL", "y of the quaternion"),
        ("quaternion_z", "REAL", "z of the quaternion"),
        ("fill", "REAL", "Height of the stain over the height of the particle; 1 is fully embedded"),
        ("resolution_angstrom", "REAL", "Resolution of the simulated image in A"),
        ("defocus_um", "REAL", "Underfocus in micrometres; NULL or 0 without a CTF"),
    ),
)

_CHAINS = Table(
    "chains",
    "The kinds of chain that make up an assembly.",
    ("structure_id", "entity"),
    _columns(
        ("structure_id", "VARCHAR", "The structure (structures.id)"),
        ("entity", "VARCHAR", "Entity, as the entry numbers it"),
        ("type", "VARCHAR", "Kind of polymer: protein, rna, dna, ..."),
        ("copies", "INTEGER", "Copies in the assembly"),
        ("residues", "INTEGER", "Residues with coordinates in one copy"),
        ("mass_da", "DOUBLE", "Mass of one copy in Da"),
        ("sequence_sha256", "VARCHAR", "SHA-256 of the sequence in one-letter code, hexadecimal"),
    ),
)

_BUILDS = Table(
    "builds",
    "How the index was built.",
    ("generation",),
    _columns(
        ("generation", "VARCHAR", "Name of the build"),
        ("created", "VARCHAR", "When, ISO 8601 in UTC"),
        ("config", "VARCHAR", "Configuration, JSON"),
        ("versions", "VARCHAR", "Versions of the libraries, JSON"),
    ),
)

_LEFT_OUT = Table(
    "left_out",
    "Files that were offered and not taken, and why.",
    ("source",),
    _columns(
        ("source", "VARCHAR", "Name of the file"),
        ("source_sha256", "VARCHAR", "SHA-256 of the file, hexadecimal; NULL where it could not be read"),
        ("reason", "VARCHAR", "Why it was left out, one sentence"),
    ),
)

TABLES = (
    _STRUCTURES,
    _GROUPS,
    _GROUP_MEMBERS,
    _SIMILARITIES,
    _SIZE_CLASSES,
    _VIEWS,
    _CHAINS,
    _BUILDS,
    _LEFT_OUT,
)

_HIT = "STRUCT(...)[]"

_PICTURE = (
    ("mass_kda", "mass of the molecule in kDa"),
    ("dmax_angstrom", "its greatest extent in A"),
    ("long_angstrom", "longer root mean square extent of the view in A"),
    ("short_angstrom", "shorter root mean square extent of the view in A"),
    ("fill", "height of the stain over the height of the particle"),
    ("hollow", "how much less mass the middle of the view has than its rim, up to 1"),
)


def _picture_columns() -> list[tuple[str, str, str]]:
    """Return what is read off a particle whatever it is."""
    columns = []
    for name, comment in _PICTURE:
        columns.append((f"picture_{name}", "DOUBLE", f"By the picture alone: {comment}"))
        for end in ("low", "high"):
            columns.append(
                (f"picture_{name}_{end}", "DOUBLE", f"The {end} end of its range, which holds 9 of 10 truths")
            )
    return [*columns, ("picture_shape", "VARCHAR", "A word for the view: ring-like, elongated or round")]


HITS = Table(
    "hits",
    "The hits of a batch, where a statement is asked with them: one row a particle.",
    ("row",),
    _columns(
        ("row", "BIGINT", "Place of the particle in the input, from 1"),
        ("particle", "VARCHAR", "Its name, as in 9@particles.mrcs"),
        ("in_database_probability", "DOUBLE", "Probability that its structure is in the index, 0 to 1"),
        ("particle_probability", "DOUBLE", "Probability that the image shows a particle at all, 0 to 1"),
        ("group", "VARCHAR", 'First hit: the shape group (groups.id); a word of SQL, so "group" in quotes'),
        ("representative", "VARCHAR", "First hit: the representative of the group (structures.id)"),
        ("title", "VARCHAR", "First hit: what the group is called"),
        ("size_class", "VARCHAR", "First hit: the size class (size_classes.name)"),
        ("probability", "DOUBLE", "First hit: probability of the group, 0 to 1"),
        ("similarity", "DOUBLE", "First hit: cosine of the group's nearest view"),
        ("structure", "VARCHAR", "First hit: what was matched (structures.id); NULL without matching"),
        ("quaternion_w", "DOUBLE", "Pose: scalar part of the unit quaternion that turns the structure"),
        ("quaternion_x", "DOUBLE", "Pose: x of the quaternion"),
        ("quaternion_y", "DOUBLE", "Pose: y of the quaternion"),
        ("quaternion_z", "DOUBLE", "Pose: z of the quaternion"),
        ("in_plane_degrees", "DOUBLE", "Pose: angle in the plane of the image, in degrees"),
        ("shift_x_px", "DOUBLE", "Pose: the particle's centre from that of the image, in pixels"),
        ("shift_y_px", "DOUBLE", "Pose: the particle's centre from that of the image, in pixels"),
        ("fill", "DOUBLE", "Pose: height of the stain over the height of the particle"),
        ("correlation", "DOUBLE", "Correlation of image and projection inside the particle's disc"),
        *_picture_columns(),
        ("undecided", "BIGINT", "How many groups the particle cannot tell apart, the first hit's among them"),
        ("error", "VARCHAR", "Why there is no answer; NULL where there is one"),
        ("hits", _HIT, "All hits, first to last, each with the fields from group to correlation"),
    ),
)
"""What `emsearch batch` writes as Parquet, of which a statement may be given a file: not in the catalogue."""
