/** What a finding adds to the radiograph: its heatmap and its box, fetched once and drawn on demand. */

import { Problem, blob } from "./api.js";
import { grayOf } from "./pixels.js";

/** @typedef {{x: number, y: number, width: number, height: number}} Area where the picture lies, CSS pixels */

/**
 * Fetches pictures of one study, each once.
 *
 * @param {AbortSignal} signal
 */
export function pictures(signal) {
  /** @type {Map<string, Promise<unknown>>} */
  const kept = new Map();

  const once = (path, make) => {
    const found = kept.get(path) ?? load(path, make);
    kept.set(path, found);
    return found;
  };

  /** Gives null where there is no such picture, and asks again the next time. */
  async function load(path, make) {
    try {
      const content = await blob(path, { signal });
      // Gray values must arrive as they were written, not as a screen profile would change them.
      const bitmap = await createImageBitmap(content, { colorSpaceConversion: "none" });
      return make(bitmap);
    } catch (error) {
      kept.delete(path);
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    }
  }

  return {
    /** @returns {Promise<?import("./pixels.js").Gray>} */
    gray: (path) => once(path, grayOf),
    /** Coloured and as clear as it is cold by the server. @returns {Promise<?ImageBitmap>} */
    heat: (path) => once(path, (bitmap) => bitmap),
  };
}

/** Draws a heatmap over the whole picture. */
export function drawHeat(context, heat, area, opacity) {
  context.save();
  context.globalAlpha = opacity;
  context.drawImage(heat, area.x, area.y, area.width, area.height);
  context.restore();
}

/** How the lines of boxes are drawn, in CSS pixels: a finding's is dashed, since it is no outline; a writer's is dotted. */
export const LINES = { finding: { dashes: [9, 6], colour: "#ffd479" }, writer: { dashes: [2, 4], colour: "#8fd3ff" } };

/** Draws a box, given as fractions of the picture: light on dark, seen on any gray; `unit` is a CSS pixel. */
export function drawBox(context, [left, top, right, bottom], area, unit = 1, line = LINES.finding) {
  const place = [
    area.x + left * area.width,
    area.y + top * area.height,
    (right - left) * area.width,
    (bottom - top) * area.height,
  ];
  context.save();
  context.setLineDash(line.dashes.map((dash) => dash * unit));
  for (const [width, colour] of [
    [4, "rgb(0 0 0 / 70%)"],
    [1.75, line.colour],
  ]) {
    context.lineWidth = width * unit;
    context.strokeStyle = colour;
    context.strokeRect(...place);
  }
  context.restore();
}
