"""Write the particle files beside this script, each by the library that its README names."""

import bz2
import gzip
from pathlib import Path

import h5py
import mrcfile
import numpy as np
import pandas as pd
import starfile
import tifffile
from numpy.typing import NDArray
from PIL import Image

HERE = Path(__file__).parent
PIXEL = 3.5


def main() -> None:
    """Write all of them."""
    images = np.round(np.random.default_rng(8).normal(8, 3, (3, 16, 18))).clip(0, 15).astype(np.float32)
    np.save(HERE / "expected.npy", images)
    for mode, dtype in ((0, np.int8), (1, np.int16), (2, np.float32), (6, np.uint16), (12, np.float16)):
        with mrcfile.new(HERE / f"mode{mode}.mrcs", overwrite=True) as file:
            file.set_data(images.astype(dtype))
            file.set_image_stack()
            file.voxel_size = PIXEL
    content = (HERE / "mode2.mrcs").read_bytes()
    (HERE / "stack.mrcs.gz").write_bytes(gzip.compress(content, mtime=0))
    (HERE / "stack.mrcs.bz2").write_bytes(bz2.compress(content))
    with h5py.File(HERE / "eman2.hdf", "w") as file:
        for k, image in enumerate(images):
            group = file.create_group(f"MDF/images/{k}")
            group.attrs["EMAN.apix_x"] = PIXEL
            group.create_dataset("image", data=image)
    Image.fromarray(images[0]).save(HERE / "single.spi", format="SPIDER")
    tifffile.imwrite(HERE / "stack.tif", images, photometric="minisblack")
    particles = pd.DataFrame(
        {
            "rlnImageName": [f"{k}@mode2.mrcs" for k in (3, 1, 2)],
            "rlnOpticsGroup": [1, 2, 1],
            "rlnDefocusU": [10000.0, 12000.0, 15000.0],
            "rlnDefocusV": [9000.0, 11000.0, 14000.0],
            "rlnDefocusAngle": [30.0, 40.0, 50.0],
            "rlnClassNumber": [1, 1, 2],
        }
    )
    optics = pd.DataFrame(
        {
            "rlnOpticsGroup": [1, 2],
            "rlnVoltage": [300.0, 200.0],
            "rlnSphericalAberration": [2.7, 1.4],
            "rlnAmplitudeContrast": [0.1, 0.07],
            "rlnImagePixelSize": [3.5, 3.25],
        }
    )
    starfile.write({"optics": optics, "particles": particles}, HERE / "relion31.star", overwrite=True)
    old = particles.drop(columns="rlnOpticsGroup").assign(
        rlnVoltage=300.0,
        rlnSphericalAberration=2.7,
        rlnAmplitudeContrast=0.1,
        rlnDetectorPixelSize=14.0,
        rlnMagnification=40000.0,
    )
    starfile.write(old, HERE / "relion30.star", overwrite=True)
    rows = np.zeros(
        3,
        [
            ("uid", "u8"),
            ("blob/path", "S64"),
            ("blob/idx", "u4"),
            ("blob/psize_A", "f4"),
            ("blob/shape", "u4", (2,)),
        ],
    )
    rows["uid"], rows["blob/path"], rows["blob/idx"] = [11, 12, 13], b"mode2.mrcs", [2, 0, 1]
    rows["blob/psize_A"], rows["blob/shape"] = PIXEL, (16, 18)
    through = np.zeros(
        3, [("uid", "u8"), ("ctf/accel_kv", "f4"), ("ctf/cs_mm", "f4"), ("ctf/amp_contrast", "f4")]
    )
    through["uid"], through["ctf/accel_kv"], through["ctf/cs_mm"] = [13, 12, 11], [120, 200, 300], 2.7
    through["ctf/amp_contrast"] = 0.1
    for name, table in (("J7_particles.cs", rows), ("J7_passthrough_particles.cs", through)):
        with (HERE / name).open("wb") as stream:
            np.save(stream, table)
    _imagic(images)


def _imagic(images: NDArray[np.float32]) -> None:
    head = bytearray()
    for k, image in enumerate(images):
        words = [0] * 256
        rows, columns = image.shape
        words[0], words[1], words[12], words[13], words[68] = k + 1, 2 - k, rows, columns, 0x02020202
        packed = bytearray(np.array(words, "<i4").tobytes())
        packed[56:60] = b"REAL"
        head += packed
    (HERE / "imagic.hed").write_bytes(head)
    (HERE / "imagic.img").write_bytes(images.astype("<f4").tobytes())


if __name__ == "__main__":
    main()
