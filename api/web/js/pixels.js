/** Gray values to what is seen: window, level and inversion. Pure. */

/**
 * What is done to gray values. Window and level are in the preview's 256 grays.
 *
 * @typedef {{window: number, level: number, invert: boolean}} Grayscale
 * @typedef {{width: number, height: number, data: Uint8Array}} Gray
 */

export const GRAYS = 256;
export const NARROWEST = 2;
export const WIDEST = 512;

/** @type {Readonly<Grayscale>} the picture as the server made it */
export const NEUTRAL = Object.freeze({ window: GRAYS, level: GRAYS / 2, invert: false });

/** Returns a grayscale within its bounds. */
export function bounded({ window, level, invert }) {
  const clamp = (value, low, high) => Math.min(high, Math.max(low, Math.round(value)));
  return { window: clamp(window, NARROWEST, WIDEST), level: clamp(level, 0, GRAYS - 1), invert };
}

/**
 * Returns the gray that is shown for each gray of the picture, by DICOM's linear VOI function
 * (PS3.3, C.11.2.1.2).
 *
 * @param {Grayscale} grayscale
 * @returns {Uint8ClampedArray} 256 values
 */
export function lookup({ window, level, invert }) {
  const table = new Uint8ClampedArray(GRAYS);
  for (let value = 0; value < GRAYS; value += 1) {
    const shown = ((value - (level - 0.5)) / (window - 1) + 0.5) * 255;
    table[value] = invert ? 255 - Math.min(255, Math.max(0, shown)) : shown;
  }
  return table;
}

/**
 * Writes the shown picture into RGBA.
 *
 * @param {Gray} gray
 * @param {Grayscale} grayscale
 * @param {ImageData} target of the same size
 */
export function develop(gray, grayscale, target) {
  const opaque = new Uint32Array(GRAYS);
  // Alpha is the highest byte on every processor that runs a browser (little-endian).
  lookup(grayscale).forEach((value, index) => {
    opaque[index] = ((255 << 24) | (value << 16) | (value << 8) | value) >>> 0;
  });
  const words = new Uint32Array(target.data.buffer);
  for (let at = 0; at < words.length; at += 1) words[at] = opaque[gray.data[at]];
}

/**
 * Reads the gray values out of a decoded picture.
 *
 * @param {ImageBitmap} bitmap
 * @returns {Gray}
 */
export function grayOf(bitmap) {
  const { width, height } = bitmap;
  const context = canvasOf(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height);
  for (let at = 0; at < data.length; at += 1) data[at] = rgba[at * 4];
  return { width, height, data };
}

/** Makes a canvas that is not on the page. */
export function canvasOf(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}
