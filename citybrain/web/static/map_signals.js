// The map's living layer: signals as dots, as discs, or with their stop lines, by how close one looks.

import { LAMP } from './city.js';
import { drawRose } from './map_rose.js';
import { healthShape, inkOn, LAMP_COLOURS, layerStep, stepColour } from './palette.js';

export const CLOSE = 0.55; // px per metre from which stop lines are drawn
export const DISCS = 0.06;
const LANE_M = 3.2;
const MOST_DISCS = 700;
const MOST_ROSES = 200;
const RADII = [5, 6, 7.5, 9, 10.5, 12, 13.5, 15];

/** The signals in sight. */
export function inSight(city, view) {
  const [west, south, east, north] = view.box();
  const found = [];
  for (let i = 0; i < city.count; i++) {
    const x = city.xy[2 * i];
    const y = city.xy[2 * i + 1];
    if (x >= west && x <= east && y >= south && y <= north) found.push(i);
  }
  return found;
}

/** Whether the lights of the arms are drawn around the discs: from farther away, where the signals are few. */
export const roses = (view, some) => view.scale < CLOSE && some.length <= MOST_ROSES;

/** Draw every signal in sight; what is drawn follows from the scale and from how many there are. */
export function drawSignals(context, city, live, view, layer, selected, colours) {
  const some = inSight(city, view);
  if (view.scale >= CLOSE) {
    for (const i of some) drawStops(context, city, live, view, i);
    drawDiscs(context, city, live, view, layer, some, colours);
  } else if (some.length <= MOST_DISCS) drawDiscs(context, city, live, view, layer, some, colours);
  else drawDots(context, city, live, view, layer, some);
  if (selected >= 0) ring(context, city, view, selected, colours);
}

/** How far its stop lines lie from a signal's middle [px]. */
function reach(city, view, i) {
  const { n, xy } = city.own(i) ?? { n: 0 };
  let far = 0;
  for (let k = 0; k < n; k++) far = Math.max(far,
    Math.hypot(xy[2 * k] - city.xy[2 * i], xy[2 * k + 1] - city.xy[2 * i + 1]));
  return far * view.scale;
}

/** How far apart signals are, were they spread evenly [px]. */
const apart = (city, view) => view.scale * Math.sqrt((city.size[0] * city.size[1]) / Math.max(city.count, 1));

function drawDots(context, city, live, view, layer, some) {
  const bySteps = [[], [], [], [], [], []];
  for (const i of some) bySteps[layerStep(layer, live, i) + 1].push(i);
  const most = 0.8 * apart(city, view);
  const size = Math.max(1, Math.min(5, Math.max(2, 60 * view.scale), most));
  bySteps.forEach((part, step) => {
    context.fillStyle = stepColour(step - 1);
    // Worse is larger as well as redder.
    const side = Math.min(size + (step > 3 ? step - 3 : 0), Math.max(most, size));
    for (const i of part) context.fillRect(view.px(city.xy[2 * i]) - side / 2, view.py(city.xy[2 * i + 1]) - side / 2, side, side);
  });
  context.fillStyle = '#cc79a7';
  for (const i of some) if (live.health[i] > 0) cross(context, view.px(city.xy[2 * i]), view.py(city.xy[2 * i + 1]), 4);
}

function cross(context, x, y, r) {
  context.fillRect(x - r, y - 1, 2 * r, 2);
  context.fillRect(x - 1, y - r, 2, 2 * r);
}

function drawDiscs(context, city, live, view, layer, some, colours) {
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  const close = view.scale >= CLOSE;
  const most = some.length > MOST_ROSES ? Math.max(0.45 * apart(city, view), 3) : Infinity;
  for (const i of some) {
    // From close by the middle belongs to the lights, so the disc stands beside it.
    const aside = close ? (reach(city, view, i) + 32) * 0.75 : 0;
    const x = view.px(city.xy[2 * i]) - aside;
    const y = view.py(city.xy[2 * i + 1]) - aside;
    const step = layerStep(layer, live, i);
    const wished = RADII[layer === 'queue' ? live.queue[i] : Math.max(step, 0) + 2];
    const r = close ? 12 : Math.min(wished, most);
    context.beginPath();
    context.arc(x, y, r, 0, 7);
    context.fillStyle = stepColour(step);
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = colours.surface;
    context.stroke();
    if (roses(view, some)) drawRose(context, city, live, i, x, y, r);
    if (close && live.phase(i) > 0) {
      context.fillStyle = step < 0 ? '#ffffff' : inkOn(step);
      context.font = `600 ${Math.round(r)}px system-ui, sans-serif`;
      context.fillText(String(live.phase(i)), x, y + 0.5);
    }
    if (live.health[i] > 0) badge(context, x + r * 0.8, y - r * 0.8, healthShape(live.health[i]), colours);
  }
}

function badge(context, x, y, shape, colours) {
  context.beginPath();
  context.arc(x, y, 8, 0, 7);
  context.fillStyle = colours.surface;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = colours.ink;
  context.stroke();
  context.fillStyle = colours.ink;
  context.font = '10px system-ui, sans-serif';
  context.fillText(shape, x, y + 0.5);
}

function ring(context, city, view, i, colours) {
  const r = view.scale >= CLOSE ? reach(city, view, i) + 14 : 20;
  for (const [width, style] of [[5, colours.surface], [2, colours.accent]]) {
    context.beginPath();
    context.arc(view.px(city.xy[2 * i]), view.py(city.xy[2 * i + 1]), r, 0, 7);
    context.lineWidth = width;
    context.strokeStyle = style;
    context.stroke();
  }
}

/** Stop lines: a bar for red, an arrowhead for green (hollow where it yields), a diamond for yellow. */
function drawStops(context, city, live, view, i) {
  const { n, xy, heading } = city.own(i) ?? { n: 0 };
  const unit = Math.min(Math.max(LANE_M * view.scale, 5), 22);
  for (let k = 0; k < n; k++) {
    const { lamp, partly } = live.lamp(i, k);
    context.save();
    context.translate(view.px(xy[2 * k]), view.py(xy[2 * k + 1]));
    context.rotate(heading[k]);
    drawLamp(context, lamp, partly, unit);
    context.restore();
  }
}

/** A lamp at the origin, its traffic going up; `unit` is the lane's width in pixels. */
export function drawLamp(context, lamp, partly, unit) {
  const w = unit * 0.43;
  context.fillStyle = context.strokeStyle = LAMP_COLOURS[lamp];
  context.lineWidth = Math.max(unit * 0.16, 1.5);
  context.beginPath();
  if (lamp === LAMP.protected || lamp === LAMP.permissive) {
    context.moveTo(-w, 0.2 * unit);
    context.lineTo(0, -0.75 * unit);
    context.lineTo(w, 0.2 * unit);
    context.closePath();
    if (lamp === LAMP.protected) context.fill();
    else context.stroke();
  } else if (lamp === LAMP.amber) {
    context.moveTo(0, -0.45 * unit);
    context.lineTo(w, 0);
    context.lineTo(0, 0.45 * unit);
    context.lineTo(-w, 0);
    context.closePath();
    context.fill();
  } else {
    const thick = Math.max(unit * 0.26, 2.5);
    context.fillRect(-w, -thick / 2, 2 * w, thick);
  }
  if (partly) {
    context.fillStyle = LAMP_COLOURS[LAMP.red];
    context.fillRect(-w, 0.34 * unit, 2 * w, Math.max(unit * 0.14, 1.5));
  }
}
