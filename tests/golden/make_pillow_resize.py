"""Golden values for src/models/resample.ts: small pictures resized by Pillow. Needs Pillow; prints JSON.

    python tests/golden/make_pillow_resize.py > tests/golden/pillow-resize.json
"""
import json

from PIL import Image, __version__

CASES = [(13, 9, 8, 8), (5, 7, 16, 12), (40, 30, 12, 16), (16, 16, 16, 5)]


def picture(width, height):
    image = Image.new("RGB", (width, height))
    for y in range(height):
        for x in range(width):
            image.putpixel((x, y), ((x * 37 + y * 11) & 255, (x * y * 5) & 255, 255 if (x + y) % 3 else 0))
    return image


cases = []
for width, height, to_width, to_height in CASES:
    for resample in (0, 1, 2, 3):
        resized = picture(width, height).resize((to_width, to_height), resample)
        cases.append({"from": [width, height], "to": [to_width, to_height], "resample": resample,
                      "rgb": resized.tobytes().hex()})
print(json.dumps({"pillow": __version__, "cases": cases}, indent=1))
