// A sheet of the map: roads, outlines of junctions, and the stop lines and lamps of its signals, as columns.

import { bytesOf } from './stream.js';

export const column = (text, Kind) => new Kind(bytesOf(text).buffer);

/** Metres east and north of the city's south-west corner. */
export function metres(packed, [west, south]) {
  const dm = column(packed, Int32Array);
  const found = new Float32Array(dm.length);
  for (let k = 0; k < dm.length; k += 2) {
    found[k] = dm[k] / 10 - west;
    found[k + 1] = dm[k + 1] / 10 - south;
  }
  return found;
}

/** Boxes [west, south, east, north] around each part of a row of points. */
function boxes(start, xy) {
  const found = new Float32Array(4 * (start.length - 1));
  for (let k = 0; k + 1 < start.length; k++) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (let p = start[k]; p < start[k + 1]; p++) {
      box[0] = Math.min(box[0], xy[2 * p]);
      box[1] = Math.min(box[1], xy[2 * p + 1]);
      box[2] = Math.max(box[2], xy[2 * p]);
      box[3] = Math.max(box[3], xy[2 * p + 1]);
    }
    found.set(box, 4 * k);
  }
  return found;
}

function shapes(part, bounds) {
  const start = column(part.start, Uint32Array);
  const xy = metres(part.xy_dm, bounds);
  return { start, xy, box: boxes(start, xy), count: start.length - 1 };
}

const NOTHING = { start: new Uint32Array(1), xy: new Float32Array(0), box: new Float32Array(0), count: 0 };

export class Sheet {
  constructor(body, bounds) {
    this.roads = body.roads ? { ...shapes(body.roads, bounds), lanes: column(body.roads.lanes, Uint8Array) } : NOTHING;
    this.areas = body.areas ? shapes(body.areas, bounds) : NOTHING;
    this.own = body.stops ? owned(body, bounds) : [];
  }
}

/** By signal of the sheet: its stop lines (n, places, headings), and what each phase shows at them [phase, stop line]. */
function owned({ stops, lamps }, bounds) {
  const start = column(stops.start, Uint32Array);
  const lit = column(lamps.start, Uint32Array);
  const codes = column(lamps.code, Uint8Array);
  const xy = metres(stops.xy_dm, bounds);
  const heading = Float32Array.from(column(stops.heading_ddeg, Int16Array), (ddeg) => (ddeg * Math.PI) / 1800);
  return Array.from({ length: start.length - 1 }, (_, i) => ({
    n: start[i + 1] - start[i], xy: xy.subarray(2 * start[i], 2 * start[i + 1]), heading: heading.subarray(start[i], start[i + 1]),
    codes: codes.subarray(lit[i], lit[i + 1]),
  }));
}
