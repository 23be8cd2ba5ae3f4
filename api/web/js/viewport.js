/** Where a picture lies in its frame: zoom and pan as pure functions. Lengths are CSS pixels. */

/**
 * A point p of the picture is seen at p × scale + (x, y) of the frame.
 *
 * @typedef {{scale: number, x: number, y: number}} Viewport
 * @typedef {{width: number, height: number}} Size
 */

const LARGEST = 16;
/** How many pixels of the picture's edge stay in the frame, however far it is moved. */
const KEPT = 48;

/** Shows the whole picture, as large as it goes, in the middle. */
export function fitted(picture, frame) {
  const scale = Math.min(frame.width / picture.width, frame.height / picture.height);
  return centred(scale, picture, frame);
}

/** Shows the picture at a scale, in the middle. */
export function centred(scale, picture, frame) {
  return {
    scale,
    x: (frame.width - picture.width * scale) / 2,
    y: (frame.height - picture.height * scale) / 2,
  };
}

/** Zooms by a factor so that the point of the picture under (x, y) stays where it is. */
export function zoomed(viewport, factor, x, y, picture, frame) {
  const smallest = fitted(picture, frame).scale / 2;
  const scale = Math.min(LARGEST, Math.max(smallest, viewport.scale * factor));
  const growth = scale / viewport.scale;
  const moved = { scale, x: x - (x - viewport.x) * growth, y: y - (y - viewport.y) * growth };
  return kept(moved, picture, frame);
}

/** Moves the picture, but never out of the frame. */
export function panned(viewport, dx, dy, picture, frame) {
  return kept({ ...viewport, x: viewport.x + dx, y: viewport.y + dy }, picture, frame);
}

function kept({ scale, x, y }, picture, frame) {
  const within = (value, length, room) => Math.min(room - KEPT, Math.max(KEPT - length, value));
  return {
    scale,
    x: within(x, picture.width * scale, frame.width),
    y: within(y, picture.height * scale, frame.height),
  };
}
