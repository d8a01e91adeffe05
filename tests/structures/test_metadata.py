import gemmi

from emsearch.structures.metadata import mmcif_metadata, pdb_metadata

MMCIF = """\
data_X
_struct.title 'A  protein'
_exptl.method 'X-RAY DIFFRACTION'
_refine.ls_d_res_high ?
_reflns.d_resolution_high 2.50
loop_
_entity_src_gen.pdbx_gene_src_scientific_name
'Homo sapiens'
'Homo sapiens'
loop_
_entity_src_nat.pdbx_organism_scientific
'Mus musculus'
loop_
_pdbx_audit_revision_history.revision_date
2021-01-05
2019-04-03
loop_
_entity_poly.entity_id
_entity_poly.pdbx_seq_one_letter_code
1
;ACD
EFG
;
2 ?
"""


def test_mmcif_fields() -> None:
    found = mmcif_metadata(gemmi.cif.read_string(MMCIF).sole_block())
    assert (found.title, found.method) == ("A protein", "X-RAY DIFFRACTION")
    assert found.resolution_angstrom == 2.5
    assert found.organism == "Homo sapiens; Mus musculus"
    assert found.release_date == "2019-04-03"
    assert found.sequences == {"1": "ACDEFG"}
    assert found.missing() == ""


def test_what_is_missing_is_noted_not_invented() -> None:
    found = mmcif_metadata(gemmi.cif.read_string("data_X\n_refine.ls_d_res_high 0.0\n").sole_block())
    assert (found.title, found.method, found.organism) == ("", "", "")
    assert found.resolution_angstrom is None
    assert found.release_date is None
    assert found.missing() == "not in the file: title, method, resolution, organism, release date"


PDB = """\
HEADER    HYDROLASE                               28-MAR-18   6CVM
TITLE     ATOMIC RESOLUTION STRUCTURE OF
TITLE    2 BETA-GALACTOSIDASE
SOURCE    MOL_ID: 1;
SOURCE   2 ORGANISM_SCIENTIFIC: ESCHERICHIA COLI;
SOURCE   3 ORGANISM_TAXID: 83333
EXPDTA    ELECTRON MICROSCOPY
REVDAT   2   18-DEC-19 6CVM    1       REMARK
REVDAT   1   30-MAY-18 6CVM    0
REMARK   2
REMARK   2 RESOLUTION.    1.90 ANGSTROMS.
ATOM      1  CA  ALA A   1       0.000   0.000   0.000  1.00 10.00           C
END
"""


def test_pdb_fields() -> None:
    found = pdb_metadata(gemmi.read_pdb_string(PDB), PDB)
    assert found.title == "ATOMIC RESOLUTION STRUCTURE OF BETA-GALACTOSIDASE"
    assert found.method == "ELECTRON MICROSCOPY"
    assert found.resolution_angstrom == 1.9
    assert found.organism == "ESCHERICHIA COLI"
    assert found.release_date == "2018-05-30"
