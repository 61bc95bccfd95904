// What part of the city is seen: a centre, a scale, and the canvas in front of it. Metres to pixels and back.

const LARGEST = 12; // px per metre
const MARGIN_PX = 40;
const LEGEND_PX = 100; // at the bottom, kept free when the whole city is shown

export class View {
  constructor(size) {
    this.size = size; // of the city [m]
    this.width = this.height = 1; // of the canvas [px]
    this.fit();
  }

  /** The whole city. */
  fit() {
    const room = [Math.max(this.width - 2 * MARGIN_PX, 50), Math.max(this.height - 2 * MARGIN_PX - LEGEND_PX, 50)];
    this.scale = Math.min(room[0] / Math.max(this.size[0], 100), room[1] / Math.max(this.size[1], 100));
    this.x = this.size[0] / 2;
    this.y = this.size[1] / 2 - LEGEND_PX / 2 / this.scale;
    this.least = this.scale / 2;
  }

  px(x) {
    return (x - this.x) * this.scale + this.width / 2;
  }

  py(y) {
    return (this.y - y) * this.scale + this.height / 2;
  }

  metres(px, py) {
    return [(px - this.width / 2) / this.scale + this.x, this.y - (py - this.height / 2) / this.scale];
  }

  /** Move by pixels. */
  pan(dx, dy) {
    const least = -LEGEND_PX / this.scale;
    this.x = Math.min(Math.max(this.x - dx / this.scale, 0), this.size[0]);
    this.y = Math.min(Math.max(this.y + dy / this.scale, least), this.size[1]);
  }

  /** Come closer by a factor, with the point under a pixel staying where it is. */
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.metres(px, py);
    this.scale = Math.min(Math.max(this.scale * factor, this.least), LARGEST);
    const [nx, ny] = this.metres(px, py);
    this.x += x - nx;
    this.y += y - ny;
  }

  /** Look at a place, at least this close. */
  lookAt(x, y, scale) {
    this.x = x;
    this.y = y;
    this.scale = Math.max(this.scale, Math.min(scale, LARGEST));
  }

  /** West, south, east and north edge of what is seen, with a margin [m]. */
  box(marginM = 30) {
    const w = this.width / 2 / this.scale + marginM;
    const h = this.height / 2 / this.scale + marginM;
    return [this.x - w, this.y - h, this.x + w, this.y + h];
  }
}
