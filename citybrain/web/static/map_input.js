// Hands on the map: mouse, touch and keys.

const STEP_PX = 70;
const CLICK_PX = 5;

/** Let a CityMap be panned, zoomed and clicked. */
export function listen(map) {
  const held = new Map(); // pointers that are down
  let moved = 0;
  const canvas = map.canvas;
  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (held.size === 0) moved = 0;
    held.set(event.pointerId, at(event));
    map.aiming = false;
  });
  canvas.addEventListener('pointermove', (event) => {
    const now = at(event);
    if (!held.has(event.pointerId)) {
      map.point(...now);
      return;
    }
    moved += drag(map, held, event.pointerId, now);
    held.set(event.pointerId, now);
    if (moved > CLICK_PX) {
      map.tip.hidden = true;
      map.moved();
    }
  });
  const up = (event) => {
    if (!held.delete(event.pointerId) || moved > CLICK_PX || event.type === 'pointercancel') return;
    const i = map.at(...at(event));
    if (i >= 0) map.choose(i);
  };
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('pointercancel', up);
  canvas.addEventListener('pointerleave', () => (map.tip.hidden = true));
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    map.view.zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.04 : 0.0016)), ...at(event));
    map.moved();
  }, { passive: false });
  canvas.addEventListener('keydown', (event) => keyed(map, event));
  canvas.addEventListener('blur', () => {
    map.aiming = false;
    map.draw();
  });
}

/** One finger pans, two pinch; how far it went [px]. */
function drag(map, held, id, now) {
  const before = held.get(id);
  const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
  const other = [...held].find(([one]) => one !== id)?.[1];
  if (other) {
    const was = Math.hypot(before[0] - other[0], before[1] - other[1]);
    const is = Math.hypot(now[0] - other[0], now[1] - other[1]);
    map.view.zoom(is / Math.max(was, 1), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    map.view.pan(dx / 2, dy / 2);
  } else map.view.pan(dx, dy);
  return Math.hypot(dx, dy);
}

const PANS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function keyed(map, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const pan = PANS[event.key];
  if (pan) map.view.pan(pan[0] * STEP_PX, pan[1] * STEP_PX);
  else if (event.key === '+' || event.key === '=') map.view.zoom(1.4);
  else if (event.key === '-') map.view.zoom(1 / 1.4);
  else if (event.key === '0' || event.key === 'Home') map.view.fit();
  else if (event.key === 'Enter' || event.key === ' ') {
    const i = map.at(map.view.width / 2, map.view.height / 2, 120);
    if (i >= 0) map.choose(i);
  } else return;
  event.preventDefault();
  map.aiming = true;
  map.moved();
  map.announce();
}
