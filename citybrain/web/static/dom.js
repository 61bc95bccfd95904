// Elements without markup strings: what users and controllers write can never become code.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') for (const [event, call] of Object.entries(value)) element.addEventListener(event, call);
    else if (name === 'text') element.textContent = value;
    else if (name === 'vars') for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (name === 'value') continue; // a select knows its value once it has its options
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  if (props?.value !== undefined && props.value !== null) element.value = props.value;
  return element;
}

/** An HTML element; `on` has listeners, `text` its text, `vars` custom properties of its style. */
export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);

/** An SVG element. */
export const s = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

/** Put these children in place of those there are. */
export function put(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

/** Put these in place of what is there, under the hands of whoever works with it: a press is waited for, the focus stays on its id. */
export function renew(element, ...children) {
  if (element.querySelector('button:active')) return;
  const focused = element.contains(document.activeElement) ? document.activeElement.id : '';
  put(element, ...children);
  if (focused) byId(focused)?.focus();
}

/** The element of an id. */
export const byId = (id) => document.getElementById(id);

/** Let screen readers say something. */
export function say(sentence) {
  byId('said').textContent = sentence;
}

/** A colour of the style sheet, for canvases. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
