"""What a camera makes of light: exposure, optics, noise and compression, down to the JPEG."""

import io

import numpy as np
from PIL import Image, ImageFilter

from tools.render_people.cameras import Camera
from tools.render_people.draws import Array, Floats

SIZE = (64, 128)  # of every picture: width, height

Rng = np.random.Generator
_BOX, _BICUBIC = Image.Resampling.BOX, Image.Resampling.BICUBIC


def develop(rng: Rng, linear: Floats, camera: Camera, height: float, aspect: float) -> bytes:
    """The JPEG of a linear RGB render (256, 128, 3).

    `height` is how many pixels high the person's box is on the sensor, `aspect` its width to
    height.
    """
    image = _tone(linear * camera.exposure * 2 ** rng.normal(0, 0.10) * camera.balance, camera)
    picture = Image.fromarray((image * 255).round().astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(camera.blur * 256 / 128 + 0.2))
    if camera.motion > 0.3 and rng.random() < 0.3:
        picture = _smear(picture, int(1 + 2 * round(camera.motion)))
    native = max(12, round(height * aspect)), max(24, round(height))
    picture = picture.resize(native, _BOX if native[1] < 256 else _BICUBIC)
    picture = _noisy(rng, picture, camera.noise).resize(SIZE, _BICUBIC)
    if camera.sharpen:
        picture = picture.filter(ImageFilter.UnsharpMask(1.2, int(camera.sharpen * 100), 2))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=int(rng.integers(*camera.quality)), subsampling=2)
    return buffer.getvalue()


def _tone(light: Array, camera: Camera) -> Array:
    """Light to values of 0 to 1; `light` is used up."""
    image = light
    image *= -1.6
    np.exp(image, out=image)
    np.subtract(1, image, out=image)  # a soft shoulder
    np.clip(image, 0, 1, out=image)
    image **= camera.gamma / 2.2
    grey = (image @ [0.3, 0.59, 0.11])[..., None]
    image -= grey
    image *= camera.saturation
    image += grey
    image -= 0.45
    image *= camera.contrast
    image += 0.45
    image *= 1 - camera.lift
    image += camera.lift
    return np.clip(image, 0, 1, out=image)


def _smear(picture: Image.Image, length: int) -> Image.Image:
    """Motion sideways, over about `length` pixels."""
    pixels = np.asarray(picture, np.float32)
    shifts = range(-(length // 2), length // 2 + 1)
    mean = np.mean([np.roll(pixels, shift, 1) for shift in shifts], 0)
    return Image.fromarray(mean.astype(np.uint8))


def _noisy(rng: Rng, picture: Image.Image, noise: float) -> Image.Image:
    """Noise of brightness and, weaker, of colour."""
    pixels = np.asarray(picture, np.float32)
    grey = rng.normal(0, noise * 255, (*pixels.shape[:2], 1))
    noisy = pixels + grey + rng.normal(0, noise * 90, pixels.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
