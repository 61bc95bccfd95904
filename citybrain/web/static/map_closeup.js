// The open signal from close by: who may drive which way through the junction, and how far the queues reach back.

import { aspects } from './now_tab.js';
import { LAMP_COLOURS, queueStep, RAMP } from './palette.js';
import { LAMP } from './city.js';

const VEHICLE_M = 7.5; // of street that a standing vehicle takes
const LANE_M = 3.2;
const LEVELS_VEH = [1, 3, 6, 10, 15, 21, 31];

/** Vehicles on each lane: a movement's queue is shared out evenly among its lanes. */
export function laneQueues(detail, drawing) {
  const queues = drawing.lanes.map(() => 0);
  drawing.movements.forEach((m, k) => {
    for (const lane of m.stops) queues[lane] += (detail.queue_veh?.[k] ?? 0) / m.stops.length;
  });
  return queues;
}

/** The last metres of a line [[x, y]…], from its end backwards. */
export function lastMetres(points, lengthM) {
  const found = [points.at(-1)];
  let left = lengthM;
  for (let k = points.length - 2; k >= 0 && left > 0; k--) {
    const [x, y] = points[k + 1];
    const [dx, dy] = [points[k][0] - x, points[k][1] - y];
    const step = Math.hypot(dx, dy);
    const share = step > 0 ? Math.min(left / step, 1) : 0;
    found.push([x + share * dx, y + share * dy]);
    left -= step;
  }
  return found;
}

/** Draw it; `before` is the phase that was green before a running intergreen. */
export function drawCloseUp(context, city, view, detail, drawing, before, colours) {
  const place = ([x, y]) => [view.px(x - city.origin[0]), view.py(y - city.origin[1])];
  const stroke = (points) => {
    context.beginPath();
    points.forEach((point, k) => context[k ? 'lineTo' : 'moveTo'](...place(point)));
    context.stroke();
  };
  drawLanes(context, view, drawing, stroke, colours);
  drawQueues(context, view, detail, drawing, stroke);
  const lights = aspects(detail, drawing, before);
  drawing.movements.forEach((m, k) => {
    const lit = { G: LAMP.protected, g: LAMP.permissive, y: LAMP.amber }[lights[k]];
    if (!lit || m.turn === 'u_turn' || !m.path.length) return;
    context.strokeStyle = LAMP_COLOURS[lit];
    context.lineWidth = Math.max(0.7 * view.scale, 1.5);
    context.setLineDash(lit === LAMP.permissive ? [5, 4] : []);
    const points = m.path.flat();
    stroke(points);
    context.setLineDash([]);
    arrowHead(context, place(points.at(-2) ?? points[0]), place(points.at(-1)), Math.max(1.7 * view.scale, 5));
  });
}

/** The lanes that lead to its stop lines, one beside the other. */
function drawLanes(context, view, drawing, stroke, colours) {
  context.lineCap = 'butt';
  for (const [style, width] of [[colours['road-edge'], LANE_M * view.scale], [colours.road, LANE_M * view.scale - 1.5]]) {
    context.strokeStyle = style;
    context.lineWidth = Math.max(width, 1);
    drawing.lanes.forEach(stroke);
  }
}

function drawQueues(context, view, detail, drawing, stroke) {
  context.lineCap = 'butt';
  laneQueues(detail, drawing).forEach((queue, lane) => {
    if (queue < 0.5) return;
    const level = LEVELS_VEH.filter((least) => queue >= least).length;
    context.strokeStyle = RAMP[Math.max(queueStep(level), 1)];
    context.lineWidth = Math.max(0.55 * LANE_M * view.scale, 3);
    stroke(lastMetres(drawing.lanes[lane], queue * VEHICLE_M));
  });
}

function arrowHead(context, from, to, size) {
  const angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
  context.fillStyle = context.strokeStyle;
  context.beginPath();
  context.moveTo(to[0] + size * 0.6 * Math.cos(angle), to[1] + size * 0.6 * Math.sin(angle));
  for (const turn of [2.5, -2.5]) context.lineTo(to[0] + size * 0.8 * Math.cos(angle + turn), to[1] + size * 0.8 * Math.sin(angle + turn));
  context.closePath();
  context.fill();
}
