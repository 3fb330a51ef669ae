"""Pictures of every kind that reaches a processor: shapes, bit depths, palettes, alpha, orientations, colour profiles.

    python tests/golden/make_pixels_inputs.py FOLDER_OF_PHOTOS

Writes tests/golden/pixels/. The photographs are scaled down from FOLDER_OF_PHOTOS (three from COCO val2017); everything
else is drawn here. Needs Pillow 13 and NumPy. Run make_pixels_golden.py afterwards.
"""
import base64
import struct
import sys
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

OUT = Path(__file__).parent / "pixels"
PHOTOS = ["000000107438.jpg", "000000358083.jpg", "chelsea.png"]
# Pictures of reports, kept as they came.
REPORTED = ["sq128.png", "wide.png", "exif6.webp"]


def drawing(width: int, height: int) -> np.ndarray:
    """Smooth ramps, hard edges and some texture: [height, width, 3] uint8."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = x / max(1, width - 1), y / max(1, height - 1)
    red = 255 * u
    green = 255 * (0.5 + 0.5 * np.sin(9 * u + 5 * v))
    blue = np.where((np.floor(u * 9) + np.floor(v * 7)) % 2, 230, 255 * v)
    return np.stack([red, green, blue], -1).round().astype(np.uint8)


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    return block


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, chunks: bytes = b"", interlace=0) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    parts = [png_chunk(b"IHDR", header), chunks, png_chunk(b"IDAT", zlib.compress(rows, 9)), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def unfiltered(samples: np.ndarray) -> bytes:
    """PNG scanlines with filter 0, from rows of big-endian samples."""
    return b"".join(b"\0" + row.tobytes() for row in samples)


def adam7(rgb: np.ndarray) -> bytes:
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    return b"".join(unfiltered(part) for x, y, dx, dy in passes if (part := rgb[y::dy, x::dx]).size)


def insert_before(data: bytes, kind: bytes, chunk: bytes) -> bytes:
    at = data.index(kind) - 4
    return data[:at] + chunk + data[at:]


def tiff(orientation: int) -> bytes:
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def icc_xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(value * 65536)) for value in (x, y, z))


def icc_text(text: str) -> bytes:
    data = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", len(data), 28) + data


def matrix_profile(name: str, red, green, blue, gamma) -> bytes:
    """A minimal ICC v4 display profile: three primaries adapted to D50 and one curve."""
    tags = {
        b"desc": icc_text(name), b"cprt": icc_text("CC0"), b"wtpt": icc_xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": icc_xyz(*red), b"gXYZ": icc_xyz(*green), b"bXYZ": icc_xyz(*blue),
        b"rTRC": gamma, b"gTRC": gamma, b"bTRC": gamma,
    }
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for key, value in tags.items():
        value += b"\0" * (-len(value) % 4)
        table += key + struct.pack(">II", at + len(body), len(value))
        body += value
    head = struct.pack(">I4sI4s4s4s", 0, b"\0\0\0\0", 0x04000000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += struct.pack(">iii", round(0.9642 * 65536), 65536, round(0.8249 * 65536)) + b"\0" * 48
    whole = head + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


SRGB_CURVE = b"para\0\0\0\0" + struct.pack(
    ">HH5i", 3, 0, *(round(value * 65536) for value in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)
GAMMA_22 = b"para\0\0\0\0" + struct.pack(">HHi", 0, 0, round(2.19921875 * 65536))
P3_PROFILE = matrix_profile(
    "Display P3", (0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407), SRGB_CURVE
)
ADOBE_PROFILE = matrix_profile(
    "Adobe RGB", (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), GAMMA_22
)


def pictures(photos: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    rgb = lambda w, h: Image.fromarray(drawing(w, h))  # noqa: E731
    for w, h in [(128, 128), (160, 90), (90, 160), (480, 640), (640, 480), (1, 1), (1, 3), (37, 53), (129, 127),
                 (101, 67), (64, 64), (300, 3), (3, 300)]:
        files[f"rgb-{w}x{h}.png"] = encoded(rgb(w, h), "PNG", optimize=True)
    for w, h in [(4000, 20), (20, 4000), (2000, 1500)]:
        # Few colours, so that the files stay small.
        files[f"rgb-{w}x{h}.png"] = encoded(rgb(w, h).quantize(24, dither=Image.Dither.NONE), "PNG", optimize=True)

    small = drawing(61, 43)
    grey = small[..., 1]
    alpha = np.tile(np.linspace(0, 255, 61).round().astype(np.uint8), (43, 1))
    files["grey.png"] = encoded(Image.fromarray(grey), "PNG")
    files["bits-1.png"] = encoded(Image.fromarray(grey > 127), "PNG")
    four = (grey >> 4).astype(np.uint8)
    packed = np.pad(four, ((0, 0), (0, 1)))
    files["grey-4bit.png"] = png(61, 43, 4, 0, unfiltered(packed[:, ::2] << 4 | packed[:, 1::2]))
    files["grey-key.png"] = png(61, 43, 8, 0, unfiltered(grey), png_chunk(b"tRNS", struct.pack(">H", int(grey[5, 5]))))
    files["grey-alpha.png"] = encoded(Image.fromarray(np.dstack([grey, alpha]), "LA"), "PNG")
    files["rgba.png"] = encoded(Image.fromarray(np.dstack([small, alpha])), "PNG")
    every = np.dstack([np.tile(np.arange(256, dtype=np.uint8), (256, 1))] * 3 + [np.arange(256, dtype=np.uint8)[:, None].repeat(256, 1)])
    files["every-alpha.png"] = encoded(Image.fromarray(every), "PNG", optimize=True)
    files["rgba-zero-alpha.png"] = encoded(Image.fromarray(np.dstack([small, alpha * 0])), "PNG")
    key = struct.pack(">3H", *(int(value) for value in small[9, 9]))
    files["rgb-key.png"] = png(61, 43, 8, 2, unfiltered(small), png_chunk(b"tRNS", key))
    palette = Image.fromarray(small).quantize(16, dither=Image.Dither.NONE)
    files["palette.png"] = encoded(palette, "PNG")
    files["palette-alpha.png"] = encoded(palette, "PNG", transparency=bytes(range(0, 256, 16)))
    files["palette-key.png"] = encoded(palette, "PNG", transparency=3)
    files["interlaced.png"] = png(61, 43, 8, 2, adam7(small), interlace=1)
    wide = (small.astype(np.uint16) * 257 + np.arange(61, dtype=np.uint16)[None, :, None] * 3).astype(">u2")
    files["rgb-16bit.png"] = png(61, 43, 16, 2, unfiltered(wide))
    files["grey-16bit.png"] = png(61, 43, 16, 0, unfiltered(wide[..., 1]))
    wide_alpha = (alpha.astype(np.uint16) * 200 + 4000).astype(">u2")
    files["rgba-16bit.png"] = png(61, 43, 16, 6, unfiltered(np.dstack([wide, wide_alpha])))
    files["grey-alpha-16bit.png"] = png(61, 43, 16, 4, unfiltered(np.dstack([wide[..., 1], wide_alpha])))
    files["gamma.png"] = png(61, 43, 8, 2, unfiltered(small), png_chunk(b"gAMA", struct.pack(">I", 100000)))
    files["p3.png"] = encoded(Image.fromarray(small), "PNG", icc_profile=P3_PROFILE)
    files["animated.png"] = encoded(Image.fromarray(small), "PNG", save_all=True,
                                    append_images=[Image.fromarray(255 - small)], duration=100)

    turned = Image.fromarray(drawing(48, 32))
    for orientation in range(1, 9):
        files[f"exif-{orientation}.jpg"] = encoded(turned, "JPEG", quality=90, exif=exif(orientation))
        files[f"exif-{orientation}.webp"] = encoded(turned, "WEBP", lossless=True, exif=exif(orientation).tobytes())
        files[f"exif-{orientation}.png"] = encoded(turned, "PNG", exif=exif(orientation))
    plain = encoded(turned, "PNG")
    files["exif-6-after-pixels.png"] = insert_before(plain, b"IEND", png_chunk(b"eXIf", tiff(6)))
    block = b"Exif\0\0" + tiff(8)
    raw = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
    files["exif-8-raw-profile.png"] = insert_before(
        plain, b"IDAT", png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw)))
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
    files["xmp-3.png"] = insert_before(plain, b"IDAT", png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    files["xmp-3.jpg"] = encoded(turned, "JPEG", quality=90, xmp=xmp)
    files["xmp-3.webp"] = encoded(turned, "WEBP", lossless=True, xmp=xmp)
    files["exif-odd.jpg"] = encoded(turned, "JPEG", quality=90, exif=exif(9))

    jpeg = Image.fromarray(drawing(131, 97))
    files["baseline-420.jpg"] = encoded(jpeg, "JPEG", quality=85, subsampling=2)
    files["baseline-422.jpg"] = encoded(jpeg, "JPEG", quality=85, subsampling=1)
    files["baseline-444.jpg"] = encoded(jpeg, "JPEG", quality=85, subsampling=0)
    files["progressive.jpg"] = encoded(jpeg, "JPEG", quality=70, progressive=True)
    files["grey.jpg"] = encoded(jpeg.convert("L"), "JPEG", quality=85)
    files["cmyk.jpg"] = encoded(jpeg.convert("CMYK"), "JPEG", quality=90)
    files["rgb-not-ycc.jpg"] = encoded(jpeg, "JPEG", quality=90, keep_rgb=True)
    files["p3.jpg"] = encoded(jpeg, "JPEG", quality=90, icc_profile=P3_PROFILE)
    files["adobe-rgb.jpg"] = encoded(jpeg, "JPEG", quality=90, icc_profile=ADOBE_PROFILE)
    files["lossy.webp"] = encoded(jpeg, "WEBP", quality=85)
    files["lossy-alpha.webp"] = encoded(
        Image.fromarray(np.dstack([drawing(61, 43), alpha])), "WEBP", quality=85)
    files["lossless-alpha.webp"] = encoded(
        Image.fromarray(np.dstack([drawing(61, 43), alpha])), "WEBP", lossless=True)
    files["p3-large.jpg"] = encoded(rgb(1600, 1066), "JPEG", quality=40, icc_profile=P3_PROFILE)
    files["exif-6-large.jpg"] = encoded(rgb(1300, 900), "JPEG", quality=30, exif=exif(6))
    files["p3.webp"] = encoded(jpeg, "WEBP", quality=85, icc_profile=P3_PROFILE)
    files["animated.webp"] = encoded(Image.fromarray(small), "WEBP", save_all=True, lossless=True,
                                     append_images=[Image.fromarray(255 - small)], duration=100)
    files["animated-default.png"] = encoded(Image.fromarray(small), "PNG", save_all=True, default_image=True,
                                            append_images=[Image.fromarray(255 - small)] * 2, duration=100)
    files["animated.gif"] = encoded(palette, "GIF", save_all=True,
                                    append_images=[palette.transpose(Image.Transpose.FLIP_LEFT_RIGHT)], duration=100)
    files["transparent.gif"] = encoded(palette, "GIF", transparency=3)
    files["opaque.avif"] = encoded(Image.fromarray(small), "AVIF", quality=90, subsampling="4:4:4")
    files["turned-6.avif"] = encoded(turned, "AVIF", quality=90, subsampling="4:4:4", exif=exif(6))

    tall = np.dstack([drawing(31, 70001)[..., 0]])  # higher than any canvas
    files["grey-31x70001.png"] = encoded(Image.fromarray(tall[..., 0]), "PNG", optimize=True)
    for name in PHOTOS:
        photo = Image.open(photos / name).convert("RGB")
        stem = f"photo-{Path(name).stem.lstrip('0')}"
        photo.thumbnail((240, 240), Image.Resampling.LANCZOS)
        files[f"{stem}.png"] = encoded(photo, "PNG", optimize=True)
        photo = Image.open(photos / name).convert("RGB")
        photo.thumbnail((500, 500), Image.Resampling.LANCZOS)
        files[f"{stem}.jpg"] = encoded(photo, "JPEG", quality=80)
    return files


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for old in (one for one in OUT.iterdir() if one.name not in REPORTED):
        old.unlink()
    made = pictures(Path(sys.argv[1]))
    for name, data in made.items():
        (OUT / name).write_bytes(data)
    print(f"{len(made)} pictures, {sum(map(len, made.values())):,} bytes")
