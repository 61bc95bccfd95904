// From farther away the light of each arm is a mark beside the disc: along the arm for green, across it for red, a dot for yellow.

import { LAMP } from './city.js';
import { LAMP_COLOURS } from './palette.js';

const APART = Math.PI / 7; // stop lines that head less apart are of one arm
const FIRST = [LAMP.protected, LAMP.permissive, LAMP.amber, LAMP.red]; // what an arm shows where its lanes differ
const known = new WeakMap();

/** The arms of a signal, each as the direction it lies in and its stop lines. */
function armsOf({ n, heading }) {
  const arms = [];
  for (let k = 0; k < n; k++) {
    const apart = (arm) => Math.abs(Math.atan2(Math.sin(arm.heading - heading[k]), Math.cos(arm.heading - heading[k])));
    const arm = arms.find((one) => apart(one) < APART);
    if (arm) arm.stops.push(k);
    else arms.push({ heading: heading[k], stops: [k] });
  }
  return arms;
}

function arms(own) {
  if (!known.has(own)) known.set(own, armsOf(own));
  return known.get(own);
}

/** The marks around a disc of radius r at (x, y). */
export function drawRose(context, city, live, i, x, y, r) {
  const own = city.own(i);
  for (const arm of own ? arms(own) : []) {
    const shown = arm.stops.map((k) => live.lamp(i, k).lamp);
    const lamp = FIRST.find((one) => shown.includes(one));
    if (lamp === undefined) continue;
    context.save();
    context.translate(x, y);
    context.rotate(arm.heading + Math.PI);
    context.fillStyle = LAMP_COLOURS[lamp];
    mark(context, lamp, r + 3);
    context.restore();
  }
}

/** A mark above the origin, `far` away from it. */
function mark(context, lamp, far) {
  if (lamp === LAMP.red) context.fillRect(-4.5, -far - 2.5, 9, 2.5);
  else if (lamp === LAMP.amber) {
    context.beginPath();
    context.arc(0, -far - 2.5, 2.8, 0, 7);
    context.fill();
  } else context.fillRect(-2, -far - 9, 4, 9);
}
