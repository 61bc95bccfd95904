// The map's still layer: roads and junctions, drawn into a canvas of its own and shifted while somebody pans.

const LANE_M = 3.2;
const LEAST_ROAD_PX = { many: 0.6, few: 1.6 };
const MANY = 4000;

function trace(context, part, k, view) {
  const { start, xy } = part;
  for (let p = start[k]; p < start[k + 1]; p++) {
    const x = view.px(xy[2 * p]);
    const y = view.py(xy[2 * p + 1]);
    if (p === start[k]) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
}

const seen = (box, k, [west, south, east, north]) =>
  box[4 * k] <= east && box[4 * k + 2] >= west && box[4 * k + 1] <= north && box[4 * k + 3] >= south;

/** Draw the roads in sight of some sheets: an edge and a filling for each number of lanes, so that crossings look joined. */
export function drawRoads(context, sheets, view, colours) {
  const sight = view.box();
  const byLanes = new Map();
  let count = 0;
  for (const { roads } of sheets) {
    for (let k = 0; k < roads.count; k++) {
      if (!seen(roads.box, k, sight)) continue;
      if (!byLanes.has(roads.lanes[k])) byLanes.set(roads.lanes[k], []);
      byLanes.get(roads.lanes[k]).push([roads, k]);
      count += 1;
    }
  }
  const least = LEAST_ROAD_PX[count > MANY ? 'many' : 'few'];
  const close = view.scale > 0.35;
  context.lineJoin = context.lineCap = 'round';
  for (const edge of close ? [true, false] : [false]) {
    context.strokeStyle = context.fillStyle = edge ? colours['road-edge'] : colours.road;
    for (const [lanes, some] of byLanes) {
      context.lineWidth = Math.max(lanes * LANE_M * view.scale, least) + (edge ? 2 : 0);
      context.lineCap = close ? 'butt' : 'round';
      context.beginPath();
      for (const [roads, k] of some) trace(context, roads, k, view);
      context.stroke();
    }
    if (close) for (const { areas } of sheets) fillAreas(context, areas, view, sight, edge);
  }
}

function fillAreas(context, areas, view, sight, edge) {
  context.beginPath();
  for (let k = 0; k < areas.count; k++) {
    if (!seen(areas.box, k, sight)) continue;
    trace(context, areas, k, view);
    context.closePath();
  }
  if (edge) {
    context.lineWidth = 2;
    context.stroke();
  } else context.fill();
}

/** A bar of a round length: its length and its pixels. */
export function scaleBar(view) {
  const rough = 110 / view.scale;
  const power = 10 ** Math.floor(Math.log10(rough));
  const lengthM = [5, 2, 1].map((f) => f * power).find((length) => length <= rough) ?? power;
  return { lengthM, px: lengthM * view.scale };
}
